package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class InfoNceKernelsTest {
    /** rows, columns, width. */
    private static final int[][] SHAPES = {
        {2, 2, 3},
        {2, 5, 33},
        {4, 4, 2},
        {6, 31, 31},
        {64, 64, 64},
        {66, 130, 65},
        {128, 197, 128},
        {34, 34, 257},
        {4, 9, 1024}
    };

    private static final float[] TEMPERATURES = {1, 0.1f, 0.02f, 0.01f};
    private static final float WEIGHT = 0.03f;

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            for (float temperature : TEMPERATURES) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    checkGeneral(fixture, shape[0], shape[1], shape[2], temperature);
                    checkSymmetric(fixture, shape[0], shape[2], temperature);
                }
            }
        }
    }

    private static void checkGeneral(KernelFixture fixture, int rows, int columns, int width, float temperature) {
        String at = " [" + rows + " x " + columns + ", " + width + "] at " + temperature;
        float[] x = fixture.normal(rows * width, 3);
        float[] zx = fixture.normal(columns * width, 2);
        int[] positive = new int[rows];
        int[] excluded = new int[rows];
        for (int i = 0; i < rows; i++) {
            positive[i] = fixture.random().nextInt(columns);
            excluded[i] = fixture.random().nextInt(columns + 1) - 1;
            if (excluded[i] == positive[i]) {
                excluded[i] = -1;
            }
            if (i % 3 == 0) { // some rows near their positive, as after training
                for (int d = 0; d < width; d++) {
                    x[i * width + d] = zx[positive[i] * width + d] + 0.1f * x[i * width + d];
                }
            }
        }
        InfoNceOracle oracle = new InfoNceOracle(rows, columns, width, temperature, positive, excluded);
        double[] lse = new double[rows];
        double loss = oracle.loss(lse, doubles(x), doubles(zx));
        double[] dx = new double[rows * width];
        double[] dzx = new double[columns * width];
        oracle.backward(dx, dzx, doubles(x), doubles(zx), WEIGHT);

        InfoNceKernels kernels = new InfoNceKernels(fixture.stream());
        Tensor p = fixture.unwritten(rows, width);
        Tensor z = fixture.unwritten(columns, width);
        Tensor inverseP = fixture.unwritten(rows);
        Tensor inverseZ = fixture.unwritten(columns);
        kernels.normalize(p, inverseP, fixture.tensor(x, rows, width), rows, width);
        kernels.normalize(z, inverseZ, fixture.tensor(zx, columns, width), columns, width);
        fixture.assertClose("unit" + at, InfoNceOracle.normalize(doubles(x), rows, width), p, 1e-6);
        Tensor pos = fixture.tensor(positive, rows);
        Tensor ex = fixture.tensor(excluded, rows);
        Tensor lt = fixture.unwritten(1);
        Tensor lseT = fixture.unwritten(rows);
        Tensor scratch = scratch(fixture, rows, columns, width);
        kernels.forward(lt, lseT, p, z, pos, ex, rows, columns, width, temperature, scratch);
        assertLoss(fixture, at, loss, lse, lt, lseT, temperature);

        Tensor dxt = fixture.unwritten(rows, width);
        Tensor dzt = fixture.unwritten(columns, width);
        Tensor weight = fixture.tensor(new float[] {WEIGHT}, 1);
        Tensor clean = scratch(fixture, rows, columns, width);
        kernels.backward(
                dxt, dzt, p, z, inverseP, inverseZ, lseT, pos, ex, rows, columns, width, temperature, weight, clean);
        double perRow = WEIGHT / (double) rows;
        assertGradient(fixture, "dx" + at, dx, dxt, inverseP, perRow, temperature);
        assertGradient(fixture, "dzx" + at, dzx, dzt, inverseZ, WEIGHT, temperature);
    }

    private static void checkSymmetric(KernelFixture fixture, int rows, int width, float temperature) {
        String at = " symmetric [" + rows + ", " + width + "] at " + temperature;
        float[] x = fixture.normal(rows * width, 3);
        int[] positive = new int[rows];
        int[] excluded = new int[rows];
        for (int i = 0; i < rows; i++) {
            positive[i] = (i + rows / 2) % rows;
            excluded[i] = i;
        }
        InfoNceOracle oracle = new InfoNceOracle(rows, rows, width, temperature, positive, excluded);
        double[] lse = new double[rows];
        double loss = oracle.loss(lse, doubles(x), doubles(x));
        double[] dx = new double[rows * width];
        oracle.backward(dx, dx, doubles(x), doubles(x), WEIGHT);

        InfoNceKernels kernels = new InfoNceKernels(fixture.stream());
        Tensor u = fixture.unwritten(rows, width);
        Tensor inverse = fixture.unwritten(rows);
        kernels.normalize(u, inverse, fixture.tensor(x, rows, width), rows, width);
        Tensor pos = fixture.tensor(positive, rows);
        Tensor lt = fixture.unwritten(1);
        Tensor lseT = fixture.unwritten(rows);
        Tensor scratch = scratch(fixture, rows, rows, width);
        kernels.forward(lt, lseT, u, u, pos, fixture.tensor(excluded, rows), rows, rows, width, temperature, scratch);
        assertLoss(fixture, at, loss, lse, lt, lseT, temperature);
        Tensor dxt = fixture.unwritten(rows, width);
        Tensor weight = fixture.tensor(new float[] {WEIGHT}, 1);
        Tensor clean = scratch(fixture, rows, rows, width);
        kernels.backwardSymmetric(dxt, u, inverse, lseT, pos, rows, width, temperature, weight, clean);
        float[] first = fixture.stream().read(dxt);
        if (rows > 2) {
            assertGradient(fixture, "dx" + at, dx, dxt, inverse, 2 * WEIGHT / (double) rows, temperature);
        } else { // the positive is all there is
            assertArrayEquals(new float[rows * width], first, 0.0f, "dx" + at);
        }
        kernels.backwardSymmetric(dxt, u, inverse, lseT, pos, rows, width, temperature, weight, scratch);
        assertArrayEquals(first, fixture.stream().read(dxt), "not repeatable" + at);
    }

    private static Tensor scratch(KernelFixture fixture, int rows, int columns, int width) {
        return fixture.unwritten((int) InfoNceKernels.scratchSize(fixture.stream(), rows, columns, width));
    }

    /** A logit of size 1 / temperature is rounded to 1e-7 of itself, and so are lse and the loss, absolutely. */
    private static void assertLoss(
            KernelFixture fixture, String at, double loss, double[] lse, Tensor lt, Tensor lseT, double temperature) {
        double limit = 1e-6 + 5e-7 / temperature;
        assertEquals(loss, fixture.stream().read(lt)[0], limit + 1e-6 * loss, "loss" + at);
        float[] actual = fixture.stream().read(lseT);
        for (int i = 0; i < lse.length; i++) {
            assertEquals(lse[i], actual[i], limit + 1e-6 * Math.abs(lse[i]), "lse[" + i + "]" + at);
        }
    }

    /**
     * That rounding of the logits is a relative error of their exponentials, and stays in the gradient. With few dimensions and a small
     * temperature a whole gradient may be a difference of nearly parallel vectors; there the error is held against the largest gradient
     * that there could be, 2 weight / (rows temperature |x|).
     */
    private static void assertGradient(
            KernelFixture fixture,
            String what,
            double[] expected,
            Tensor actual,
            Tensor inverseNorm,
            double perRow,
            double temperature) {
        double limit = 1e-5 + 1e-6 / temperature;
        if (actual.width() >= 31 || temperature >= 0.1f) {
            fixture.assertClose(what, expected, actual, limit);
            return;
        }
        float[] values = fixture.stream().read(actual);
        float[] inverse = fixture.stream().read(inverseNorm);
        for (int i = 0; i < expected.length; i++) {
            double largest = 2 * perRow / temperature * inverse[i / actual.width()];
            assertEquals(expected[i], values[i], limit * largest, what + " element " + i);
        }
    }

    /** Rows that all but have their positive: e is 1 to eight digits, and what is left of loss and gradient must not be rounding. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void nearlySolvedRowsKeepTheirDigits(String device) {
        int rows = 66;
        int width = 64;
        float temperature = 0.04f;
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] x = fixture.normal(rows * width, 1);
            int[] positive = new int[rows];
            int[] excluded = new int[rows];
            for (int i = 0; i < rows; i++) {
                positive[i] = (i + rows / 2) % rows;
                excluded[i] = i;
                for (int d = 0; d < width && i >= rows / 2; d++) {
                    x[i * width + d] = x[positive[i] * width + d] + 0.1f * x[i * width + d];
                }
            }
            InfoNceOracle oracle = new InfoNceOracle(rows, rows, width, temperature, positive, excluded);
            double loss = oracle.loss(new double[rows], doubles(x), doubles(x));
            double[] dx = new double[rows * width];
            oracle.backward(dx, dx, doubles(x), doubles(x), WEIGHT);

            InfoNceKernels kernels = new InfoNceKernels(fixture.stream());
            Tensor u = fixture.unwritten(rows, width);
            Tensor inverse = fixture.unwritten(rows);
            Tensor lt = fixture.unwritten(1);
            Tensor lse = fixture.unwritten(rows);
            Tensor dxt = fixture.unwritten(rows, width);
            Tensor pos = fixture.tensor(positive, rows);
            Tensor ex = fixture.tensor(excluded, rows);
            Tensor weight = fixture.tensor(new float[] {WEIGHT}, 1);
            Tensor scratch = scratch(fixture, rows, rows, width);
            kernels.normalize(u, inverse, fixture.tensor(x, rows, width), rows, width);
            kernels.forward(lt, lse, u, u, pos, ex, rows, rows, width, temperature, scratch);
            assertTrue(loss < 1e-4, "not nearly solved: " + loss);
            fixture.assertClose("loss", new double[] {loss}, lt, 1e-4);
            kernels.backwardSymmetric(dxt, u, inverse, lse, pos, rows, width, temperature, weight, scratch);
            fixture.assertClose("symmetric dx", dx, dxt, 1e-4);

            Tensor dzt = fixture.unwritten(rows, width);
            kernels.backward(
                    dxt, dzt, u, u, inverse, inverse, lse, pos, ex, rows, rows, width, temperature, weight, scratch);
            float[] both = fixture.stream().read(dxt);
            float[] columns = fixture.stream().read(dzt);
            for (int i = 0; i < both.length; i++) {
                both[i] += columns[i];
            }
            fixture.assertClose("dx by rows and columns", dx, both, 1e-4);
        }
    }

    /** Opposite unit vectors and a small temperature: every logit but the positive's is as far from the bound as it can be. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void farLogitsNeitherVanishNorOverflow(String device) {
        for (float temperature : new float[] {1, 0.1f, 0.02f, 0.01f, 0.004f}) { // e^-250 is 0 in single precision
            for (float sign : new float[] {-1, 1}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    Tensor p = fixture.tensor(new float[] {1, 0, 1, 0}, 2, 2);
                    Tensor z = fixture.tensor(new float[] {sign, 0, sign, 0}, 2, 2);
                    Tensor positive = fixture.tensor(new int[] {0, 1}, 2);
                    Tensor none = fixture.tensor(new int[] {-1, -1}, 2);
                    Tensor loss = fixture.unwritten(1);
                    Tensor lse = fixture.unwritten(2);
                    new InfoNceKernels(fixture.stream())
                            .forward(loss, lse, p, z, positive, none, 2, 2, 2, temperature, scratch(fixture, 2, 2, 2));
                    assertEquals(Math.log(2), fixture.stream().read(loss)[0], 2e-5, sign + " at " + temperature);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void scratchIsLinearInTheRows(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            long small = InfoNceKernels.scratchSize(fixture.stream(), 1 << 16, 1 << 16, 128);
            assertEquals(2 * small, InfoNceKernels.scratchSize(fixture.stream(), 1 << 17, 1 << 17, 128));
            assertTrue(small <= 8L * (1 << 16) * 128, small + " floats");
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void refusesTooLittleScratch(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor u = fixture.tensor(new float[] {1, 0}, 2, 1);
            Tensor two = fixture.unwritten(2);
            Tensor index = fixture.tensor(new int[] {1, 0}, 2);
            Tensor one = fixture.unwritten(1);
            InfoNceKernels kernels = new InfoNceKernels(fixture.stream());
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.forward(one, two, u, u, index, index, 2, 2, 1, 0.1f, one));
        }
    }

    @Test
    void oracleMatchesFiniteDifferences() {
        Random random = new Random(11);
        double[] x = random.doubles(4 * 3, -1, 1).toArray();
        double[] zx = random.doubles(5 * 3, -1, 1).toArray();
        InfoNceOracle oracle = new InfoNceOracle(4, 5, 3, 0.3, new int[] {1, 0, 4, 2}, new int[] {0, -1, 2, 3});
        double[] dx = new double[x.length];
        double[] dzx = new double[zx.length];
        oracle.backward(dx, dzx, x, zx, 0.7);
        double h = 1e-6;
        for (int side = 0; side < 2; side++) {
            double[] gradient = side == 0 ? dx : dzx;
            for (int i = 0; i < gradient.length; i++) {
                double[] moved = side == 0 ? x : zx;
                double before = moved[i];
                moved[i] = before + h;
                double above = oracle.loss(new double[4], x, zx);
                moved[i] = before - h;
                double below = oracle.loss(new double[4], x, zx);
                moved[i] = before;
                assertEquals(0.7 * (above - below) / (2 * h), gradient[i], 1e-8, "side " + side + " element " + i);
            }
        }
    }
}
