package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.LayerNormKernels;

/** Layer normalisation with eps 1e-6, over rows of a fixed number. */
public final class LayerNorm {
    private static final float EPS = 1e-6f;

    private final Context context;
    private final Parameter gamma;
    private final Parameter beta;
    private final int rows;
    private final int width;

    public LayerNorm(Context context, String name, int rows, int width) {
        this.context = context;
        this.rows = rows;
        this.width = width;
        gamma = context.parameters().trained(name + ".weight", new Init.Constant(1), width);
        beta = context.parameters().trained(name + ".bias", new Init.Constant(0), width);
        if (context.training()) {
            context.scratch().need(LayerNormKernels.scratchSize(context.stream(), width));
        }
    }

    /** y = norm(x); mean and rstd [rows] are kept for the backward pass. */
    public void forward(Tensor y, Tensor mean, Tensor rstd, Tensor x) {
        context.kernels().layerNorm().forward(y, mean, rstd, x, gamma.value(), beta.value(), rows, width, EPS);
    }

    /** dx = (or += if {@code accumulate}) the gradient with respect to x; rounded, if not null, is written with what dx holds then. */
    public void backward(Tensor dx, Tensor rounded, Tensor dy, Tensor x, Tensor mean, Tensor rstd, boolean accumulate) {
        context.kernels()
                .layerNorm()
                .backward(
                        dx,
                        rounded,
                        gamma.gradient(),
                        beta.gradient(),
                        dy,
                        x,
                        gamma.value(),
                        mean,
                        rstd,
                        rows,
                        width,
                        accumulate,
                        context.scratch().tensor());
    }
}
