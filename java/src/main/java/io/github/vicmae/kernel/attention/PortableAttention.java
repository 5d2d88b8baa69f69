package io.github.vicmae.kernel.attention;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;

/** Attention in ordinary arithmetic (cuda/attention.cu), for floats and bfloat16, on every device. */
final class PortableAttention {
    // The shared memory of a block on any card since compute capability 8.0, and about half of a core's L2 cache.
    private static final int CUDA_SHARED_BYTES = 99 * 1024;
    private static final int CPU_SHARED_BYTES = 1024 * 1024;
    private static final int FEW_TOKENS = 32;
    // The kernels' micro-tiles divide these on every device.
    private static final int QUERY_UNIT = 12;
    private static final int KEY_UNIT = 16;
    /** A query tile should have this many rows before the keys are split into tiles. */
    private static final int WANTED_QUERIES = 48;

    private final Stream stream;
    private final Kernel forward;
    private final Kernel forwardBf16;
    private final Kernel backward;
    private final Kernel backwardBf16;
    private final int sharedBytes;

    /**
     * @param sharedBytes the most shared memory that a block may take; 0 for what suits the kind of device
     */
    PortableAttention(Stream stream, int sharedBytes) {
        this.stream = stream;
        boolean cpu = stream.device().kind() == Device.Kind.CPU;
        this.sharedBytes = sharedBytes > 0 ? sharedBytes : cpu ? CPU_SHARED_BYTES : CUDA_SHARED_BYTES;
        forward = stream.device().kernel("attention", "attention_forward", "pppiiiiii");
        forwardBf16 = stream.device().kernel("attention", "attention_forward_bf16", "pppiiiiii");
        backward = stream.device().kernel("attention", "attention_backward", "ppppppiiiiii");
        backwardBf16 = stream.device().kernel("attention", "attention_backward_bf16", "pppppppiiiiii");
    }

    /** See {@link AttentionKernels#forward}; the shapes are checked. */
    void forward(boolean half, Tensor out, Tensor lse, Tensor qkv, int samples, int tokens, int heads, int headDim) {
        int keyTile = keyTile(false, half, tokens, headDim);
        int queryTile = queryTile(false, half, tokens, headDim, keyTile);
        stream.begin(half ? forwardBf16 : forward)
                .arg(out)
                .arg(lse)
                .arg(qkv)
                .arg(samples)
                .arg(tokens);
        stream.arg(heads).arg(headDim).arg(queryTile).arg(keyTile);
        launch(samples, tokens, heads, forwardFloats(half, queryTile, keyTile, headDim));
    }

    /** See {@link AttentionKernels#backward}; the shapes are checked, but for scratch. */
    void backward(
            boolean half,
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
        int keyTile = keyTile(true, half, tokens, headDim);
        int queryTile = queryTile(true, half, tokens, headDim, keyTile);
        stream.begin(half ? backwardBf16 : backward).arg(dqkv).arg(dout).arg(qkv);
        stream.arg(out).arg(lse).arg(scratch);
        if (half) {
            if (keyTile < tokens) {
                long delta = (long) samples * heads * tokens;
                Shapes.atLeast("attention", "scratch", scratch, delta * (1 + headDim));
                stream.arg(scratch, delta);
            } else {
                stream.argOrNull(null);
            }
        }
        stream.arg(samples).arg(tokens).arg(heads).arg(headDim).arg(queryTile).arg(keyTile);
        launch(samples, tokens, heads, backwardFloats(half, queryTile, keyTile, headDim));
    }

    private void launch(int samples, int tokens, int heads, int floats) {
        stream.launch(Math.multiplyExact(samples, heads), 1, 1, tokens <= FEW_TOKENS ? 128 : 256, 4 * floats);
    }

    /** All keys in one tile if that leaves room for enough queries; otherwise the smallest number of equal tiles that does. */
    private int keyTile(boolean back, boolean half, int tokens, int headDim) {
        int queries = Math.min(roundUp(tokens, QUERY_UNIT), WANTED_QUERIES);
        int tile = roundUp(tokens, KEY_UNIT);
        for (int tiles = 2; tile > KEY_UNIT && floats(back, half, queries, tile, headDim) > sharedBytes / 4; tiles++) {
            tile = roundUp((tokens + tiles - 1) / tiles, KEY_UNIT);
        }
        return tile;
    }

    private int queryTile(boolean back, boolean half, int tokens, int headDim, int keyTile) {
        int tile = roundUp(tokens, QUERY_UNIT);
        for (int tiles = 2;
                tile > QUERY_UNIT && floats(back, half, tile, keyTile, headDim) > sharedBytes / 4;
                tiles++) {
            tile = roundUp((tokens + tiles - 1) / tiles, QUERY_UNIT);
        }
        return tile;
    }

    private static int floats(boolean back, boolean half, int queryTile, int keyTile, int headDim) {
        return back
                ? backwardFloats(half, queryTile, keyTile, headDim)
                : forwardFloats(half, queryTile, keyTile, headDim);
    }

    /** Floats of shared memory of attention_forward: its tiles in their order; partial results last. */
    private static int forwardFloats(boolean half, int queryTile, int keyTile, int headDim) {
        int dimRow = dimRow(headDim);
        int keyRow = keyRow(keyTile);
        int partial = half ? queryTile * dimRow : 0;
        return queryTile * dimRow + headDim * keyRow + keyTile * dimRow + queryTile * keyRow + 5 * queryTile + partial;
    }

    /** Floats of shared memory of attention_backward; dS may be read up to a micro-tile past its end. */
    private static int backwardFloats(boolean half, int queryTile, int keyTile, int headDim) {
        int dimRow = dimRow(headDim);
        int keyRow = keyRow(keyTile);
        int partial = half ? 2 * keyTile * dimRow : 0;
        return (2 * queryTile + keyTile) * dimRow + 2 * (headDim + queryTile) * keyRow + KEY_UNIT + partial;
    }

    /** A row's length at most: whole vectors, and what the GPU adds against bank conflicts. */
    private static int dimRow(int headDim) {
        return roundUp(headDim, 16) + 4;
    }

    private static int keyRow(int keyTile) {
        return keyTile + 4;
    }

    private static int roundUp(int n, int unit) {
        return (n + unit - 1) / unit * unit;
    }
}
