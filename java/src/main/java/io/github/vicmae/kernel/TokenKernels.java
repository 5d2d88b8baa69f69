package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** The decoder's input: visible tokens in their places, mask tokens in the others, plus positions (cuda/tokens.cu; He et al. 2022). */
public final class TokenKernels {
    private static final int THREADS = 128;

    private final Stream stream;
    private final TypedKernel scatter;
    private final TypedKernel gather;
    private final Kernel maskPartial;
    private final Reduce reduce;

    public TokenKernels(Stream stream) {
        this.stream = stream;
        scatter = TypedKernel.of(stream.device(), "tokens", "tokens_scatter", "pppppiiii");
        gather = TypedKernel.of(stream.device(), "tokens", "tokens_gather", "pppiiii");
        maskPartial = stream.device().kernel("tokens", "tokens_mask_partial", "pppiiii");
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that {@link #gather} needs. */
    public static int scratchSize(Stream stream, int width) {
        return Reduce.scratchSize(stream, width);
    }

    /**
     * @param out [samples, 1 + patches, width], written
     * @param embedded [samples, 1 + kept, width], floats or bfloat16, the class token first
     * @param maskToken [width]
     * @param positions [1 + patches, width]
     * @param restore [samples, patches] integers
     */
    public void scatter(
            Tensor out,
            Tensor embedded,
            Tensor maskToken,
            Tensor positions,
            Tensor restore,
            int samples,
            int patches,
            int kept,
            int width) {
        Shapes.floats("tokens", "out", out, samples, 1 + patches, width);
        Shapes.typed("tokens", "embedded", embedded, embedded.dtype(), samples, 1 + kept, width, 1);
        Shapes.floats("tokens", "maskToken", maskToken, width);
        Shapes.floats("tokens", "positions", positions, 1 + patches, width);
        Shapes.ints("tokens", "restore", restore, samples, patches);
        stream.begin(scatter.form(embedded))
                .arg(out)
                .arg(embedded)
                .arg(maskToken)
                .arg(positions)
                .arg(restore);
        stream.arg(samples).arg(patches).arg(kept).arg(width);
        stream.launch(Math.multiplyExact(samples, 1 + patches), THREADS);
    }

    /**
     * The gradients of {@link #scatter}.
     *
     * @param dembedded [samples, 1 + kept, width], floats or bfloat16, written
     * @param dmaskToken [width], added to
     * @param dout [samples, 1 + patches, width]
     * @param restore [samples, patches] integers
     * @param keep [samples, kept] integers
     * @param scratch at least {@link #scratchSize} floats
     */
    public void gather(
            Tensor dembedded,
            Tensor dmaskToken,
            Tensor dout,
            Tensor restore,
            Tensor keep,
            int samples,
            int patches,
            int kept,
            int width,
            Tensor scratch) {
        Shapes.typed("tokens", "dembedded", dembedded, dembedded.dtype(), samples, 1 + kept, width, 1);
        Shapes.floats("tokens", "dmaskToken", dmaskToken, width);
        Shapes.floats("tokens", "dout", dout, samples, 1 + patches, width);
        Shapes.ints("tokens", "restore", restore, samples, patches);
        Shapes.ints("tokens", "keep", keep, samples, kept);
        Shapes.atLeast("tokens", "scratch", scratch, scratchSize(stream, width));
        stream.begin(gather.form(dembedded)).arg(dembedded).arg(dout).arg(keep);
        stream.arg(samples).arg(patches).arg(kept).arg(width);
        stream.launch(Math.multiplyExact(samples, 1 + kept), THREADS);
        int parts = stream.device().partialBlocks();
        stream.begin(maskPartial).arg(scratch).arg(dout).arg(restore);
        stream.arg(samples).arg(patches).arg(kept).arg(width).launch(parts, THREADS);
        reduce.finish(dmaskToken, scratch, 0, parts, width, width);
    }
}
