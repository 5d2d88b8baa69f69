package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Reduce;

/** A linear map y = x W' + b with W [out, in]. The bias is applied by the caller, fused with what follows, or by {@link #addBias}. */
public final class Linear {
    private final Context context;
    private final Parameter weight;
    private final Parameter bias;
    private final int in;
    private final int out;

    public Linear(Context context, String name, int in, int out) {
        this(
                context,
                context.parameters().trained(name + ".weight", Init.Uniform.xavier(in, out), out, in),
                context.parameters().trained(name + ".bias", new Init.Constant(0), out),
                in,
                out);
    }

    Linear(Context context, Parameter weight, Parameter bias, int in, int out) {
        this.context = context;
        this.weight = weight;
        this.bias = bias;
        this.in = in;
        this.out = out;
        if (context.training()) {
            context.scratch().need(Reduce.scratchSize(context.stream(), out));
        }
    }

    public int in() {
        return in;
    }

    public int out() {
        return out;
    }

    public Tensor bias() {
        return bias.value();
    }

    /** y [rows, out] = x [rows, in] W', without the bias. */
    public void multiply(Tensor y, Tensor x, int rows) {
        context.kernels().matMul().multiply(y, x, weight.value(), false, true, rows, out, in, false);
    }

    /** y [rows, out] = x [rows, in] W' + b. */
    public void forward(Tensor y, Tensor x, int rows) {
        multiply(y, x, rows);
        context.kernels().pointwise().addBias(y, bias.value(), rows, out);
    }

    /** Adds the gradients of weight and bias. */
    public void backwardParameters(Tensor dy, Tensor x, int rows) {
        backwardWeight(dy, x, rows);
        context.kernels()
                .reduce()
                .columnSum(bias.gradient(), dy, rows, out, context.scratch().tensor());
    }

    /** Adds the weight's gradient only. */
    void backwardWeight(Tensor dy, Tensor x, int rows) {
        context.kernels().matMul().multiply(weight.gradient(), dy, x, true, false, out, in, rows, true);
    }

    /** dx [rows, in] = dy W, or += if {@code accumulate}. */
    public void backwardInput(Tensor dx, Tensor dy, int rows, boolean accumulate) {
        context.kernels().matMul().multiply(dx, dy, weight.value(), false, false, rows, in, out, accumulate);
    }
}
