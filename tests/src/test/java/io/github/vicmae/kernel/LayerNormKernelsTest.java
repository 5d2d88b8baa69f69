package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.LayerNormOracle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LayerNormKernelsTest {
    /** On a GPU rows of up to 1280 elements in vectors of four are kept in registers; the others are not. */
    private static final int[][] SHAPES = {
        {1, 1}, {1, 3}, {3, 31}, {5, 33}, {13, 132}, {197, 64}, {17, 197}, {64, 768}, {2, 1280}, {9, 1284}
    };

    private static final float EPS = 1e-6f;

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            for (DType type : KernelFixture.ACTIVATIONS) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    check(fixture, type, shape[0], shape[1], false);
                    check(fixture, type, shape[0], shape[1], true);
                }
            }
        }
    }

    private static void check(KernelFixture fixture, DType type, int rows, int width, boolean accumulate) {
        String at = "[" + rows + ", " + width + "]";
        float[] x = fixture.normal(rows * width, 2);
        float[] gamma = fixture.normal(width, 1);
        float[] beta = fixture.normal(width, 1);
        float[] dy = fixture.normal(rows * width, 1);
        float[] dx0 = fixture.normal(rows * width, 1);
        float[] dgamma0 = fixture.normal(width, 1);
        Tensor xt = fixture.tensor(x, rows, width);
        Tensor gt = fixture.tensor(gamma, width);
        Tensor bt = fixture.tensor(beta, width);
        Tensor dyt = fixture.tensor(type, dy, rows, width);
        Tensor y = fixture.unwritten(type, rows, width);
        Tensor mean = fixture.unwritten(rows);
        Tensor rstd = fixture.unwritten(rows);
        LayerNormKernels kernels = new LayerNormKernels(fixture.stream());
        kernels.forward(y, mean, rstd, xt, gt, bt, rows, width, EPS);

        double[] ey = new double[rows * width];
        double[] edx = new double[rows * width];
        double[] edgamma = doubles(dgamma0);
        double[] edbeta = new double[width];
        LayerNormOracle.layerNorm(
                ey, edx, edgamma, edbeta, doubles(x), doubles(gamma), doubles(beta), doubles(dy), rows, width, EPS);
        double size = Math.sqrt(rows * width); // the few values of a small shape may cancel to almost nothing
        // The mean is rounded to a float: where the values of a row lie close together, what is left without it has
        // lost digits.
        float[] foundMean = fixture.stream().read(mean);
        float[] foundRstd = fixture.stream().read(rstd);
        double[] lost = new double[rows];
        double ofY = 0;
        for (int r = 0; r < rows; r++) {
            lost[r] = 1 + Math.abs((double) foundMean[r] * foundRstd[r]);
            ofY += width * lost[r] * lost[r];
        }
        fixture.assertClose("y " + at, ey, y, 1e-6, Math.sqrt(ofY));

        Tensor dx = accumulate ? fixture.tensor(dx0, rows, width) : fixture.unwritten(rows, width);
        Tensor dgamma = fixture.tensor(dgamma0, width);
        Tensor dbeta = fixture.tensor(new float[width], width);
        Tensor rounded = type == DType.BF16 ? fixture.unwritten(type, rows, width) : null;
        Tensor scratch = fixture.unwritten(LayerNormKernels.scratchSize(fixture.stream(), width));
        kernels.backward(dx, rounded, dgamma, dbeta, dyt, xt, gt, mean, rstd, rows, width, accumulate, scratch);
        if (accumulate) {
            for (int i = 0; i < edx.length; i++) {
                edx[i] += dx0[i];
            }
        }
        // Two directions are taken out of each row's gradient; in a narrow row little else may be left.
        double terms = 0;
        for (int i = 0; i < dy.length; i++) {
            terms += Math.pow(lost[i / width] * foundRstd[i / width] * dy[i] * gamma[i % width], 2);
        }
        fixture.assertClose("dx " + at, edx, dx, 1e-6, Math.sqrt(terms));
        if (rounded != null) {
            fixture.assertRounded("rounded dx " + at, fixture.stream().read(dx), rounded);
        }
        fixture.assertClose("dgamma " + at, edgamma, dgamma, 1e-5, size);
        fixture.assertClose("dbeta " + at, edbeta, dbeta, 1e-5, size);
    }
}
