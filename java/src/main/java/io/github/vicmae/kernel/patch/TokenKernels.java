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
    /** Parts of the mask token's gradient for each of the device's: rows are copied on the way, and more blocks keep more of them on theirs. */
    private static final int MORE_PARTS = 4;

    private final Stream stream;
    private final TypedKernel scatter;
    private final TypedKernel gather;
    private final Reduce reduce;

    public TokenKernels(Stream stream) {
        this.stream = stream;
        scatter = TypedKernel.of(stream.device(), "tokens", "tokens_scatter", "pppppiiii");
        gather = TypedKernel.of(stream.device(), "tokens", "tokens_gather", "ppppiiii");
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that {@link #gather} needs. */
    public static int scratchSize(Stream stream, int width) {
        return Math.multiplyExact(MORE_PARTS, Reduce.scratchSize(stream, width));
    }

    /**
     * @param out [samples, grid.tokens(), width], written
     * @param embedded [samples, grid.tokens(kept), width], floats or bfloat16, the class token first
     * @param maskToken [width]
     * @param positions [grid.tokens(), width]
     * @param restore [samples, patches] integers
     */
    public void scatter(
            Tensor out,
            Tensor embedded,
            Tensor maskToken,
            Tensor positions,
            Tensor restore,
            PatchGrid grid,
            int samples,
            int kept,
            int width) {
        int patches = grid.patches();
        Shapes.floats("tokens", "out", out, samples, grid.tokens(), width);
        Shapes.typed("tokens", "embedded", embedded, embedded.dtype(), samples, grid.tokens(kept), width, 1);
        Shapes.floats("tokens", "maskToken", maskToken, width);
        Shapes.floats("tokens", "positions", positions, grid.tokens(), width);
        Shapes.ints("tokens", "restore", restore, samples, patches);
        stream.begin(scatter.form(embedded))
                .arg(out)
                .arg(embedded)
                .arg(maskToken)
                .arg(positions)
                .arg(restore);
        stream.arg(samples).arg(patches).arg(kept).arg(width);
        stream.launch(WarpRows.blocks(Math.multiplyExact(samples, grid.tokens())), WarpRows.THREADS);
    }

    /**
     * The gradients of {@link #scatter}.
     *
     * @param dembedded [samples, grid.tokens(kept), width], floats or bfloat16, written
     * @param dmaskToken [width], added to
     * @param dout [samples, grid.tokens(), width]
     * @param restore [samples, patches] integers
     * @param keep [samples, kept] integers, the inverse of {@code restore}: the rows are visited in the order of {@code restore}, so it is
     *     checked and not read
     * @param scratch at least {@link #scratchSize} floats
     */
    public void gather(
            Tensor dembedded,
            Tensor dmaskToken,
            Tensor dout,
            Tensor restore,
            Tensor keep,
            PatchGrid grid,
            int samples,
            int kept,
            int width,
            Tensor scratch) {
        int patches = grid.patches();
        Shapes.typed("tokens", "dembedded", dembedded, dembedded.dtype(), samples, grid.tokens(kept), width, 1);
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
        stream.launch(parts, Reduce.strips(stream, width, THREADS, dout.dtype()), 1, THREADS, 0);
        reduce.finish(dmaskToken, scratch, parts, width);
    }
}
