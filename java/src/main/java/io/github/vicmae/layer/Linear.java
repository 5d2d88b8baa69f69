package io.github.vicmae.layer;

import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.matmul.MatMul;

/** A linear map y = x W' + b with W [out, in], its products in one pass with what stands before or behind them. */
public final class Linear {
    private final Context context;
    private final Parameter weight;
    private final Parameter bias;
    private final int in;
    private final int out;
    private final int rows;
    private final Product product = new Product();

    /**
     * @param in values of a row of x
     * @param out values of a row of y
     * @param rows of x and y
     */
    public Linear(Context context, String name, int in, int out, int rows) {
        this(context, name, in, out, rows, Init.Uniform.xavier(in, out));
    }

    /** The same with another start of the weight. */
    public Linear(Context context, String name, int in, int out, int rows, Init start) {
        this(
                context,
                context.parameters().trained(name + ".weight", start, out, in),
                context.parameters().trained(name + ".bias", new Init.Constant(0), out),
                in,
                out,
                rows);
    }

    Linear(Context context, Parameter weight, Parameter bias, int in, int out, int rows) {
        this.context = context;
        this.weight = weight;
        this.bias = bias;
        this.in = in;
        this.out = out;
        this.rows = rows;
        if (!context.training()) {
            weight.factorRows = out;
        } else {
            context.scratch()
                    .need(MatMul.scratchSize(
                            context.stream(), context.precision().dtype(), out, in, rows));
        }
    }

    public int in() {
        return in;
    }

    public int out() {
        return out;
    }

    /** y [rows, out] = x [rows, in] W' + b. */
    public void forward(Tensor y, Tensor x) {
        forward(Epilogue.BIAS, y, x, null);
    }

    /** pre = x W' + b; y = gelu(pre), both [rows, out]. */
    void forwardGelu(Tensor y, Tensor pre, Tensor x) {
        forward(Epilogue.BIAS_GELU, y, x, pre);
    }

    /** y = residual + (x W' + b), both [rows, out] of floats. */
    void forwardResidual(Tensor y, Tensor residual, Tensor x) {
        forward(Epilogue.BIAS_RESIDUAL, y, x, residual);
    }

    /**
     * y = residual + f (x W' + b), both [rows, out] of floats.
     *
     * @param factors the f of each {@code rowsPerFactor} neighbouring rows
     */
    void forwardScaledResidual(Tensor y, Tensor residual, Tensor x, Tensor factors, int rowsPerFactor) {
        matMul().multiply(timesWeight(x)
                .to(Epilogue.SCALED_RESIDUAL, y, bias.value(), residual)
                .factors(factors, rowsPerFactor));
    }

    private void forward(Epilogue epilogue, Tensor y, Tensor x, Tensor other) {
        matMul().multiply(timesWeight(x).to(epilogue, y, bias.value(), other));
    }

    /** y [rows, out] = x [rows, in] W', without the bias, which the caller adds. */
    void multiply(Tensor y, Tensor x) {
        matMul().multiply(timesWeight(x).to(Epilogue.WRITE, y));
    }

    /** Adds the gradients of weight and bias. */
    public void backwardParameters(Tensor dy, Tensor x) {
        matMul().multiply(ofWeight(dy, x).to(Epilogue.ADD_ROW_SUMS, weight.gradient(), bias.gradient(), null));
    }

    /** Adds the weight's gradient only. */
    void backwardWeight(Tensor dy, Tensor x) {
        matMul().multiply(ofWeight(dy, x).to(Epilogue.ADD, weight.gradient()));
    }

    /** dx [rows, in] = dy W, or += if {@code accumulate}. */
    public void backwardInput(Tensor dx, Tensor dy, boolean accumulate) {
        matMul().multiply(ofInput(dy).to(accumulate ? Epilogue.ADD : Epilogue.WRITE, dx));
    }

    /** dpre [rows, in] = (dy W) * gelu'(pre): the gradient of what went through a GELU into this map. */
    void backwardInputGelu(Tensor dpre, Tensor dy, Tensor pre) {
        matMul().multiply(ofInput(dy).to(Epilogue.GELU_GRADIENT, dpre, null, pre));
    }

    private MatMul matMul() {
        return context.kernels().matMul();
    }

    /** x W' [rows, out]. */
    private Product timesWeight(Tensor x) {
        return product.of(x, false, weight.factor(), true, rows, out, in).packed(weight.packed());
    }

    /** dy W [rows, in]: the input's gradient. */
    private Product ofInput(Tensor dy) {
        return product.of(dy, false, weight.factor(), false, rows, in, out);
    }

    /** dy' x [out, in]: the weight's gradient. */
    private Product ofWeight(Tensor dy, Tensor x) {
        return product.of(dy, true, x, false, out, in, rows)
                .scratch(context.scratch().tensor());
    }
}
