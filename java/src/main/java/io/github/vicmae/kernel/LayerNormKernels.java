package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Layer normalisation over rows, forward and backward (cuda/layer_norm.cu; Ba, Kiros and Hinton 2016). */
public final class LayerNormKernels {
    private final Stream stream;
    private final TypedKernel forward;
    private final TypedKernel backward;
    private final Reduce reduce;

    public LayerNormKernels(Stream stream) {
        this.stream = stream;
        forward = TypedKernel.of(stream.device(), "layer_norm", "layer_norm_forward", "ppppppiif");
        backward = TypedKernel.of(stream.device(), "layer_norm", "layer_norm_backward", "ppppppppiii");
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that {@link #backward} needs. */
    public static int scratchSize(Stream stream, int width) {
        return Math.multiplyExact(stream.device().partialBlocks(), 2 * width);
    }

    /**
     * y = (x - mean) / sqrt(var + eps) * gamma + beta for each row, with the biased variance.
     *
     * @param y [rows, width], floats or bfloat16, written
     * @param mean [rows], written
     * @param rstd [rows], 1 / sqrt(var + eps), written
     * @param x [rows, width]
     * @param gamma [width]
     * @param beta [width]
     */
    public void forward(
            Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, int rows, int width, float eps) {
        Shapes.typed("layerNorm", "y", y, y.dtype(), rows, width);
        Shapes.floats("layerNorm", "x", x, rows, width);
        Shapes.floats("layerNorm", "mean", mean, rows);
        Shapes.floats("layerNorm", "rstd", rstd, rows);
        Shapes.floats("layerNorm", "gamma", gamma, width);
        Shapes.floats("layerNorm", "beta", beta, width);
        stream.begin(forward.form(y))
                .arg(y)
                .arg(mean)
                .arg(rstd)
                .arg(x)
                .arg(gamma)
                .arg(beta);
        stream.arg(rows).arg(width).arg(eps).launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * The gradients of {@link #forward}.
     *
     * @param dx [rows, width], added to if {@code accumulate}, else written
     * @param rounded [rows, width] of bfloat16, written with what dx holds in the end; or null
     * @param dgamma [width], added to
     * @param dbeta [width], added to
     * @param dy [rows, width], floats or bfloat16
     * @param scratch at least {@link #scratchSize} floats
     */
    public void backward(
            Tensor dx,
            Tensor rounded,
            Tensor dgamma,
            Tensor dbeta,
            Tensor dy,
            Tensor x,
            Tensor gamma,
            Tensor mean,
            Tensor rstd,
            int rows,
            int width,
            boolean accumulate,
            Tensor scratch) {
        Shapes.floats("layerNorm", "dx", dx, rows, width);
        Shapes.typed("layerNorm", "dy", dy, dy.dtype(), rows, width);
        if (rounded != null) {
            Shapes.typed("layerNorm", "rounded", rounded, DType.BF16, rows, width);
        }
        Shapes.floats("layerNorm", "x", x, rows, width);
        Shapes.floats("layerNorm", "gamma", gamma, width);
        Shapes.floats("layerNorm", "mean", mean, rows);
        Shapes.floats("layerNorm", "rstd", rstd, rows);
        Shapes.floats("layerNorm", "dgamma", dgamma, width);
        Shapes.floats("layerNorm", "dbeta", dbeta, width);
        Shapes.atLeast("layerNorm", "scratch", scratch, scratchSize(stream, width));
        int parts = stream.device().partialBlocks();
        stream.begin(backward.form(dy))
                .arg(dx)
                .argOrNull(rounded)
                .arg(scratch)
                .arg(dy)
                .arg(x)
                .arg(gamma)
                .arg(mean)
                .arg(rstd);
        stream.arg(rows).arg(width).arg(accumulate ? 1 : 0).launch(parts, WarpRows.THREADS);
        reduce.finish(dgamma, dbeta, scratch, parts, width);
    }
}
