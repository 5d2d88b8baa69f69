package io.github.vicmae.kernel;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/**
 * Batch normalisation with batch statistics, and the ReLU behind it (cuda/batch_norm.cu; Ioffe and Szegedy 2015). Several groups of rows can
 * be given at once, each with statistics of its own: the views of a sample that go through one head.
 */
public final class BatchNormKernels {
    private static final int THREADS = 256;
    /** The narrowest strip of columns that a block takes; the CPU build takes wider ones and leaves the rest of the blocks idle. */
    private static final int STRIP = 32;

    private final Stream stream;
    private final TypedKernel forward;
    private final TypedKernel backward;

    public BatchNormKernels(Stream stream) {
        this.stream = stream;
        forward = TypedKernel.of(stream.device(), "batch_norm", "batch_norm_forward", "ppppppppiiiffi");
        backward = TypedKernel.of(stream.device(), "batch_norm", "batch_norm_backward", "pppppppppiiii");
    }

    /**
     * y = (x - mean) / sqrt(var + eps) * gamma + beta with the mean and the biased variance of each group's column, then max(y, 0) if
     * {@code relu}. The running statistics move by {@code momentum} towards each group's, in order, with the unbiased variance.
     *
     * @param y [groups * rows, width], x's type, written
     * @param mean [groups, width], written
     * @param rstd [groups, width], 1 / sqrt(var + eps), written
     * @param runningMean [width], updated
     * @param runningVar [width], updated
     * @param x [groups * rows, width], floats or bfloat16
     * @param gamma [width]
     * @param beta [width]
     * @param rows rows of a group, at least 2
     */
    public void forward(
            Tensor y,
            Tensor mean,
            Tensor rstd,
            Tensor runningMean,
            Tensor runningVar,
            Tensor x,
            Tensor gamma,
            Tensor beta,
            int groups,
            int rows,
            int width,
            float eps,
            float momentum,
            boolean relu) {
        check(y, mean, rstd, x, gamma, groups, rows, width);
        Shapes.floats("batchNorm", "runningMean", runningMean, width);
        Shapes.floats("batchNorm", "runningVar", runningVar, width);
        Shapes.floats("batchNorm", "beta", beta, width);
        stream.begin(forward.form(x))
                .arg(y)
                .arg(mean)
                .arg(rstd)
                .arg(runningMean)
                .arg(runningVar);
        stream.arg(x).arg(gamma).arg(beta).arg(groups).arg(rows).arg(width);
        stream.arg(eps).arg(momentum).arg(relu ? 1 : 0).launch((width + STRIP - 1) / STRIP, THREADS);
    }

    /**
     * The gradients of {@link #forward}.
     *
     * @param dx [groups * rows, width], x's type, written; may be {@code dy}
     * @param dgamma [width], added to
     * @param dbeta [width], added to
     * @param dy [groups * rows, width], x's type
     * @param y [groups * rows, width], what {@link #forward} wrote: it tells where the ReLU passes the gradient
     * @param x [groups * rows, width], floats or bfloat16
     */
    public void backward(
            Tensor dx,
            Tensor dgamma,
            Tensor dbeta,
            Tensor dy,
            Tensor y,
            Tensor x,
            Tensor gamma,
            Tensor mean,
            Tensor rstd,
            int groups,
            int rows,
            int width,
            boolean relu) {
        check(y, mean, rstd, x, gamma, groups, rows, width);
        Shapes.typed("batchNorm", "dx", dx, x.dtype(), groups, rows, width, 1);
        Shapes.typed("batchNorm", "dy", dy, x.dtype(), groups, rows, width, 1);
        Shapes.floats("batchNorm", "dgamma", dgamma, width);
        Shapes.floats("batchNorm", "dbeta", dbeta, width);
        stream.begin(backward.form(x))
                .arg(dx)
                .arg(dgamma)
                .arg(dbeta)
                .arg(dy)
                .arg(y)
                .arg(x);
        stream.arg(gamma).arg(mean).arg(rstd).arg(groups).arg(rows).arg(width);
        stream.arg(relu ? 1 : 0).launch((width + STRIP - 1) / STRIP, THREADS);
    }

    private static void check(
            Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, int groups, int rows, int width) {
        if (rows < 2) {
            throw new IllegalArgumentException(
                    "Batch normalisation wants at least 2 rows a group for its variance, but was given " + rows
                            + "; use a larger batch");
        }
        Shapes.typed("batchNorm", "y", y, x.dtype(), groups, rows, width, 1);
        Shapes.typed("batchNorm", "x", x, x.dtype(), groups, rows, width, 1);
        Shapes.floats("batchNorm", "mean", mean, groups, width);
        Shapes.floats("batchNorm", "rstd", rstd, groups, width);
        Shapes.floats("batchNorm", "gamma", gamma, width);
    }
}
