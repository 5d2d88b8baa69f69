package io.github.vicmae.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.contrastive.InfoNceShape;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import io.github.vicmae.layer.Scratch;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InfoNceTest {
    private static final int BATCH = 3;
    private static final int ROWS = 2 * BATCH;
    private static final int WIDTH = 8;

    private static float[] normal(Random random, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = values[i];
        }
        return result;
    }

    /** Two views' predictions against their targets and more columns, which are negatives of every row. */
    @Test
    void columnsBeyondTheViewsAreNegatives() {
        for (int columns : new int[] {ROWS, ROWS + 1, ROWS + 5}) {
            check(new ContrastiveShape(ROWS, columns, WIDTH, 0.2f, false, Precision.FP32));
        }
        check(new ContrastiveShape(ROWS, ROWS, WIDTH, 0.2f, true, Precision.FP32));
    }

    private static void check(ContrastiveShape shape) {
        int columns = shape.columns();
        Random random = new Random(5);
        float[] p = normal(random, ROWS * WIDTH);
        float[] z = shape.symmetric() ? p : normal(random, columns * WIDTH);
        int[] positive = {3, 4, 5, 0, 1, 2};
        InfoNceOracle oracle =
                new InfoNceOracle(ROWS, columns, WIDTH, shape.temperature(), positive, new int[] {0, 1, 2, 3, 4, 5});
        double[] dp = new double[p.length];
        double[] dz = shape.symmetric() ? dp : new double[z.length];
        double expected = oracle.loss(new double[ROWS], doubles(p), doubles(z));
        oracle.backward(dp, dz, doubles(p), doubles(z), 0.5);

        try (Device device = Device.open("cpu");
                Arena arena = new Arena("loss test")) {
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream own = kernels.stream()) {
                Scratch scratch = new Scratch();
                Tensor rows = arena.floats("rows", ROWS, WIDTH);
                Tensor others = shape.symmetric() ? rows : arena.floats("columns", columns, WIDTH);
                Tensor drows = arena.floats("d rows", ROWS, WIDTH);
                Tensor dcolumns = shape.symmetric() ? drows : arena.floats("d columns", columns, WIDTH);
                Tensor loss = arena.floats("loss", 1);
                Tensor weight = arena.floats("weight", 1);
                InfoNce infoNce = new InfoNce(kernels, arena, scratch, shape);
                scratch.plan(arena);
                arena.allocate(device);
                infoNce.prepare(own);
                own.write(rows, p);
                own.write(others, z);
                own.write(weight, new float[] {0.5f});
                infoNce.forward(loss, rows, others);
                infoNce.backward(drows, dcolumns, weight);
                assertEquals(expected, own.read(loss)[0], 1e-5, shape.toString());
                assertNear(dp, own.read(drows), "rows of " + shape);
                assertNear(dz, own.read(dcolumns), "columns of " + shape);
            }
        }
    }

    private static void assertNear(double[] expected, float[] actual, String what) {
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], 1e-6, what + ", element " + i);
        }
    }

    @Test
    void refusesRowsThatAreTooWide() {
        try (Device device = Device.open("cpu");
                Arena arena = new Arena("loss test")) {
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream own = kernels.stream()) {
                ContrastiveShape wide = ContrastiveShape.of(6, InfoNceShape.MAX_WIDTH + 1, 0.1f, false);
                assertThrows(IllegalArgumentException.class, () -> new InfoNce(kernels, arena, new Scratch(), wide));
                assertEquals(0, own.launches());
            }
        }
    }
}
