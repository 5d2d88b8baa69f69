package io.github.vicmae.kernel;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

public final class InfoNceKernels {
    public InfoNceKernels(Stream s) {}

    public static long scratchSize(Stream s, int rows, int columns, int width) {
        return 1;
    }

    public void normalize(Tensor unit, Tensor inverseNorm, Tensor x, int rows, int width) {}

    public void forward(
            Tensor loss,
            Tensor lse,
            Tensor p,
            Tensor z,
            Tensor positive,
            Tensor excluded,
            int rows,
            int columns,
            int width,
            float temperature,
            Tensor scratch) {}

    public void backward(
            Tensor dx,
            Tensor dzx,
            Tensor p,
            Tensor z,
            Tensor inverseNormP,
            Tensor inverseNormZ,
            Tensor lse,
            Tensor positive,
            Tensor excluded,
            int rows,
            int columns,
            int width,
            float temperature,
            Tensor weight,
            Tensor scratch) {}

    public void backwardSymmetric(
            Tensor dx,
            Tensor unit,
            Tensor inverseNorm,
            Tensor lse,
            Tensor positive,
            int rows,
            int width,
            float temperature,
            Tensor weight,
            Tensor scratch) {}
}
