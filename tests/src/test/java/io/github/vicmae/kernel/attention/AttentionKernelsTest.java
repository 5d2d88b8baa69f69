package io.github.vicmae.kernel.attention;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.oracle.AttentionOracle;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionKernelsTest {
    /** Relative error of bfloat16 results: each is rounded once by up to 2^-9, and so are the operands before it. */
    private static final double BF16_LIMIT = 4e-3;

    // samples, tokens, heads, head dimension.
    private static final int[][] SHAPES = {
        {1, 1, 1, 32},
        {2, 3, 2, 64},
        {1, 5, 2, 1},
        {1, 31, 3, 80},
        {2, 33, 1, 32},
        {3, 17, 3, 64},
        {1, 13, 2, 33},
        {1, 65, 2, 20},
        {2, 50, 3, 64},
        {1, 40, 1, 128},
        {1, 99, 2, 80},
        {1, 197, 2, 32},
        {1, 197, 1, 64}
    };

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                check(fixture, new AttentionKernels(fixture.stream()), shape, 1, 1e-6, 1e-5);
            }
        }
    }

    /** Little shared memory: several tiles of queries and keys, the last of them not full. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracleInTiles(String device) {
        int[][] shapes = {{2, 65, 2, 32}, {1, 197, 1, 64}, {1, 103, 1, 33}, {1, 300, 1, 128}};
        int[] kilobytes = {32, 64, 40, 99};
        for (int i = 0; i < shapes.length; i++) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                check(fixture, new AttentionKernels(fixture.stream(), kilobytes[i] << 10), shapes[i], 1, 1e-6, 1e-5);
            }
        }
    }

    /**
     * Scores of several hundred: exponentials that would overflow without the maximum. The rounding error of such a score, near 1e-5, is
     * the relative error of its exponential, whence the wider limits.
     */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void staysFiniteForLargeScores(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            check(fixture, new AttentionKernels(fixture.stream()), new int[] {1, 70, 2, 64}, 10, 1e-4, 1e-3);
            check(fixture, new AttentionKernels(fixture.stream(), 48 << 10), new int[] {1, 70, 2, 64}, 10, 1e-4, 1e-3);
        }
    }

    /** Rows of bfloat16: lengths around whole tiles, head dimensions with kernels of their own, between those, and beside them. */
    private static final int[][] BF16_SHAPES = {
        {1, 1, 1, 32},
        {2, 15, 2, 64},
        {1, 16, 3, 80},
        {3, 17, 2, 32},
        {1, 49, 2, 80},
        {2, 50, 3, 64},
        {1, 99, 1, 32},
        {1, 99, 2, 64},
        {1, 99, 1, 80},
        {1, 197, 1, 32},
        {1, 197, 1, 64},
        {1, 300, 1, 64},
        {1, 33, 1, 96},
        {1, 47, 2, 128},
        {2, 20, 2, 48},
        {1, 35, 1, 112},
        {1, 18, 2, 8},
        {1, 13, 2, 33},
        {1, 5, 2, 1}
    };

    /** The backward pass may err by {@code backward} times as much as the forward pass. */
    private static void checkBf16(String device, int[] shape, double size, double backward) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            AttentionKernels kernels = new AttentionKernels(fixture.stream());
            check(fixture, kernels, DType.BF16, shape, size, BF16_LIMIT, backward * BF16_LIMIT);
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracleInBf16(String device) {
        for (int[] shape : BF16_SHAPES) {
            checkBf16(device, shape, 1, 2);
        }
    }

    /** Little shared memory: panels of queries, groups of keys, the last of them not full. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracleInTilesOfBf16(String device) {
        int[][] shapes = {{2, 65, 2, 32}, {1, 197, 1, 64}, {1, 103, 1, 33}, {1, 150, 1, 80}, {1, 180, 1, 128}};
        int[] kilobytes = {20, 40, 50, 48, 99};
        for (int i = 0; i < shapes.length; i++) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                check(
                        fixture,
                        new AttentionKernels(fixture.stream(), kilobytes[i] << 10),
                        DType.BF16,
                        shapes[i],
                        1,
                        BF16_LIMIT,
                        2 * BF16_LIMIT);
            }
        }
    }

    /**
     * The last length of which the backward pass has a whole head on chip, and the last one whose keys it takes in one group while queries come
     * in panels, each with the next length.
     */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracleWhereTheBackwardPassChangesItsForm(String device) {
        for (int dim : new int[] {32, 64, 80}) {
            int bytes = 24 << 10;
            List<Integer> lastLengths = lastLengths(MmaAttention.Form.of(dim), bytes);
            assertEquals(
                    2,
                    lastLengths.size(),
                    "changes of form below 160 tokens, head dimension " + dim + ": " + lastLengths);
            for (int last : lastLengths) {
                for (int tokens = last; tokens <= last + 1; tokens++) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        AttentionKernels kernels = new AttentionKernels(fixture.stream(), bytes);
                        int[] shape = {1, tokens, 1, dim};
                        check(fixture, kernels, DType.BF16, shape, 1, BF16_LIMIT, 2 * BF16_LIMIT);
                    }
                }
            }
        }
    }

    /** The lengths after which a whole head is no longer on chip, and after which its keys are no longer one group. */
    private static List<Integer> lastLengths(MmaAttention.Form form, int bytes) {
        List<Integer> last = new ArrayList<>();
        int before = 0;
        for (int tokens = 1; tokens < 160; tokens++) {
            int tiles = (tokens + 15) / 16;
            int group = form.keyGroup(tokens, bytes);
            int loops = (group < tiles ? 1 : 0) + (form.queryPanel(tokens, group, bytes) < tiles ? 1 : 0);
            if (loops > before) {
                last.add(tokens - 1);
            }
            before = loops;
        }
        return last;
    }

    /**
     * Queries of zeros take the mean of the values. Of two values in the same binade that is exact before it is rounded, and a tie as often as
     * not; what is not a number stays none. Head dimensions that vectors divide, and that end within one.
     */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void roundsToTheNearestBf16(String device) {
        for (int dim : new int[] {64, 33}) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[] qkv = new float[2 * 3 * dim];
                for (int i = 0; i < dim; i++) {
                    float sign = fixture.random().nextBoolean() ? 1 : -1;
                    for (int row = 0; row < 2; row++) {
                        qkv[row * 3 * dim + 2 * dim + i] =
                                sign * (128 + fixture.random().nextInt(128)) / 128;
                    }
                }
                qkv[2 * dim + 5] = Float.NaN;
                Tensor x = fixture.tensor(DType.BF16, qkv, 1, 2, 3 * dim);
                Tensor out = fixture.unwritten(DType.BF16, 1, 2, dim);
                Tensor lse = fixture.unwritten(1, 1, 2);
                new AttentionKernels(fixture.stream()).forward(out, lse, x, 1, 2, 1, dim);
                float[] mean = new float[2 * dim];
                for (int i = 0; i < 2 * dim; i++) {
                    mean[i] = (qkv[2 * dim + i % dim] + qkv[5 * dim + i % dim]) / 2;
                }
                float[] found = fixture.stream().read(out);
                for (int i = 5; i < 2 * dim; i += dim) {
                    assertTrue(Float.isNaN(found[i]), "out[" + i + "] is " + found[i]);
                    mean[i] = found[i];
                }
                fixture.assertRounded("out, head dimension " + dim, mean, out);
            }
        }
    }

    private static final int[][] LONG_BF16_SHAPES = {
        {1, 1024, 1, 32},
        {1, 1024, 1, 64},
        {1, 1024, 1, 80},
        {1, 1569, 1, 32},
        {1, 1569, 1, 64},
        {1, 577, 1, 64},
        {1, 300, 1, 80},
        {1, 197, 1, 80},
        {1, 300, 1, 32}
    };

    /** The tokens of a clip of 16 frames, and more: many tiles of keys and of queries. */
    private static final int[][] LONG_SHAPES = {{1, 1569, 1, 8}, {1, 2050, 1, 4}};

    /** Long rows on one schedule alone: all of them would take minutes. */
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "emulated:random"})
    void matchesTheOracleForLongRows(String device) {
        assumeTrue(KernelFixture.devices().anyMatch(device::equals), device + " is not tested here");
        for (int[] shape : LONG_SHAPES) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                check(fixture, new AttentionKernels(fixture.stream()), shape, 1, 1e-6, 1e-5);
            }
        }
        if (device.equals("cpu")) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                check(fixture, new AttentionKernels(fixture.stream()), new int[] {1, 1569, 1, 64}, 1, 1e-6, 1e-5);
            }
        }
    }

    /** Long rows on one schedule alone: all of them would take minutes. */
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "emulated:random"})
    void matchesTheOracleForLongRowsOfBf16(String device) {
        assumeTrue(KernelFixture.devices().anyMatch(device::equals), device + " is not tested here");
        for (int[] shape : LONG_BF16_SHAPES) {
            checkBf16(device, shape, 1, 2);
        }
    }

    /** Scores of several hundred, whose maximum rises again and again; most probabilities are 0 or 1, so their rounding weighs more. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void staysFiniteForLargeScoresOfBf16(String device) {
        checkBf16(device, new int[] {1, 70, 2, 64}, 10, 8);
    }

    /**
     * All keys lie opposite to all queries: every score is near -300, so that a key which is not there, whose score would be 0, must not count
     * however its row in a tile is filled up.
     */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void keysThatAreNotThereDoNotCount(String device) {
        int tokens = 37;
        int dim = 64;
        for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[] qkv = fixture.normal(tokens * 3 * dim, 1);
                for (int row = 0; row < tokens; row++) {
                    for (int i = 0; i < dim; i++) {
                        qkv[row * 3 * dim + i] = 6;
                        qkv[row * 3 * dim + dim + i] = -6 - (row % 3) / 8f;
                    }
                }
                Tensor x = fixture.tensor(dtype, qkv, 1, tokens, 3 * dim);
                Tensor dout = fixture.tensor(dtype, fixture.normal(tokens * dim, 1), 1, tokens, dim);
                Tensor out = fixture.unwritten(dtype, 1, tokens, dim);
                Tensor lse = fixture.unwritten(1, 1, tokens);
                Tensor dqkv = fixture.unwritten(dtype, 1, tokens, 3 * dim);
                Tensor scratch = fixture.unwritten(tokens * (1 + dim));
                AttentionKernels kernels = new AttentionKernels(fixture.stream());
                kernels.forward(out, lse, x, 1, tokens, 1, dim);
                kernels.backward(dqkv, dout, x, out, lse, 1, tokens, 1, dim, scratch);

                double[] eout = new double[tokens * dim];
                double[] elses = new double[tokens];
                double[] edqkv = new double[qkv.length];
                AttentionOracle oracle = new AttentionOracle(1, tokens, 1, dim);
                oracle.forward(eout, elses, doubles(qkv));
                oracle.backward(edqkv, doubles(fixture.stream().read(dout)), doubles(qkv));
                double limit = dtype == DType.F32 ? 1e-4 : BF16_LIMIT;
                fixture.assertClose("out in " + dtype, eout, out, limit, Math.sqrt(tokens));
                fixture.assertClose("lse in " + dtype, elses, lse, 1e-6);
                fixture.assertClose("dqkv in " + dtype, edqkv, dqkv, 10 * limit);
            }
        }
    }

    /** What a query's result is does not depend on how many warps and blocks share the work. */
    @Test
    void isTheSameInBlocksOfAnySize() {
        List<String> emulated = KernelFixture.devicesAndGeometries()
                .filter(d -> !d.equals("cpu"))
                .toList();
        assumeTrue(emulated.size() > 1, "there is no emulated device, or in one geometry alone");
        int[] shape = {2, 99, 2, 64};
        float[][] first = null;
        for (String device : emulated) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[][] results = results(fixture, shape);
                first = first == null ? results : first;
                for (int i = 0; i < results.length; i++) {
                    assertArrayEquals(first[i], results[i], "result " + i + " on " + device);
                }
            }
        }
    }

    private static float[][] results(KernelFixture fixture, int[] shape) {
        int samples = shape[0];
        int tokens = shape[1];
        int heads = shape[2];
        int dim = shape[3];
        int width = heads * dim;
        Random random = new Random(11);
        float[] qkv = new float[samples * tokens * 3 * width];
        float[] dout = new float[samples * tokens * width];
        for (float[] values : new float[][] {qkv, dout}) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
        }
        Tensor x = fixture.tensor(DType.BF16, qkv, samples, tokens, 3 * width);
        Tensor dy = fixture.tensor(DType.BF16, dout, samples, tokens, width);
        Tensor out = fixture.unwritten(DType.BF16, samples, tokens, width);
        Tensor lse = fixture.unwritten(samples, heads, tokens);
        Tensor dqkv = fixture.unwritten(DType.BF16, samples, tokens, 3 * width);
        Tensor scratch = fixture.unwritten((int) AttentionKernels.scratchSize(samples, tokens, heads, dim));
        AttentionKernels kernels = new AttentionKernels(fixture.stream());
        kernels.forward(out, lse, x, samples, tokens, heads, dim);
        kernels.backward(dqkv, dy, x, out, lse, samples, tokens, heads, dim, scratch);
        return new float[][] {
            fixture.stream().read(out),
            fixture.stream().read(lse),
            fixture.stream().read(dqkv)
        };
    }

    private static void check(
            KernelFixture fixture,
            AttentionKernels kernels,
            int[] shape,
            double size,
            double forwardLimit,
            double backwardLimit) {
        check(fixture, kernels, DType.F32, shape, size, forwardLimit, backwardLimit);
    }

    private static void check(
            KernelFixture fixture,
            AttentionKernels kernels,
            DType dtype,
            int[] shape,
            double size,
            double forwardLimit,
            double backwardLimit) {
        int samples = shape[0];
        int tokens = shape[1];
        int heads = shape[2];
        int dim = shape[3];
        int width = heads * dim;
        String at = "[" + samples + ", " + tokens + ", " + heads + ", " + dim + "]";
        float[] qkv = fixture.normal(samples * tokens * 3 * width, size);
        float[] dout = fixture.normal(samples * tokens * width, 1);
        Tensor x = fixture.tensor(dtype, qkv, samples, tokens, 3 * width);
        Tensor dy = fixture.tensor(dtype, dout, samples, tokens, width);
        Tensor out = fixture.unwritten(dtype, samples, tokens, width);
        Tensor lse = fixture.unwritten(samples, heads, tokens);
        Tensor dqkv = fixture.unwritten(dtype, samples, tokens, 3 * width);
        // Blocks of other sizes than the kernels' class asks for may sum up in pieces where its own do not.
        Tensor scratch = fixture.unwritten(samples * tokens * heads * (1 + dim));
        kernels.forward(out, lse, x, samples, tokens, heads, dim);
        kernels.backward(dqkv, dy, x, out, lse, samples, tokens, heads, dim, scratch);

        AttentionOracle oracle = new AttentionOracle(samples, tokens, heads, dim);
        double[] eout = new double[dout.length];
        double[] expectedLse = new double[samples * heads * tokens];
        double[] edqkv = new double[qkv.length];
        oracle.forward(eout, expectedLse, doubles(qkv));
        oracle.backward(edqkv, doubles(dout), doubles(qkv));
        fixture.assertClose("out " + at, eout, out, forwardLimit, size * Math.sqrt((double) eout.length / tokens));
        // The products of a score may cancel to almost nothing.
        double scores = size * size * Math.sqrt(expectedLse.length);
        fixture.assertClose("lse " + at, expectedLse, fixture.stream().read(lse), Math.min(forwardLimit, 1e-5), scores);
        double terms = dtype == DType.BF16 ? oracle.weightOfRoundedOut(doubles(dout), doubles(qkv)) : 0;
        fixture.assertClose("dqkv " + at, edqkv, dqkv, backwardLimit, terms);

        Tensor outAgain = fixture.unwritten(dtype, samples, tokens, width);
        Tensor lseAgain = fixture.unwritten(samples, heads, tokens);
        Tensor dqkvAgain = fixture.unwritten(dtype, samples, tokens, 3 * width);
        kernels.forward(outAgain, lseAgain, x, samples, tokens, heads, dim);
        kernels.backward(dqkvAgain, dy, x, out, lse, samples, tokens, heads, dim, scratch);
        assertSame(fixture, out, outAgain, "out " + at);
        assertSame(fixture, lse, lseAgain, "lse " + at);
        assertSame(fixture, dqkv, dqkvAgain, "dqkv " + at);
    }

    private static void assertSame(KernelFixture fixture, Tensor first, Tensor second, String what) {
        assertArrayEquals(fixture.stream().read(first), fixture.stream().read(second), "not the same twice: " + what);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void refusesHeadsThatAreTooWide(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor out = fixture.unwritten(1, 2, 129);
            Tensor lse = fixture.unwritten(1, 1, 2);
            Tensor qkv = fixture.unwritten(1, 2, 3 * 129);
            AttentionKernels kernels = new AttentionKernels(fixture.stream());
            assertThrows(IllegalArgumentException.class, () -> kernels.forward(out, lse, qkv, 1, 2, 1, 129));
        }
    }

    @Test
    void theOraclesGradientIsThatOfItsForwardPass() {
        Random random = new Random(7);
        AttentionOracle oracle = new AttentionOracle(1, 4, 2, 3);
        double[] qkv = random.doubles(4 * 3 * 6, -1, 1).toArray();
        double[] dout = random.doubles(4 * 6, -1, 1).toArray();
        double[] dqkv = new double[qkv.length];
        oracle.backward(dqkv, dout, qkv);
        double step = 1e-5;
        for (int i = 0; i < qkv.length; i++) {
            double value = qkv[i];
            qkv[i] = value + step;
            double above = loss(oracle, qkv, dout);
            qkv[i] = value - step;
            double below = loss(oracle, qkv, dout);
            qkv[i] = value;
            assertEquals((above - below) / (2 * step), dqkv[i], 1e-8, "dqkv[" + i + "]");
        }
    }

    private static double loss(AttentionOracle oracle, double[] qkv, double[] dout) {
        double[] out = new double[dout.length];
        oracle.forward(out, new double[8], qkv);
        double sum = 0;
        for (int i = 0; i < out.length; i++) {
            sum += out[i] * dout[i];
        }
        return sum;
    }
}
