package io.github.vicmae.kernel.contrastive;

import static io.github.vicmae.kernel.contrastive.InfoNceProblem.WEIGHT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class InfoNceKernelsTest {
    /** Rows, columns, width: of one tile, of several, and beside the kernels' tiles of 32, 64, 96 and 128. */
    private static final int[][] SHAPES = {
        {2, 2, 8},
        {1, 2, 8},
        {3, 7, 33},
        {7, 7, 33},
        {5, 9, 1024},
        {34, 65, 257},
        {66, 130, 128},
        {131, 97, 40},
        {129, 260, 65}
    };

    private static final float[] TEMPERATURES = {0.1f, 0.02f, 0.01f};

    /** As a device cuts work, and as it would cut much larger problems: several tiles a strip, several tiles a block, several panels. */
    private static List<InfoNceTuning> tunings(Device device) {
        InfoNceTuning usual = InfoNceTuning.of(device);
        return device.kind() == Device.Kind.CPU
                ? List.of(
                        usual,
                        new InfoNceTuning(true, 64, 64, 0, 1),
                        new InfoNceTuning(false, 0, 2, 2048, 1),
                        new InfoNceTuning(false, 0, 64, 0, 32))
                : List.of(usual, new InfoNceTuning(false, 0, 2, 0, 1));
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        int turn = 0;
        for (int[] size : SHAPES) {
            for (Precision precision : Precision.values()) {
                for (boolean symmetric : new boolean[] {false, true}) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        for (InfoNceTuning tuning : tunings(fixture.stream().device())) {
                            // The CPU takes every temperature; an emulated device each in its turn.
                            boolean all = fixture.stream().device().kind() == Device.Kind.CPU;
                            for (int t = all ? 0 : turn++ % TEMPERATURES.length;
                                    t < TEMPERATURES.length;
                                    t += all ? 1 : 3) {
                                int rows = symmetric ? Math.max(2, size[0]) : size[0];
                                int columns = symmetric ? rows : size[1];
                                check(
                                        fixture,
                                        tuning,
                                        new InfoNceShape(
                                                rows, columns, size[2], TEMPERATURES[t], symmetric, precision));
                            }
                        }
                    }
                }
            }
        }
    }

    private static void check(KernelFixture fixture, InfoNceTuning tuning, InfoNceShape shape) {
        try (InfoNceProblem problem = InfoNceProblem.random(fixture, tuning, shape)) {
            problem.forward();
            problem.assertForward();
            problem.backward();
            problem.assertBackward(problem.limit());
            problem.assertRepeatable();
        }
    }

    /** Near rows of many dimensions and a small temperature: seed 4440712 erred by 9.5e-5 where dot products were one chain of additions. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void longRowsKeepTheirDigits(String device) {
        for (int rows : new int[] {5, 6}) {
            try (KernelFixture fixture = new KernelFixture(device, 4440712)) {
                for (InfoNceTuning tuning : tunings(fixture.stream().device())) {
                    check(fixture, tuning, new InfoNceShape(rows, rows, 1024, 0.02f, true, Precision.FP32));
                }
            }
        }
    }

    /** Rows that all but have their positive: e is 1 to eight digits, and what is left of loss and gradient must not be rounding. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void nearlySolvedRowsKeepTheirDigits(String device) {
        int rows = 66;
        int width = 64;
        for (Precision precision : Precision.values()) {
            for (boolean symmetric : new boolean[] {false, true}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    for (InfoNceTuning tuning : tunings(fixture.stream().device())) {
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
                        InfoNceShape shape = new InfoNceShape(rows, rows, width, 0.04f, symmetric, precision);
                        try (InfoNceProblem problem =
                                new InfoNceProblem(fixture, tuning, shape, positive, excluded, x, x.clone())) {
                            problem.forward();
                            double expected = problem.expectedLoss();
                            assertTrue(expected < 1e-4, "not nearly solved: " + expected);
                            assertEquals(expected, problem.loss(), 1e-4 * expected, shape + fixture.seedToRepeat());
                            problem.backward();
                            problem.assertBackward(precision == Precision.FP32 ? 1e-4 : 6e-3);
                        }
                    }
                }
            }
        }
    }

    /** Where every row is the same, every logit is: the loss is the logarithm of how many there are, and no direction makes it smaller. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void duplicatesShareTheSum(String device) {
        int rows = 37;
        int width = 16;
        for (Precision precision : Precision.values()) {
            for (float temperature : TEMPERATURES) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    for (InfoNceTuning tuning : tunings(fixture.stream().device())) {
                        float[] x = new float[rows * width];
                        int[] positive = new int[rows];
                        int[] excluded = new int[rows];
                        for (int i = 0; i < rows; i++) {
                            positive[i] = (i + 1) % rows;
                            excluded[i] = i;
                            for (int d = 0; d < width; d++) {
                                x[i * width + d] = d % 4 == 0 ? 2 : -1; // of length 2 * sqrt(7)
                            }
                        }
                        InfoNceShape shape = new InfoNceShape(rows, rows, width, temperature, true, precision);
                        try (InfoNceProblem problem =
                                new InfoNceProblem(fixture, tuning, shape, positive, excluded, x, null)) {
                            problem.forward();
                            // Rounding moves all cosines alike, but not the positive's, which is taken in floats.
                            double moved = Math.exp((problem.roundedCosine(0, 1) - 1) / temperature);
                            assertEquals(
                                    Math.log1p((rows - 2) * moved),
                                    problem.loss(),
                                    1e-5 + 1e-6 / temperature,
                                    shape + " " + device);
                            problem.backward();
                            for (float d : problem.results()[2]) {
                                assertEquals(0, d, WEIGHT / rows / temperature * 2e-6, shape + " " + device);
                            }
                        }
                    }
                }
            }
        }
    }

    /** Opposite unit vectors and a small temperature: every logit but the positive's is as far from the bound as it can be. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void farLogitsNeitherVanishNorOverflow(String device) {
        for (float temperature : new float[] {1, 0.1f, 0.02f, 0.01f, 0.004f}) { // e^-250 is 0 in single precision
            for (float sign : new float[] {-1, 1}) {
                for (Precision precision : Precision.values()) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        for (InfoNceTuning tuning : tunings(fixture.stream().device())) {
                            InfoNceShape shape = new InfoNceShape(2, 2, 2, temperature, false, precision);
                            float[] p = {1, 0, 1, 0};
                            float[] z = {sign, 0, sign, 0};
                            try (InfoNceProblem problem = new InfoNceProblem(
                                    fixture, tuning, shape, new int[] {0, 1}, new int[] {-1, -1}, p, z)) {
                                problem.forward();
                                assertEquals(Math.log(2), problem.loss(), 2e-5, sign + " " + shape);
                                problem.backward();
                                for (float d : problem.results()[2]) {
                                    assertEquals(0, d, 1e-5 * WEIGHT / temperature, sign + " " + shape);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /** Scratch grows with rows and columns, not with their product, in every form and on every kind of device. */
    @ParameterizedTest
    @EnumSource(Device.Kind.class)
    void memoryIsLinearInRowsAndColumns(Device.Kind kind) {
        try (Device device = new PlanningDevice(kind);
                Stream stream = device.newStream()) {
            InfoNceKernels kernels = new InfoNceKernels(stream);
            for (Precision precision : Precision.values()) {
                for (int width : new int[] {8, 128, 1024}) {
                    for (int rows = 1 << 12; rows <= 1 << 18; rows *= 4) {
                        for (boolean symmetric : new boolean[] {true, false}) {
                            int columns = symmetric ? rows : 3 * rows;
                            InfoNceShape shape = new InfoNceShape(rows, columns, width, 0.1f, symmetric, precision);
                            long scratch = kernels.scratchSize(shape);
                            // Beside what grows: the parts of one round of blocks, or one panel.
                            long constant = 2L * 256 * 128 * (width + 16) + 1024 * 1024;
                            long linear = (rows + (long) columns) * (width + 16 + 2 * 65);
                            assertTrue(scratch <= constant + linear, kind + " " + shape + ": " + scratch);
                            assertTrue(scratch < (long) rows * columns || rows < 1 << 14, kind + " " + shape);
                            Arena arena = new Arena("planned");
                            new InfoNceState(arena, shape);
                            new InfoNcePairs(arena, shape);
                            long rounded = precision == Precision.BF16 ? 2L * shape.paddedWidth() : 0;
                            long perRow = 4L * width + rounded + 4 * (1 + 3 + 4);
                            assertTrue(arena.bytes() <= (rows + (long) columns) * perRow + 4096, kind + " " + shape);
                        }
                    }
                }
            }
        }
    }

    /** Few rows are normalised, summed up and made a loss by one launch, and gradients are one launch always. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void fewRowsTakeOneLaunchEachWay(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            InfoNceTuning usual = InfoNceTuning.of(fixture.stream().device());
            for (Precision precision : Precision.values()) {
                for (boolean symmetric : new boolean[] {true, false}) {
                    for (int normalizedInTiles : new int[] {usual.normalizedInTiles(), 3}) {
                        InfoNceTuning tuning =
                                new InfoNceTuning(false, 0, 64, normalizedInTiles, usual.gradientBlocks());
                        InfoNceShape shape = new InfoNceShape(6, 6, 8, 0.1f, symmetric, precision);
                        try (InfoNceProblem problem = InfoNceProblem.random(fixture, tuning, shape)) {
                            long before = fixture.stream().launches();
                            problem.forward();
                            boolean apart = normalizedInTiles == 3 && !tuning.library();
                            long forward = !apart ? 1 : symmetric ? 2 : 3;
                            assertEquals(forward, fixture.stream().launches() - before, shape + " " + tuning);
                            problem.backward();
                            assertEquals(forward + 1, fixture.stream().launches() - before, shape + " " + tuning);
                        }
                    }
                }
            }
        }
    }

    @Test
    void refusesWhatItCannotDo() {
        for (int width : new int[] {0, 1025}) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new InfoNceShape(4, 4, width, 0.1f, true, Precision.FP32),
                    "width " + width);
        }
        for (float temperature : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new InfoNceShape(4, 4, 8, temperature, true, Precision.FP32),
                    "temperature " + temperature);
        }
        assertThrows(IllegalArgumentException.class, () -> new InfoNceShape(4, 5, 8, 0.1f, true, Precision.FP32));
        assertThrows(IllegalArgumentException.class, () -> new InfoNceShape(1, 1, 8, 0.1f, true, Precision.FP32));
        assertThrows(IllegalArgumentException.class, () -> new InfoNceShape(0, 5, 8, 0.1f, false, Precision.FP32));
    }

    @Test
    void refusesIndicesOutOfRange() {
        try (KernelFixture fixture = new KernelFixture("cpu");
                Arena arena = new Arena("pairs")) {
            Stream stream = fixture.stream();
            InfoNcePairs three = new InfoNcePairs(arena, new InfoNceShape(2, 3, 4, 0.1f, false, Precision.FP32));
            InfoNcePairs same = new InfoNcePairs(arena, new InfoNceShape(2, 2, 4, 0.1f, true, Precision.FP32));
            InfoNcePairs one = new InfoNcePairs(arena, new InfoNceShape(1, 1, 4, 0.1f, false, Precision.FP32));
            arena.allocate(stream.device());
            three.write(stream, new int[] {2, 2}, new int[] {-1, 2});
            refuse(stream, three, "positive", new int[] {0, 3}, new int[] {-1, -1});
            refuse(stream, three, "positive", new int[] {-1, 0}, new int[] {-1, -1});
            refuse(stream, three, "leaves out", new int[] {0, 1}, new int[] {3, -1});
            refuse(stream, three, "leaves out", new int[] {0, 1}, new int[] {0, -2});
            refuse(stream, three, "for each of its 2", new int[] {0}, new int[] {1});
            same.write(stream, new int[] {1, 0}, new int[] {0, 1});
            refuse(stream, same, "itself", new int[] {1, 0}, new int[] {-1, 1});
            refuse(stream, same, "itself", new int[] {0, 1}, new int[] {0, 1});
            refuse(stream, one, "the only one", new int[] {0}, new int[] {0});
        }
    }

    private static void refuse(Stream stream, InfoNcePairs pairs, String why, int[] positive, int[] excluded) {
        String message = assertThrows(
                        IllegalArgumentException.class, () -> pairs.write(stream, positive, excluded), why)
                .getMessage();
        assertTrue(message.contains(why), message);
    }

    @Test
    void refusesTooLittleScratchAndOtherPairs() {
        try (KernelFixture fixture = new KernelFixture("cpu");
                Arena arena = new Arena("state")) {
            InfoNceShape shape = new InfoNceShape(2, 2, 8, 0.1f, true, Precision.FP32);
            InfoNceState state = new InfoNceState(arena, shape);
            InfoNcePairs pairs = new InfoNcePairs(arena, shape);
            InfoNcePairs others = new InfoNcePairs(arena, new InfoNceShape(2, 2, 8, 0.2f, true, Precision.FP32));
            arena.allocate(fixture.stream().device());
            InfoNceKernels kernels = new InfoNceKernels(fixture.stream());
            Tensor x = fixture.tensor(fixture.normal(16, 1), 2, 8);
            Tensor loss = fixture.unwritten(1);
            Tensor scratch = fixture.unwritten((int) kernels.scratchSize(shape));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.forward(loss, state, pairs, x, x, fixture.unwritten(1)));
            assertThrows(IllegalArgumentException.class, () -> kernels.forward(loss, state, others, x, x, scratch));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.forward(loss, state, pairs, x, fixture.tensor(new float[16], 2, 8), scratch));
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
        assertSlopes(oracle, dx, x, x, zx);
        assertSlopes(oracle, dzx, zx, x, zx);
        InfoNceOracle symmetric = new InfoNceOracle(5, 5, 3, 0.3, new int[] {1, 0, 4, 2, 0}, new int[] {0, 1, 2, 3, 4});
        double[] both = new double[zx.length];
        symmetric.backward(both, both, zx, zx, 0.7);
        assertSlopes(symmetric, both, zx, zx, zx);
    }

    /** That a gradient is the slope of 0.7 times the loss along each element of `moved`. */
    private static void assertSlopes(InfoNceOracle oracle, double[] gradient, double[] moved, double[] x, double[] zx) {
        double h = 1e-6;
        for (int i = 0; i < gradient.length; i++) {
            double before = moved[i];
            moved[i] = before + h;
            double above = oracle.loss(new double[5], x, zx);
            moved[i] = before - h;
            double below = oracle.loss(new double[5], x, zx);
            moved[i] = before;
            assertEquals(0.7 * (above - below) / (2 * h), gradient[i], 1e-8, "element " + i);
        }
    }
}
