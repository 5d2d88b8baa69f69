package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.BatchNormOracle;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BatchNormKernelsTest {
    /** groups, rows, width. On a GPU up to 256 rows are kept in registers. */
    private static final int[][] SHAPES = {
        {1, 3, 1}, {2, 4, 3}, {1, 31, 33}, {3, 5, 31}, {2, 33, 129}, {2, 197, 64}, {2, 64, 512}, {2, 259, 33}
    };

    private static final float EPS = 1e-5f;
    private static final float MOMENTUM = 0.1f;

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            for (DType type : KernelFixture.ACTIVATIONS) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    check(fixture, type, shape[0], shape[1], shape[2], 0, true);
                    check(fixture, type, shape[0], shape[1], shape[2], 1, false);
                }
            }
        }
    }

    /** A mean a thousand times the deviation: a one-pass variance would have no correct digit left. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void varianceDoesNotCancel(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            check(fixture, DType.F32, 2, 256, 33, 1000, false);
        }
    }

    private static void check(
            KernelFixture fixture, DType type, int groups, int rows, int width, float offset, boolean relu) {
        String at = " [" + groups + ", " + rows + ", " + width + "] " + relu;
        int size = groups * rows * width;
        float[] x = fixture.normal(size, 1);
        for (int i = 0; i < size; i++) {
            x[i] += offset;
        }
        Tensor xt = fixture.tensor(type, x, groups, rows, width);
        float[] gamma = fixture.normal(width, 1);
        float[] beta = fixture.normal(width, 1);
        float[] running = fixture.normal(width, 1);
        float[] runningSquares = running.clone();
        for (int i = 0; i < width; i++) {
            runningSquares[i] *= running[i]; // a variance is not negative, so nothing cancels
        }
        float[] dy = fixture.normal(size, 1);
        Tensor dyt = fixture.tensor(type, dy, groups, rows, width);
        float[] dgamma0 = fixture.normal(width, 1);
        float[] dbeta0 = fixture.normal(width, 1);
        double[] mean = doubles(running);
        double[] var = doubles(runningSquares);
        double[] dgamma = doubles(dgamma0);
        double[] dbeta = doubles(dbeta0);
        double[] y = new double[size];
        double[] dx = new double[size];
        int block = rows * width;
        for (int g = 0; g < groups; g++) {
            double[] xg = doubles(Arrays.copyOfRange(x, g * block, (g + 1) * block));
            double[] yg = BatchNormOracle.forward(
                    mean, var, xg, doubles(gamma), doubles(beta), rows, width, EPS, MOMENTUM, relu);
            System.arraycopy(yg, 0, y, g * block, block);
        }

        Tensor gt = fixture.tensor(gamma, width);
        Tensor yt = fixture.unwritten(type, groups, rows, width);
        Tensor mt = fixture.unwritten(groups, width);
        Tensor rt = fixture.unwritten(groups, width);
        Tensor runningMean = fixture.tensor(running, width);
        Tensor runningVar = fixture.tensor(runningSquares, width);
        BatchNormKernels kernels = new BatchNormKernels(fixture.stream());
        kernels.forward(
                yt,
                mt,
                rt,
                runningMean,
                runningVar,
                xt,
                gt,
                fixture.tensor(beta, width),
                groups,
                rows,
                width,
                EPS,
                MOMENTUM,
                relu);
        // x itself is rounded to 1e-7 of the offset, and so is the mean that is taken from it.
        double limit = offset == 1000 ? 1e-4 : 1e-6;
        // What little ReLU or a sum leaves of larger terms is held against those. The mean is rounded to a float:
        // where the values of a column lie close together, what is left without it has lost digits.
        float[] lost = offset == 1000
                ? new float[size]
                : meansInDeviations(fixture.stream().read(mt), fixture.stream().read(rt), block, width, size);
        double outputs = Math.hypot(
                KernelFixture.norm(beta) * Math.sqrt(groups * rows), KernelFixture.norm(product(lost, gamma)));
        fixture.assertClose("y" + at, y, yt, limit, outputs);
        fixture.assertClose(
                "running mean" + at, mean, fixture.stream().read(runningMean), 1e-6, KernelFixture.norm(running));
        fixture.assertClose("running variance" + at, var, runningVar, limit);

        // Where ReLU cuts is what the forward pass found: a value that is almost 0 may come out on either side.
        float[] found = fixture.stream().read(yt);
        for (int g = 0; g < groups; g++) {
            double[] dxg = BatchNormOracle.backward(
                    dgamma,
                    dbeta,
                    group(dy, g, block),
                    group(found, g, block),
                    group(x, g, block),
                    doubles(gamma),
                    rows,
                    width,
                    EPS,
                    relu);
            System.arraycopy(dxg, 0, dx, g * block, block);
        }

        Tensor dgammaT = fixture.tensor(dgamma0, width);
        Tensor dbetaT = fixture.tensor(dbeta0, width);
        Tensor dxt = fixture.unwritten(type, groups, rows, width);
        kernels.backward(dxt, dgammaT, dbetaT, dyt, yt, xt, gt, mt, rt, groups, rows, width, relu);
        double inputs = KernelFixture.norm(terms(dy, gamma, fixture.stream().read(rt), block, width));
        fixture.assertClose("dx" + at, dx, dxt, 10 * limit, inputs);
        fixture.assertClose("dgamma" + at, dgamma, dgammaT, 10 * limit, KernelFixture.norm(dy));
        fixture.assertClose("dbeta" + at, dbeta, dbetaT, 10 * limit, KernelFixture.norm(dy));
        kernels.backward(dyt, dgammaT, dbetaT, dyt, yt, xt, gt, mt, rt, groups, rows, width, relu);
        fixture.assertClose("dx in place" + at, dx, dyt, 10 * limit, inputs);
    }

    /** rstd * gamma * dy, of which two directions a column are taken out: with three rows little else may be left. */
    private static float[] terms(float[] dy, float[] gamma, float[] rstd, int block, int width) {
        float[] terms = new float[dy.length];
        for (int i = 0; i < terms.length; i++) {
            terms[i] = rstd[i / block * width + i % width] * gamma[i % width] * dy[i];
        }
        return terms;
    }

    private static double[] group(float[] values, int group, int block) {
        return doubles(Arrays.copyOfRange(values, group * block, (group + 1) * block));
    }

    /** The mean in units of the deviation, for each value of a column. */
    private static float[] meansInDeviations(float[] mean, float[] rstd, int block, int width, int size) {
        float[] lost = new float[size];
        for (int i = 0; i < size; i++) {
            int column = i / block * width + i % width;
            lost[i] = mean[column] * rstd[column];
        }
        return lost;
    }

    /** Products; the second factor is repeated. */
    private static float[] product(float[] a, float[] b) {
        float[] product = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            product[i] = a[i] * b[i % b.length];
        }
        return product;
    }

    @Test
    void oracleMatchesFiniteDifferences() {
        int rows = 4;
        int width = 2;
        double[] x = {0.5, -0.3, 0.4, 1.2, -0.7, 0.9, 0.1, -0.8};
        double[] dy = {0.7, -1.3, 0.4, 0.2, -0.5, 1.1, 0.3, 0.9};
        double[] gamma = {1.3, -0.6};
        double[] beta = {0.2, 0.5};
        double[] y = forward(x, gamma, beta);
        double[] dx = BatchNormOracle.backward(new double[2], new double[2], dy, y, x, gamma, rows, width, EPS, true);
        double h = 1e-6;
        for (int i = 0; i < x.length; i++) {
            double[] moved = x.clone();
            moved[i] = x[i] + h;
            double[] above = forward(moved, gamma, beta);
            moved[i] = x[i] - h;
            double[] below = forward(moved, gamma, beta);
            double slope = 0;
            for (int k = 0; k < dy.length; k++) {
                slope += dy[k] * (above[k] - below[k]) / (2 * h);
            }
            assertEquals(slope, dx[i], 1e-7, "dx " + i);
        }
    }

    private static double[] forward(double[] x, double[] gamma, double[] beta) {
        return BatchNormOracle.forward(new double[2], new double[2], x, gamma, beta, 4, 2, EPS, MOMENTUM, true);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void refusesASingleRow(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor t = fixture.tensor(new float[3], 3);
            BatchNormKernels kernels = new BatchNormKernels(fixture.stream());
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.forward(t, t, t, t, t, t, t, t, 1, 1, 3, EPS, MOMENTUM, true));
        }
    }
}
