package io.github.vicmae.layer;

import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.MatMul;

/** A linear map y = x W' + b with W [out, in], its products in one pass with what stands before or behind them. */
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
            context.scratch().need(MatMul.scratchSize(context.stream(), out));
        }
    }

    public int in() {
        return in;
    }

    public int out() {
        return out;
    }

    /** y [rows, out] = x [rows, in] W' + b. */
    public void forward(Tensor y, Tensor x, int rows) {
        forward(Epilogue.BIAS, y, x, rows, null);
    }

    /** pre = x W' + b; y = gelu(pre), both [rows, out]. */
    void forwardGelu(Tensor y, Tensor pre, Tensor x, int rows) {
        forward(Epilogue.BIAS_GELU, y, x, rows, pre);
    }

    /** y = residual + (x W' + b), both [rows, out] of floats. */
    void forwardResidual(Tensor y, Tensor residual, Tensor x, int rows) {
        forward(Epilogue.BIAS_RESIDUAL, y, x, rows, residual);
    }

    private void forward(Epilogue epilogue, Tensor y, Tensor x, int rows, Tensor other) {
        context.kernels()
                .matMul()
                .multiply(epilogue, y, x, weight.factor(), false, true, rows, out, in, bias.value(), other, null);
    }

    /** y [rows, out] = x [rows, in] W', without the bias, which the caller adds. */
    void multiply(Tensor y, Tensor x, int rows) {
        context.kernels().matMul().multiply(y, x, weight.factor(), false, true, rows, out, in, false);
    }

    /** Adds the gradients of weight and bias. */
    public void backwardParameters(Tensor dy, Tensor x, int rows) {
        context.kernels()
                .matMul()
                .multiply(
                        Epilogue.ADD_ROW_SUMS,
                        weight.gradient(),
                        dy,
                        x,
                        true,
                        false,
                        out,
                        in,
                        rows,
                        bias.gradient(),
                        null,
                        context.scratch().tensor());
    }

    /** Adds the weight's gradient only. */
    void backwardWeight(Tensor dy, Tensor x, int rows) {
        context.kernels().matMul().multiply(weight.gradient(), dy, x, true, false, out, in, rows, true);
    }

    /** dx [rows, in] = dy W, or += if {@code accumulate}. */
    public void backwardInput(Tensor dx, Tensor dy, int rows, boolean accumulate) {
        context.kernels().matMul().multiply(dx, dy, weight.factor(), false, false, rows, in, out, accumulate);
    }

    /** dpre [rows, in] = (dy W) * gelu'(pre): the gradient of what went through a GELU into this map. */
    void backwardInputGelu(Tensor dpre, Tensor dy, Tensor pre, int rows) {
        context.kernels()
                .matMul()
                .multiply(
                        Epilogue.GELU_GRADIENT,
                        dpre,
                        dy,
                        weight.factor(),
                        false,
                        false,
                        rows,
                        in,
                        out,
                        null,
                        pre,
                        null);
    }
}
