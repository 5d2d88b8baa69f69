package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.CrossEntropyOracle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CrossEntropyKernelsTest {
    private static final int[] ROWS = {1, 5, 33};
    private static final int[] COLUMNS = {1, 2, 10, 33, 257, 1000};

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheDefinition(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            for (int columns : COLUMNS) {
                for (int rows : ROWS) {
                    for (DType type : KernelFixture.ACTIVATIONS) {
                        check(fixture, type, rows, columns);
                    }
                }
            }
        }
    }

    private static void check(KernelFixture fixture, DType type, int rows, int columns) {
        String at = " [" + rows + ", " + columns + "]";
        float[] logits = fixture.normal(rows * columns, 3);
        float[] targets = targets(fixture, rows, columns);
        Tensor l = fixture.tensor(logits, rows, columns);
        Tensor t = fixture.tensor(targets, rows, columns);
        Tensor dl = fixture.unwritten(type, rows, columns);
        Tensor losses = fixture.unwritten(rows);
        Tensor weight = fixture.tensor(new float[] {1.7f}, 1);
        new CrossEntropyKernels(fixture.stream()).lossAndGradient(dl, losses, l, t, weight, rows, columns);
        double[] exact = CrossEntropyOracle.losses(doubles(logits), doubles(targets), rows, columns);
        // With one class the loss is 0: the error is held against what a logit may be.
        fixture.assertClose("losses" + at, exact, losses, 1e-6, Math.sqrt(rows));
        double[] gradient = CrossEntropyOracle.gradient(doubles(logits), doubles(targets), 1.7f, rows, columns);
        fixture.assertClose("gradient" + at, gradient, dl, 1e-6, 1.7 / Math.sqrt(rows));
    }

    /** One label, a mixture of two, a smoothed one, and one whose sum is not 1, in turn. */
    private static float[] targets(KernelFixture fixture, int rows, int columns) {
        float[] targets = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
            int first = i * columns + fixture.random().nextInt(columns);
            int second = i * columns + fixture.random().nextInt(columns);
            float share = i % 4 == 0 ? 1 : fixture.random().nextFloat();
            targets[first] += share;
            targets[second] += 1 - share;
            for (int j = 0; j < columns && i % 4 >= 2; j++) {
                targets[i * columns + j] = 0.9f * targets[i * columns + j] + (i % 4 == 2 ? 0.1f / columns : 0);
            }
        }
        return targets;
    }

    /** Logits whose exponentials neither a float nor their sum could hold. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void largeLogitsDoNotOverflow(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] logits = {300, -300, 299, -1e4f, 0, 1e4f};
            float[] targets = {0, 1, 0, 0.5f, 0.5f, 0};
            Tensor dl = fixture.unwritten(2, 3);
            Tensor losses = fixture.unwritten(2);
            new CrossEntropyKernels(fixture.stream())
                    .lossAndGradient(
                            dl,
                            losses,
                            fixture.tensor(logits, 2, 3),
                            fixture.tensor(targets, 2, 3),
                            fixture.tensor(new float[] {1}, 1),
                            2,
                            3);
            // log(1 + e^-1) + 600, and the mean of 2e4 and 1e4
            fixture.assertClose(
                    "losses",
                    new double[] {600.3132616875182, 15000},
                    fixture.stream().read(losses),
                    1e-6);
            double p = 1 / (1 + Math.exp(-1));
            fixture.assertClose(
                    "gradient",
                    new double[] {p / 2, -0.5, (1 - p) / 2, -0.25, -0.25, 0.5},
                    fixture.stream().read(dl),
                    1e-6);
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void aLogitThatIsNotANumberShowsInTheLoss(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor losses = fixture.unwritten(1);
            new CrossEntropyKernels(fixture.stream())
                    .lossAndGradient(
                            fixture.unwritten(1, 3),
                            losses,
                            fixture.tensor(new float[] {1, Float.NaN, 2}, 1, 3),
                            fixture.tensor(new float[] {1, 0, 0}, 1, 3),
                            fixture.tensor(new float[] {1}, 1),
                            1,
                            3);
            assertTrue(Float.isNaN(fixture.stream().read(losses)[0]));
        }
    }
}
