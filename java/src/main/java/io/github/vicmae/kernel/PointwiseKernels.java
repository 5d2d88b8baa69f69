package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/**
 * Bias, residual, the exact GELU of Hendrycks and Gimpel 2016, and a change of type (cuda/pointwise.cu). Activations are floats or bfloat16,
 * biases floats.
 */
public final class PointwiseKernels {
    private static final int THREADS = 256;
    /** Elements that a block takes of a flat tensor. */
    private static final int CHUNK = 4096;

    private final Stream stream;
    private final TypedKernel addBias;
    private final Kernel addBiasResidual;
    private final TypedKernel biasGelu;
    private final TypedKernel geluBackward;
    private final TypedKernel scaleRows;
    private final Kernel toBf16;
    private final Kernel toFloat;
    private final Kernel averageIn;

    public PointwiseKernels(Stream stream) {
        this.stream = stream;
        addBias = TypedKernel.of(stream.device(), "pointwise", "add_bias", "ppii");
        addBiasResidual = stream.device().kernel("pointwise", "add_bias_residual", "pppppiii");
        biasGelu = TypedKernel.of(stream.device(), "pointwise", "bias_gelu", "pppii");
        geluBackward = TypedKernel.of(stream.device(), "pointwise", "gelu_backward", "pppli");
        scaleRows = TypedKernel.of(stream.device(), "pointwise", "scale_rows", "pppiii");
        toBf16 = stream.device().kernel("pointwise", "float_to_bf16", "ppli");
        toFloat = stream.device().kernel("pointwise", "bf16_to_float", "ppli");
        averageIn = stream.device().kernel("pointwise", "average_in", "ppfli");
    }

    /**
     * y += bias for each row.
     *
     * @param y [rows, width], added to
     * @param bias [width]
     */
    public void addBias(Tensor y, Tensor bias, int rows, int width) {
        Shapes.typed("addBias", "y", y, y.dtype(), rows, width);
        Shapes.floats("addBias", "bias", bias, width);
        stream.begin(addBias.form(y))
                .arg(y)
                .arg(bias)
                .arg(rows)
                .arg(width)
                .launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * out = residual + y + bias for each row.
     *
     * @param out [rows, width], written; may be {@code residual} or {@code y}
     * @param residual [rows, width]
     * @param y [rows, width]
     * @param bias [width]
     */
    public void addBiasResidual(Tensor out, Tensor residual, Tensor y, Tensor bias, int rows, int width) {
        Shapes.floats("addBiasResidual", "out", out, rows, width);
        Shapes.floats("addBiasResidual", "residual", residual, rows, width);
        Shapes.floats("addBiasResidual", "y", y, rows, width);
        Shapes.floats("addBiasResidual", "bias", bias, width);
        launchResidual(out, residual, y, bias, null, 1, rows, width);
    }

    /**
     * out = residual + f (y + bias) for each row.
     *
     * @param out [rows, width], written; may be {@code residual} or {@code y}
     * @param factors [rows / rowsPerFactor], each the f of as many neighbouring rows
     */
    public void addScaledResidual(
            Tensor out,
            Tensor residual,
            Tensor y,
            Tensor bias,
            Tensor factors,
            int rowsPerFactor,
            int rows,
            int width) {
        Shapes.floats("addScaledResidual", "out", out, rows, width);
        Shapes.floats("addScaledResidual", "residual", residual, rows, width);
        Shapes.floats("addScaledResidual", "y", y, rows, width);
        Shapes.floats("addScaledResidual", "bias", bias, width);
        Shapes.factors("addScaledResidual", factors, rowsPerFactor, rows);
        launchResidual(out, residual, y, bias, factors, rowsPerFactor, rows, width);
    }

    private void launchResidual(
            Tensor out,
            Tensor residual,
            Tensor y,
            Tensor bias,
            Tensor factors,
            int rowsPerFactor,
            int rows,
            int width) {
        stream.begin(addBiasResidual).arg(out).arg(residual).arg(y).arg(bias).argOrNull(factors);
        stream.arg(rows).arg(width).arg(rowsPerFactor).launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * out = f x for each row.
     *
     * @param out [rows, width], of x's type, written; may be {@code x}
     * @param x [rows, width], floats or bfloat16
     * @param factors [rows / rowsPerFactor], each the f of as many neighbouring rows
     */
    public void scaleRows(Tensor out, Tensor x, Tensor factors, int rowsPerFactor, int rows, int width) {
        Shapes.typed("scaleRows", "out", out, x.dtype(), rows, width);
        Shapes.typed("scaleRows", "x", x, x.dtype(), rows, width);
        Shapes.factors("scaleRows", factors, rowsPerFactor, rows);
        stream.begin(scaleRows.form(x)).arg(out).arg(x).arg(factors);
        stream.arg(rows).arg(width).arg(rowsPerFactor).launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * pre += bias; out = gelu(pre) for each row.
     *
     * @param out [rows, width], written
     * @param pre [rows, width], the bias is added to it; {@link #geluBackward} wants the sum
     * @param bias [width]
     */
    public void biasGelu(Tensor out, Tensor pre, Tensor bias, int rows, int width) {
        Shapes.typed("biasGelu", "out", out, pre.dtype(), rows, width);
        Shapes.typed("biasGelu", "pre", pre, pre.dtype(), rows, width);
        Shapes.floats("biasGelu", "bias", bias, width);
        stream.begin(biasGelu.form(pre))
                .arg(out)
                .arg(pre)
                .arg(bias)
                .arg(rows)
                .arg(width)
                .launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * dpre = dout * gelu'(pre).
     *
     * @param dpre [size], written; may be {@code dout}
     * @param dout [size]
     * @param pre [size], what {@link #biasGelu} left there
     */
    public void geluBackward(Tensor dpre, Tensor dout, Tensor pre, long size) {
        Shapes.typed("geluBackward", "dpre", dpre, pre.dtype(), size, 1);
        Shapes.typed("geluBackward", "dout", dout, pre.dtype(), size, 1);
        Shapes.typed("geluBackward", "pre", pre, pre.dtype(), size, 1);
        int blocks = chunks(size);
        stream.begin(geluBackward.form(pre))
                .arg(dpre)
                .arg(dout)
                .arg(pre)
                .arg(size)
                .arg(CHUNK);
        stream.launch(blocks, THREADS);
    }

    /**
     * to = from, where one holds floats and the other bfloat16, rounded to the nearest.
     *
     * @param to written
     * @param from as many elements
     */
    public void convert(Tensor to, Tensor from) {
        boolean half = Shapes.isBf16("convert", "to", to);
        Shapes.typed("convert", "from", from, half ? DType.F32 : DType.BF16, to.size(), 1);
        stream.begin(half ? toBf16 : toFloat).arg(to).arg(from).arg(to.size()).arg(CHUNK);
        stream.launch(chunks(to.size()), THREADS);
    }

    /**
     * average += share (x - average): a step of an exponential moving average whose decay is 1 - share.
     *
     * @param average floats, written
     * @param x as many floats
     */
    public void averageIn(Tensor average, Tensor x, float share) {
        Shapes.typed("averageIn", "average", average, DType.F32, average.size(), 1);
        Shapes.typed("averageIn", "x", x, DType.F32, average.size(), 1);
        stream.begin(averageIn).arg(average).arg(x).arg(share).arg(average.size());
        stream.arg(CHUNK).launch(chunks(average.size()), THREADS);
    }

    private static int chunks(long size) {
        return Math.toIntExact((size + CHUNK - 1) / CHUNK);
    }
}
