package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.Shapes;
import io.github.vicmae.kernel.TypedKernel;
import io.github.vicmae.kernel.WarpRows;

/** The decoder's input: visible tokens in their places, mask tokens in the others, plus positions (cuda/tokens.cu; He et al. 2022). */
public final class TokenKernels {
    private static final int THREADS = 128;
    /** Partial sums of the token gradients per partial block of the device: rows are also copied, and more blocks keep more loads in flight. */
    private static final int MORE_PARTS = 4;

    private final Stream stream;
    private final TypedKernel scatter;
    private final TypedKernel gather;
    private final Reduce reduce;

    public TokenKernels(Stream stream) {
        this.stream = stream;
        scatter = TypedKernel.of(stream.device(), "tokens", "tokens_scatter", "ppppppppiiiiiii");
        gather = TypedKernel.of(stream.device(), "tokens", "tokens_gather", "ppppiiiiiii");
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that {@link #gather} needs. */
    public static int scratchSize(Stream stream, int width) {
        return Math.multiplyExact(MORE_PARTS, Reduce.scratchSize(stream, 2 * width));
    }

    /**
     * @param out [samples, grid.tokens(), width], written
     * @param embedded [samples, encoded.tokens(kept), width], floats or bfloat16, the encoder's class token first if it has one
     * @param maskToken [width]
     * @param cls [width], a class token that starts here; or null, if the encoder's goes on or there is none
     * @param positions one for each token of out
     * @param restore [samples, patches] integers
     * @param grid of out
     * @param encoded the encoder's grid: it may have a class token where {@code grid} has none or another
     */
    public void scatter(
            Tensor out,
            Tensor embedded,
            Tensor maskToken,
            Tensor cls,
            PositionTables positions,
            Tensor restore,
            PatchGrid grid,
            PatchGrid encoded,
            int samples,
            int kept,
            int width) {
        int patches = grid.patches();
        checkGrids(grid, encoded, cls);
        Shapes.floats("tokens", "out", out, samples, grid.tokens(), width);
        Shapes.typed("tokens", "embedded", embedded, embedded.dtype(), samples, encoded.tokens(kept), width, 1);
        Shapes.floats("tokens", "maskToken", maskToken, width);
        if (cls != null) {
            Shapes.floats("tokens", "cls", cls, width);
        }
        positions.check("tokens", grid, width);
        Shapes.ints("tokens", "restore", restore, samples, patches);
        stream.begin(scatter.form(embedded))
                .arg(out)
                .arg(embedded)
                .arg(maskToken)
                .argOrNull(cls);
        positions.pack(stream, grid, width);
        stream.arg(restore).arg(samples).arg(patches).arg(kept).arg(width);
        stream.arg(grid.classTokens()).arg(encoded.classTokens()).arg(grid.places());
        stream.launch(WarpRows.blocks(Math.multiplyExact(samples, grid.tokens())), WarpRows.THREADS);
    }

    /**
     * The gradients of {@link #scatter}, but for those of trained positions: see {@link PositionKernels}.
     *
     * @param dembedded [samples, encoded.tokens(kept), width], floats or bfloat16, written; 0 for a class token that does not go on
     * @param dmaskToken [width], added to
     * @param dcls [width], added to; null if no class token starts here
     * @param dout [samples, grid.tokens(), width]
     * @param restore [samples, patches] integers
     * @param keep [samples, kept] integers, the inverse of {@code restore}: the rows are visited in the order of {@code restore}, so it is
     *     checked and not read
     * @param scratch at least {@link #scratchSize} floats
     */
    public void gather(
            Tensor dembedded,
            Tensor dmaskToken,
            Tensor dcls,
            Tensor dout,
            Tensor restore,
            Tensor keep,
            PatchGrid grid,
            PatchGrid encoded,
            int samples,
            int kept,
            int width,
            Tensor scratch) {
        int patches = grid.patches();
        checkGrids(grid, encoded, dcls);
        Shapes.typed("tokens", "dembedded", dembedded, dembedded.dtype(), samples, encoded.tokens(kept), width, 1);
        Shapes.floats("tokens", "dmaskToken", dmaskToken, width);
        Shapes.floats("tokens", "dout", dout, samples, grid.tokens(), width);
        Shapes.ints("tokens", "restore", restore, samples, patches);
        Shapes.ints("tokens", "keep", keep, samples, kept);
        Shapes.atLeast("tokens", "scratch", scratch, scratchSize(stream, width));
        Math.multiplyExact(samples, grid.tokens()); // the kernel counts the rows
        int parts = MORE_PARTS * stream.device().partialBlocks();
        stream.begin(gather.form(dembedded))
                .arg(dembedded)
                .arg(scratch)
                .arg(dout)
                .arg(restore);
        stream.arg(samples).arg(patches).arg(kept).arg(width);
        stream.arg(grid.classTokens()).arg(encoded.classTokens()).arg(dcls == null ? 0 : 1);
        stream.launch(parts, Reduce.strips(stream, width, THREADS, dout.dtype()), 1, THREADS, 0);
        if (dcls == null) {
            reduce.finish(dmaskToken, scratch, parts, width);
        } else {
            Shapes.floats("tokens", "dcls", dcls, width);
            reduce.finish(dmaskToken, dcls, scratch, parts, width);
        }
    }

    private static void checkGrids(PatchGrid grid, PatchGrid encoded, Tensor cls) {
        boolean starts = cls != null;
        if (grid.patches() != encoded.patches()
                || (starts && !grid.classToken())
                || (!starts && grid.classToken() != encoded.classToken())) {
            throw new IllegalArgumentException("tokens cannot go from " + encoded + " to " + grid + " with"
                    + (starts ? "" : "out") + " a class token that starts there");
        }
    }
}
