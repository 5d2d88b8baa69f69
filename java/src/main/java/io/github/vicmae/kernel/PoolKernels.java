package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Pooling of tokens to one row a sample, forward and backward (cuda/pool.cu). Row 0 of a sample's tokens is the class token, if the grid has one. */
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
        forward = TypedKernel.of(stream.device(), "pool", "pool_forward", "pppiiiii");
        backwardAll = TypedKernel.of(stream.device(), "pool", "pool_backward_all", "ppppiiiii");
        backwardOne = stream.device().kernel("pool", "pool_backward_one", "pppiii");
    }

    /**
     * Pools each sample.
     *
     * @param pooled [samples, width], the tokens' type, written
     * @param argmax [samples, width] integers, written for {@link Pooling#MAX}: the token that has the maximum, the first of several;
     *     otherwise not used and may be null
     * @param tokens [samples, grid.tokens(kept), width], floats or bfloat16
     * @param grid says whether there is a class token
     * @param kept patches of each sample whose tokens there are
     */
    public void forward(
            Tensor pooled,
            Tensor argmax,
            Tensor tokens,
            Pooling pooling,
            PatchGrid grid,
            int samples,
            int kept,
            int width) {
        forward(pooled, argmax, tokens, pooling, grid, 0, samples, kept, width);
    }

    /**
     * The same with register tokens between the class token and the patches, which no pooling takes.
     *
     * @param tokens [samples, grid.tokens(kept) + registers, width]
     */
    public void forward(
            Tensor pooled,
            Tensor argmax,
            Tensor tokens,
            Pooling pooling,
            PatchGrid grid,
            int registers,
            int samples,
            int kept,
            int width) {
        int tokenCount = grid.tokens(kept) + registers;
        check(pooled, argmax, tokens, pooling, grid, samples, tokenCount, width);
        stream.begin(forward.form(tokens)).arg(pooled).argOrNull(pooling == Pooling.MAX ? argmax : null);
        stream.arg(tokens)
                .arg(pooling.ordinal())
                .arg(samples)
                .arg(tokenCount)
                .arg(width)
                .arg(grid.classTokens() + registers);
        stream.launch(samples, (width + STRIP - 1) / STRIP, 1, THREADS, 0);
    }

    /**
     * The gradient of {@link #forward}. Of equal maxima the first takes the whole gradient, where a framework may share it out: they do not
     * occur in practice. GeM's clamp passes the gradient where a token's value is at least 1e-6.
     *
     * @param dtokens [samples, grid.tokens(kept), width] of floats, added to
     * @param dpooled [samples, width] of floats
     * @param pooled [samples, width], what {@link #forward} wrote
     * @param argmax [samples, width] integers, what {@link #forward} wrote; null unless {@link Pooling#MAX}
     * @param tokens [samples, grid.tokens(kept), width]
     */
    public void backward(
            Tensor dtokens,
            Tensor dpooled,
            Tensor pooled,
            Tensor argmax,
            Tensor tokens,
            Pooling pooling,
            PatchGrid grid,
            int samples,
            int kept,
            int width) {
        int tokenCount = grid.tokens(kept);
        check(pooled, argmax, tokens, pooling, grid, samples, tokenCount, width);
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
            stream.arg(pooling.ordinal())
                    .arg(samples)
                    .arg(tokenCount)
                    .arg(width)
                    .arg(grid.classTokens());
            int rows = Math.multiplyExact(samples, kept);
            stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
        }
    }

    private static void check(
            Tensor pooled,
            Tensor argmax,
            Tensor tokens,
            Pooling pooling,
            PatchGrid grid,
            int samples,
            int tokenCount,
            int width) {
        if (pooling == Pooling.CLS && !grid.classToken()) {
            throw new IllegalArgumentException("Pooling '" + pooling + "' takes the class token, but there is none");
        }
        if (pooling != Pooling.CLS && tokenCount == grid.classTokens()) {
            throw new IllegalArgumentException(
                    "Pooling '" + pooling + "' wants at least one token besides the class token, but there are "
                            + tokenCount + " tokens in all");
        }
        Shapes.typed("pool", "pooled", pooled, tokens.dtype(), samples, width);
        Shapes.typed("pool", "tokens", tokens, tokens.dtype(), samples, tokenCount, width, 1);
        if (pooling == Pooling.MAX) {
            Shapes.ints("pool", "argmax", argmax, samples, width);
        }
    }
}
