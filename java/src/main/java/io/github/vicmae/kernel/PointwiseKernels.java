package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Bias, residual and the exact GELU of Hendrycks and Gimpel 2016 (cuda/pointwise.cu). */
public final class PointwiseKernels {
    private static final int THREADS = 256;
    /** Elements that a block takes of a flat tensor. */
    private static final int CHUNK = 4096;

    private final Stream stream;
    private final Kernel addBias;
    private final Kernel addBiasResidual;
    private final Kernel biasGelu;
    private final Kernel geluBackward;

    public PointwiseKernels(Stream stream) {
        this.stream = stream;
        addBias = stream.device().kernel("pointwise", "add_bias", "ppii");
        addBiasResidual = stream.device().kernel("pointwise", "add_bias_residual", "ppppii");
        biasGelu = stream.device().kernel("pointwise", "bias_gelu", "pppii");
        geluBackward = stream.device().kernel("pointwise", "gelu_backward", "pppli");
    }

    /**
     * y += bias for each row.
     *
     * @param y [rows, width], added to
     * @param bias [width]
     */
    public void addBias(Tensor y, Tensor bias, int rows, int width) {
        Shapes.floats("addBias", "y", y, rows, width);
        Shapes.floats("addBias", "bias", bias, width);
        stream.begin(addBias).arg(y).arg(bias).arg(rows).arg(width).launch(rows, THREADS);
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
        stream.begin(addBiasResidual).arg(out).arg(residual).arg(y).arg(bias);
        stream.arg(rows).arg(width).launch(rows, THREADS);
    }

    /**
     * pre += bias; out = gelu(pre) for each row.
     *
     * @param out [rows, width], written
     * @param pre [rows, width], the bias is added to it; {@link #geluBackward} wants the sum
     * @param bias [width]
     */
    public void biasGelu(Tensor out, Tensor pre, Tensor bias, int rows, int width) {
        Shapes.floats("biasGelu", "out", out, rows, width);
        Shapes.floats("biasGelu", "pre", pre, rows, width);
        Shapes.floats("biasGelu", "bias", bias, width);
        stream.begin(biasGelu).arg(out).arg(pre).arg(bias).arg(rows).arg(width).launch(rows, THREADS);
    }

    /**
     * dpre = dout * gelu'(pre).
     *
     * @param dpre [size], written; may be {@code dout}
     * @param dout [size]
     * @param pre [size], what {@link #biasGelu} left there
     */
    public void geluBackward(Tensor dpre, Tensor dout, Tensor pre, long size) {
        Shapes.floats("geluBackward", "dpre", dpre, size);
        Shapes.floats("geluBackward", "dout", dout, size);
        Shapes.floats("geluBackward", "pre", pre, size);
        int blocks = Math.toIntExact((size + CHUNK - 1) / CHUNK);
        stream.begin(geluBackward).arg(dpre).arg(dout).arg(pre).arg(size).arg(CHUNK);
        stream.launch(blocks, THREADS);
    }
}
