package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.GeluOracle;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PointwiseKernelsTest {
    private static final int[][] SHAPES = {{1, 1}, {3, 1}, {1, 3}, {3, 31}, {5, 33}, {197, 64}, {17, 197}, {33, 768}};

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            for (DType type : KernelFixture.ACTIVATIONS) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    checkBias(fixture, type, shape[0], shape[1]);
                    checkGelu(fixture, type, shape[0], shape[1]);
                }
            }
        }
    }

    private static void checkBias(KernelFixture fixture, DType type, int rows, int width) {
        String at = " [" + rows + ", " + width + "]";
        int size = rows * width;
        float[] y = fixture.normal(size, 1);
        Tensor sum = fixture.tensor(type, y, rows, width);
        float[] residual = fixture.normal(size, 3);
        float[] bias = fixture.normal(width, 1);
        Tensor bt = fixture.tensor(bias, width);
        PointwiseKernels kernels = new PointwiseKernels(fixture.stream());

        double[] biased = new double[size];
        double[] total = new double[size];
        for (int i = 0; i < size; i++) {
            biased[i] = (double) y[i] + bias[i % width];
            total[i] = residual[i] + biased[i];
        }
        kernels.addBias(sum, bt, rows, width);
        int rowsPerFactor = rows % 2 == 0 ? 2 : 1;
        float[] factors = fixture.normal(rows / rowsPerFactor, 1);
        Tensor ft = fixture.tensor(factors, factors.length);
        double[] scaled = new double[size];
        for (int i = 0; i < size; i++) {
            scaled[i] = (double) factors[i / width / rowsPerFactor] * y[i];
        }
        Tensor st = fixture.unwritten(type, rows, width);
        kernels.scaleRows(st, fixture.tensor(type, y, rows, width), ft, rowsPerFactor, rows, width);
        fixture.assertClose("scaleRows" + at, scaled, st, 1e-6);
        fixture.assertClose(
                "addBias" + at, biased, sum, 1e-6, Math.sqrt(size)); // a single sum may cancel to almost nothing

        if (type == DType.BF16) {
            return; // the residual stream is floats
        }
        Tensor out = fixture.unwritten(rows, width);
        Tensor rt = fixture.tensor(residual, rows, width);
        Tensor yt = fixture.tensor(y, rows, width);
        kernels.addBiasResidual(out, rt, yt, bt, rows, width);
        fixture.assertClose("addBiasResidual" + at, total, out, 1e-6, 3 * Math.sqrt(size));
        double[] partly = new double[size];
        for (int i = 0; i < size; i++) {
            partly[i] = residual[i] + factors[i / width / rowsPerFactor] * biased[i];
        }
        kernels.addScaledResidual(out, rt, yt, bt, ft, rowsPerFactor, rows, width);
        fixture.assertClose("addScaledResidual" + at, partly, out, 1e-6, 6 * Math.sqrt(size));
        kernels.addBiasResidual(yt, rt, yt, bt, rows, width);
        fixture.assertClose("addBiasResidual into y" + at, total, yt, 1e-6, 3 * Math.sqrt(size));
        kernels.addBiasResidual(rt, rt, fixture.tensor(y, rows, width), bt, rows, width);
        fixture.assertClose("addBiasResidual into the residual" + at, total, rt, 1e-6, 3 * Math.sqrt(size));
    }

    private static void checkGelu(KernelFixture fixture, DType type, int rows, int width) {
        String at = " [" + rows + ", " + width + "]";
        int size = rows * width;
        float[] x = fixture.normal(size, 2);
        float[] bias = fixture.normal(width, 1);
        if (size < 31) { // so few may all lie in the negative tail, where the error is small absolutely but not
            // relatively
            Arrays.fill(bias, 5);
        }
        float[] dout = fixture.normal(size, 1);
        Tensor pre = fixture.tensor(type, x, rows, width);
        Tensor dt = fixture.tensor(type, dout, rows, width);
        Tensor out = fixture.unwritten(type, rows, width);
        PointwiseKernels kernels = new PointwiseKernels(fixture.stream());
        kernels.biasGelu(out, pre, fixture.tensor(bias, width), rows, width);

        double[] biased = new double[size];
        double[] gelu = new double[size];
        double[] gradient = new double[size];
        for (int i = 0; i < size; i++) {
            biased[i] = (double) x[i] + bias[i % width];
            gelu[i] = GeluOracle.gelu(biased[i]);
        }
        fixture.assertClose("pre" + at, biased, pre, 1e-6);
        fixture.assertClose("gelu" + at, gelu, out, 1e-6);
        float[] stored = fixture.stream().read(pre); // the backward pass has the input as it was stored
        for (int i = 0; i < size; i++) {
            gradient[i] = dout[i] * GeluOracle.slope(stored[i]);
        }
        Tensor dpre = fixture.unwritten(type, rows, width);
        kernels.geluBackward(dpre, dt, pre, size);
        fixture.assertClose("dpre" + at, gradient, dpre, 1e-5);
        kernels.geluBackward(dt, dt, pre, size);
        fixture.assertClose("dpre in place" + at, gradient, dt, 1e-5);
    }

    /** Every point of a grid over [-10, 10]: gelu(x) / x within 3e-7 of Phi(x), and the slope within 3e-7, both absolutely. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void geluIsExactOnADenseGrid(String device) {
        int size = 200_001;
        float[] x = new float[size];
        float[] one = new float[size];
        Arrays.fill(one, 1);
        for (int i = 0; i < size; i++) {
            x[i] = (i - 100_000) * 1e-4f;
        }
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor pre = fixture.tensor(x, 1, size);
            Tensor out = fixture.unwritten(1, size);
            PointwiseKernels kernels = new PointwiseKernels(fixture.stream());
            kernels.biasGelu(out, pre, fixture.tensor(new float[size], size), 1, size);
            assertGrid("gelu", x, fixture.stream().read(out), GeluOracle::gelu, true);
            kernels.geluBackward(out, fixture.tensor(one, 1, size), pre, size);
            assertGrid("slope", x, fixture.stream().read(out), GeluOracle::slope, false);
        }
    }

    private static void assertGrid(String what, float[] x, float[] actual, DoubleUnaryOperator exact, boolean timesX) {
        for (int i = 0; i < x.length; i++) {
            double expected = exact.applyAsDouble(x[i]);
            double limit = 3e-7 * (timesX ? Math.abs(x[i]) : 1);
            assertTrue(
                    Math.abs(actual[i] - expected) <= limit,
                    what + "(" + x[i] + ") is " + actual[i] + ", expected " + expected);
        }
    }

    /** Far out the fits must neither overflow nor leave their limits; a NaN must stay one. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void aMovingAverageTakesItsShare(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            for (int size : new int[] {1, 31, 4097}) {
                float[] x = fixture.normal(size, 1);
                float[] before = fixture.normal(size, 1);
                Tensor average = fixture.tensor(before, size);
                new PointwiseKernels(fixture.stream()).averageIn(average, fixture.tensor(x, size), 0.25f);
                double[] expected = new double[size];
                for (int i = 0; i < size; i++) {
                    expected[i] = 0.75 * before[i] + 0.25 * x[i];
                }
                fixture.assertClose("average of " + size, expected, average, 1e-6, KernelFixture.norm(before));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void geluHoldsFarOut(String device) {
        float[] x = {-1e30f, -1e5f, -50, 50, 1e5f, 1e30f, Float.NaN};
        float[] gelu = {0, 0, 0, 50, 1e5f, 1e30f, Float.NaN};
        float[] slope = {0, 0, 0, 1, 1, 1, Float.NaN};
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor pre = fixture.tensor(x, 1, x.length);
            Tensor out = fixture.unwritten(1, x.length);
            PointwiseKernels kernels = new PointwiseKernels(fixture.stream());
            kernels.biasGelu(out, pre, fixture.tensor(new float[x.length], x.length), 1, x.length);
            float[] actual = fixture.stream().read(out);
            for (int i = 0; i < x.length; i++) {
                assertEquals(gelu[i], actual[i], 1e-30f, "gelu(" + x[i] + ")");
            }
            Tensor ones = fixture.tensor(new float[] {1, 1, 1, 1, 1, 1, 1}, 1, x.length);
            kernels.geluBackward(out, ones, pre, x.length);
            actual = fixture.stream().read(out);
            for (int i = 0; i < x.length; i++) {
                assertEquals(slope[i], actual[i], 1e-30f, "slope at " + x[i]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void refusesWrongShapes(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor y = fixture.tensor(new float[6], 2, 3);
            PointwiseKernels kernels = new PointwiseKernels(fixture.stream());
            assertThrows(IllegalArgumentException.class, () -> kernels.addBias(y, y, 2, 3));
            assertThrows(IllegalArgumentException.class, () -> kernels.geluBackward(y, y, y, 7));
            Tensor half = fixture.unwritten(DType.BF16, 2, 3);
            assertThrows(IllegalArgumentException.class, () -> kernels.addBias(y, half, 6, 1));
            assertThrows(IllegalArgumentException.class, () -> kernels.geluBackward(y, half, y, 6));
            assertThrows(IllegalArgumentException.class, () -> kernels.convert(y, y));
            assertThrows(IllegalArgumentException.class, () -> kernels.convert(half, half));
            Tensor numbers = fixture.tensor(new int[6], 2, 3);
            assertThrows(IllegalArgumentException.class, () -> kernels.convert(numbers, y));
        }
    }
}
