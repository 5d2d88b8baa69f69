package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Tensor;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GradientNormTest {
    private static final int[] SIZES = {1, 3, 15, 33, 197, 4097, 100_003};

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int size : SIZES) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[] g = fixture.normal(size, 3);
                double squares = 0;
                for (float v : g) {
                    squares += (double) v * v;
                }
                double norm = Math.sqrt(squares);
                assertNorm(fixture, g, (float) (norm / 2), norm, (float) (norm / 2) / (norm + 1e-6));
                assertNorm(fixture, g, (float) (norm * 2), norm, 1);
                assertNorm(fixture, g, 0, norm, 1);
            }
        }
    }

    /** Four million equal values: a running float sum would stop growing at 2^24 times one square. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void longSumsKeepTheirDigits(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] g = new float[4_000_000];
            Arrays.fill(g, 0.1f);
            assertNorm(fixture, g, 1, 0.1f * 2000.0, 1 / (0.1f * 2000.0 + 1e-6));
        }
    }

    /** Ranges that begin anywhere, and norms over neighbours of them; what lies between the ranges does not count. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void rangesHaveNormsOfTheirOwn(String device) {
        int[][] ranges = {{16, 33}, {64, 4097}, {8000, 1}};
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] g = fixture.normal(9000, 3);
            double[] squares = new double[ranges.length];
            Tensor gradients = fixture.tensor(g, g.length);
            GradientNorm kernels = new GradientNorm(fixture.stream());
            Tensor scratch = fixture.unwritten(ranges.length * GradientNorm.scratchSize(fixture.stream()));
            for (int i = 0; i < ranges.length; i++) {
                kernels.partialSums(scratch, i, gradients, ranges[i][0], ranges[i][1]);
                for (int k = 0; k < ranges[i][1]; k++) {
                    squares[i] += (double) g[ranges[i][0] + k] * g[ranges[i][0] + k];
                }
            }
            Tensor norms = fixture.unwritten(6);
            kernels.finish(norms, 0, scratch, 0, 3, 1);
            kernels.finish(norms, 2, scratch, 0, 2, 0);
            kernels.finish(norms, 4, scratch, 2, 1, 0);
            float[] found = fixture.stream().read(norms);
            double all = Math.sqrt(squares[0] + squares[1] + squares[2]);
            assertEquals(all, found[0], 2e-7 * all);
            assertEquals(1 / (all + 1e-6), found[1], 4e-7 / all);
            assertEquals(Math.sqrt(squares[0] + squares[1]), found[2], 2e-7 * all);
            assertEquals(Math.sqrt(squares[2]), found[4], 2e-7 * Math.sqrt(squares[2]));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void nanStaysNan(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] g = fixture.normal(1000, 1);
            g[777] = Float.NaN;
            float[] clip = compute(fixture, g, 1);
            assertTrue(Float.isNaN(clip[0]), "norm " + clip[0]);
            assertEquals(1, clip[1], "coefficient");
        }
    }

    private static void assertNorm(KernelFixture fixture, float[] g, float maxNorm, double norm, double coefficient) {
        float[] clip = compute(fixture, g, maxNorm);
        assertEquals(norm, clip[0], 2e-7 * norm, "norm of " + g.length + " values");
        assertEquals(coefficient, clip[1], 4e-7 * coefficient, "coefficient of " + g.length + " values");
    }

    private static float[] compute(KernelFixture fixture, float[] g, float maxNorm) {
        Tensor clip = fixture.unwritten(2);
        Tensor scratch = fixture.unwritten(GradientNorm.scratchSize(fixture.stream()));
        new GradientNorm(fixture.stream()).compute(clip, fixture.tensor(g, g.length), maxNorm, scratch);
        return fixture.stream().read(clip);
    }
}
