package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Pooling of tokens to one row a sample, forward and backward (cuda/pool.cu). Row 0 of a sample's tokens is the class token. */
public final class PoolKernels {
    private static final int THREADS = 64;
    /** Columns that a block of the forward kernel takes, four a thread; STRIP in the source. */
    private static final int STRIP = 256;

    private final Stream stream;
    private final TypedKernel forward;
    private final TypedKernel backwardAll;
    private final Kernel backwardOne;

    public PoolKernels(Stream stream) {
        this.stream = stream;
        forward = TypedKernel.of(stream.device(), "pool", "pool_forward", "pppiiii");
        backwardAll = TypedKernel.of(stream.device(), "pool", "pool_backward_all", "ppppiiii");
        backwardOne = stream.device().kernel("pool", "pool_backward_one", "pppiii");
    }

    /**
     * Pools each sample.
     *
     * @param pooled [samples, width], the tokens' type, written
     * @param argmax [samples, width] integers, written for {@link Pooling#MAX}: the token that has the maximum, the first of several;
     *     otherwise not used and may be null
     * @param tokens [samples, tokenCount, width], floats or bfloat16
     * @param tokenCount the class token included
     */
    public void forward(
            Tensor pooled, Tensor argmax, Tensor tokens, Pooling pooling, int samples, int tokenCount, int width) {
        check(pooled, argmax, tokens, pooling, samples, tokenCount, width);
        stream.begin(forward.form(tokens)).arg(pooled).argOrNull(pooling == Pooling.MAX ? argmax : null);
        stream.arg(tokens).arg(pooling.ordinal()).arg(samples).arg(tokenCount).arg(width);
        stream.launch(samples, (width + STRIP - 1) / STRIP, 1, THREADS, 0);
    }

    /**
     * The gradient of {@link #forward}. Of equal maxima the first takes the whole gradient, where a framework may share it out: they do not
     * occur in practice. GeM's clamp passes the gradient where a token's value is at least 1e-6.
     *
     * @param dtokens [samples, tokenCount, width] of floats, added to
     * @param dpooled [samples, width] of floats
     * @param pooled [samples, width], what {@link #forward} wrote
     * @param argmax [samples, width] integers, what {@link #forward} wrote; null unless {@link Pooling#MAX}
     * @param tokens [samples, tokenCount, width]
     */
    public void backward(
            Tensor dtokens,
            Tensor dpooled,
            Tensor pooled,
            Tensor argmax,
            Tensor tokens,
            Pooling pooling,
            int samples,
            int tokenCount,
            int width) {
        check(pooled, argmax, tokens, pooling, samples, tokenCount, width);
        Shapes.floats("pool", "dtokens", dtokens, samples, tokenCount, width);
        Shapes.floats("pool", "dpooled", dpooled, samples, width);
        if (pooling == Pooling.MAX || pooling == Pooling.CLS) {
            stream.begin(backwardOne).arg(dtokens).arg(dpooled);
            stream.argOrNull(pooling == Pooling.MAX ? argmax : null);
            stream.arg(samples).arg(tokenCount).arg(width).launch(samples, 4 * THREADS);
        } else {
            stream.begin(backwardAll.form(tokens))
                    .arg(dtokens)
                    .arg(dpooled)
                    .arg(pooled)
                    .arg(tokens);
            stream.arg(pooling.ordinal()).arg(samples).arg(tokenCount).arg(width);
            int rows = Math.multiplyExact(samples, tokenCount) - samples;
            stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
        }
    }

    private static void check(
            Tensor pooled, Tensor argmax, Tensor tokens, Pooling pooling, int samples, int tokenCount, int width) {
        if (pooling != Pooling.CLS && tokenCount < 2) {
            throw new IllegalArgumentException(
                    "Pooling '" + pooling + "' wants at least one token besides the class token," + " but there are "
                            + tokenCount + " tokens in all");
        }
        Shapes.typed("pool", "pooled", pooled, tokens.dtype(), samples, width);
        Shapes.typed("pool", "tokens", tokens, tokens.dtype(), samples, tokenCount, width, 1);
        if (pooling == Pooling.MAX) {
            Shapes.ints("pool", "argmax", argmax, samples, width);
        }
    }
}
