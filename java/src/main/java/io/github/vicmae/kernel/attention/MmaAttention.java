package io.github.vicmae.kernel.attention;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;

/**
 * Attention of bfloat16 rows on a card's matrix units (cuda/attention_mma.cu, cuda/attention_mma_backward.cu): chooses the kernel and how much of
 * a head each block keeps in shared memory.
 */
final class MmaAttention {
    /** Rows of a matrix instruction. */
    private static final int TILE = 16;

    private static final int BF16_BYTES = 2;
    private static final int FORWARD_WARPS = 4;
    /** Warps that registers allow a multiprocessor, in the kernels of 255 of them. */
    private static final int FEWEST_WARPS = 8;

    private static final int WARP = 32;
    /** Shared memory that the system reserves for each resident block. */
    private static final int RESERVED_BYTES = 1024;

    /** A head dimension that kernels are compiled for; narrower heads are padded with zeros. The numbers match the sources. */
    enum Form {
        D32(32, 2, 4, 2, 12),
        D64(64, 2, 3, 2, FEWEST_WARPS),
        D80(80, 2, 2, 1, FEWEST_WARPS),
        D128(128, 1, 3, 1, FEWEST_WARPS);

        private static final Form[] ALL = values();

        private final int dim;
        /** Tiles of queries that a forward warp takes at a time. */
        private final int queryTiles;
        /** Forward blocks of four warps that are to fit a multiprocessor. */
        private final int forwardBlocks;
        /** Tiles of keys that a backward warp takes at a time. */
        private final int keyTiles;
        /** The most warps that a backward block, or a multiprocessor, may have. */
        private final int backwardWarps;

        Form(int dim, int queryTiles, int forwardBlocks, int keyTiles, int backwardWarps) {
            this.dim = dim;
            this.queryTiles = queryTiles;
            this.forwardBlocks = forwardBlocks;
            this.keyTiles = keyTiles;
            this.backwardWarps = backwardWarps;
        }

        int dim() {
            return dim;
        }

        int keyTiles() {
            return keyTiles;
        }

        /** The smallest that fits. */
        static Form of(int headDim) {
            int i = 0;
            while (ALL[i].dim < headDim) {
                i++;
            }
            return ALL[i];
        }

        /** Keys held in shared memory at a time in the forward pass: all of them, unless that leaves room for too few blocks. */
        int keyPanel(int tokens, int sharedBytes) {
            int most =
                    ((sharedBytes + RESERVED_BYTES) / forwardBlocks - RESERVED_BYTES) / forwardBytes(1) / TILE * TILE;
            int panels = divideUp(tokens, Math.max(most, TILE));
            return roundUp(divideUp(tokens, panels), TILE);
        }

        /** Shared memory of a forward block: its keys and values. */
        int forwardBytes(int keys) {
            return 2 * keys * dim * BF16_BYTES;
        }

        /** Warps of a forward block. */
        int forwardWarps(int tokens) {
            int units = divideUp(tokens, TILE * queryTiles);
            return divideUp(units, divideUp(units, FORWARD_WARPS));
        }

        /** Tiles of keys held in shared memory at a time in the backward pass: all if the queries fit too, or if there is a warp for each tile. */
        int keyGroup(int tokens, int sharedBytes) {
            int tiles = divideUp(tokens, TILE);
            int all = roundUp(tiles, keyTiles);
            if (backwardBytes(all, tiles) <= sharedBytes) {
                return all;
            }
            int most = backwardWarps * keyTiles;
            while (most > keyTiles && backwardBytes(most, 1) > sharedBytes) {
                most -= keyTiles;
            }
            return roundUp(divideUp(tiles, divideUp(tiles, most)), keyTiles);
        }

        /** Tiles of queries held in shared memory at a time in the backward pass, beside a group of keys. */
        int queryPanel(int tokens, int keyGroup, int sharedBytes) {
            int tiles = divideUp(tokens, TILE);
            int most = tiles;
            while (most > 1 && backwardBytes(keyGroup, most) > sharedBytes) {
                most--;
            }
            return divideUp(tiles, divideUp(tiles, most));
        }

        /** Shared memory of a backward block, in the order of attention_mma_backward.cu: q and dO, keys twice, dS, lse and delta. */
        int backwardBytes(int keyGroup, int queryPanel) {
            int tile = TILE * dim * BF16_BYTES;
            int derivatives = keyGroup * TILE * (queryPanel * TILE * BF16_BYTES + 16);
            return 2 * queryPanel * tile + 2 * keyGroup * tile + derivatives + 8 * queryPanel * TILE;
        }

        /** Warps of a backward block. */
        int backwardWarps(int keyGroup) {
            int units = keyGroup / keyTiles;
            return divideUp(units, divideUp(units, backwardWarps));
        }

        /** Backward blocks that a multiprocessor can have at a time. */
        int backwardBlocks(int warps, int bytes, int sharedBytes) {
            return Math.max(
                    1, Math.min(backwardWarps / warps, (sharedBytes + RESERVED_BYTES) / (bytes + RESERVED_BYTES)));
        }
    }

    private final Stream stream;
    private final int fixedSharedBytes;
    private final Kernel[] forward = new Kernel[Form.ALL.length];
    private final Kernel[] backward = new Kernel[Form.ALL.length];

    /**
     * @param sharedBytes the most shared memory that a block may take; 0 for what the device has
     */
    MmaAttention(Stream stream, int sharedBytes) {
        this.stream = stream;
        fixedSharedBytes = sharedBytes;
        for (Form form : Form.ALL) {
            forward[form.ordinal()] =
                    stream.device().kernel("attention_mma", "attention_mma_forward_" + form.dim, "pppiiiii");
            backward[form.ordinal()] = stream.device()
                    .kernel("attention_mma_backward", "attention_mma_backward_" + form.dim, "ppppppiiiiii");
        }
    }

    /** Whether rows of such heads consist of 16-byte pieces, the unit that the kernels copy. */
    static boolean supports(int headDim) {
        return headDim % 8 == 0;
    }

    /** See {@link AttentionKernels#forward}; the shapes are checked. */
    void forward(Tensor out, Tensor lse, Tensor qkv, int samples, int tokens, int heads, int headDim) {
        Form form = Form.of(headDim);
        int pairs = Math.multiplyExact(samples, heads);
        int panel = form.keyPanel(tokens, sharedBytes());
        int warps = form.forwardWarps(tokens);
        // Blocks share a head's queries if there are too few heads to keep the card busy, or if each round of queries
        // loads the keys again anyway.
        int rounds = divideUp(divideUp(tokens, TILE * form.queryTiles), warps);
        boolean shared = panel < tokens || pairs < 2 * stream.device().processors();
        stream.begin(forward[form.ordinal()]).arg(out).arg(lse).arg(qkv);
        stream.arg(samples).arg(tokens).arg(heads).arg(headDim).arg(panel);
        stream.launch(pairs, shared ? rounds : 1, 1, warps * WARP, form.forwardBytes(panel));
    }

    /** See {@link AttentionKernels#backward}; the shapes are checked. */
    void backward(
            Tensor dqkv,
            Tensor dout,
            Tensor qkv,
            Tensor out,
            Tensor lse,
            int samples,
            int tokens,
            int heads,
            int headDim,
            Tensor scratch) {
        Form form = Form.of(headDim);
        int pairs = Math.multiplyExact(samples, heads);
        int limit = sharedBytes();
        int group = form.keyGroup(tokens, limit);
        int panel = form.queryPanel(tokens, group, limit);
        if (group * TILE < tokens) {
            Shapes.atLeast("attention", "scratch", scratch, (long) pairs * tokens * headDim);
        }
        int warps = form.backwardWarps(group);
        int bytes = form.backwardBytes(group, panel);
        // As many blocks as fit at once: each loads its next head while it computes.
        int blocks = Math.min(pairs, stream.device().processors() * form.backwardBlocks(warps, bytes, limit));
        stream.begin(backward[form.ordinal()])
                .arg(dqkv)
                .arg(dout)
                .arg(qkv)
                .arg(out)
                .arg(lse);
        stream.arg(scratch)
                .arg(samples)
                .arg(tokens)
                .arg(heads)
                .arg(headDim)
                .arg(group)
                .arg(panel);
        stream.launch(blocks, 1, 1, warps * WARP, bytes);
    }

    /**
     * Whether {@link #backward} needs scratch for partial sums, [samples, heads, tokens, headDim], on a card that lets a block have 99 KiB: the
     * keys of a head are more than a block's warps take at once.
     */
    static boolean sumsInPieces(int tokens, int headDim) {
        Form form = Form.of(headDim);
        return divideUp(tokens, TILE) > form.backwardWarps * form.keyTiles;
    }

    private int sharedBytes() {
        return fixedSharedBytes > 0 ? fixedSharedBytes : stream.device().sharedBytes();
    }

    private static int divideUp(int n, int unit) {
        return (n + unit - 1) / unit;
    }

    private static int roundUp(int n, int unit) {
        return divideUp(n, unit) * unit;
    }
}
