package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.PoolOracle;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PoolKernelsTest {
    /** samples, tokens, width. */
    private static final int[][] SHAPES = {
        {1, 2, 1}, {1, 2, 3}, {3, 4, 31}, {2, 50, 33}, {3, 17, 197}, {2, 31, 257}, {1, 197, 768}
    };

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            for (Pooling pooling : Pooling.values()) {
                for (DType type : KernelFixture.ACTIVATIONS) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        check(fixture, type, pooling, 1, shape[0], shape[1], shape[2]);
                        if (pooling != Pooling.CLS && shape[2] < 64) {
                            check(fixture, type, pooling, 0, shape[0], shape[1], shape[2]);
                        }
                    }
                }
            }
        }
    }

    private static void check(
            KernelFixture fixture, DType type, Pooling pooling, int classTokens, int samples, int count, int width) {
        int kept = count - classTokens;
        PatchGrid grid = new PatchGrid(1, 1, kept, 1, 1, classTokens == 1);
        String at =
                " " + pooling + " [" + samples + ", " + count + ", " + width + "], " + classTokens + " class tokens";
        float[] tokens = fixture.normal(samples * count * width, 1);
        if (pooling == Pooling.MAX) { // of equal maxima, of which there are many now, the first takes the gradient
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = Math.round(tokens[i] * 2) / 2f;
            }
        }
        float[] dpooled = fixture.normal(samples * width, 1);
        float[] before = fixture.normal(samples * count * width, 1);
        Tensor tt = fixture.tensor(type, tokens, samples, count, width);
        Tensor pt = fixture.unwritten(type, samples, width);
        int[] unset = new int[samples * width];
        Arrays.fill(unset, -1);
        Tensor argmax = pooling == Pooling.MAX ? fixture.tensor(unset, samples, width) : null;
        PoolKernels kernels = new PoolKernels(fixture.stream());
        kernels.forward(pt, argmax, tt, pooling, grid, samples, kept, width);
        double[] pooled = PoolOracle.pool(doubles(tokens), pooling, classTokens, samples, count, width);
        // The mean of a few normal values may cancel to almost nothing.
        fixture.assertClose("pooled" + at, pooled, pt, 1e-6, Math.sqrt((double) pooled.length / count));
        // GeM's gradient divides by the pooled feature as it was stored.
        double[] dtokens = doubles(before);
        double[] stored = doubles(fixture.stream().read(pt));
        PoolOracle.gradient(
                dtokens, doubles(dpooled), stored, doubles(tokens), pooling, classTokens, samples, count, width);
        Tensor dt = fixture.tensor(before, samples, count, width);
        Tensor dp = fixture.tensor(dpooled, samples, width);
        kernels.backward(dt, dp, pt, argmax, tt, pooling, grid, samples, kept, width);
        fixture.assertClose("dtokens" + at, dtokens, dt, 1e-5, Math.sqrt(before.length));
    }

    /** The oracle's gradient is that of its own forward pass, at a step that crosses no kink. */
    @Test
    void oracleMatchesFiniteDifferences() {
        double[] tokens = {0.5, -0.3, 0.4, 1.2, -0.7, 0.9, 0.1, 0.8, 2.0, 0.6, -1.0, 0.2};
        double[] dpooled = {0.7, -1.3, 0.4};
        for (Pooling pooling : Pooling.values()) {
            double[] gradient = new double[tokens.length];
            double[] pooled = PoolOracle.pool(tokens, pooling, 1, 1, 4, 3);
            PoolOracle.gradient(gradient, dpooled, pooled, tokens, pooling, 1, 1, 4, 3);
            for (int i = 0; i < tokens.length; i++) {
                double h = 1e-6;
                double slope = (weighted(tokens, i, h, dpooled, pooling) - weighted(tokens, i, -h, dpooled, pooling))
                        / (2 * h);
                assertEquals(slope, gradient[i], 1e-7, pooling + " " + i);
            }
        }
    }

    private static double weighted(double[] tokens, int at, double step, double[] dpooled, Pooling pooling) {
        double[] moved = tokens.clone();
        moved[at] += step;
        double[] pooled = PoolOracle.pool(moved, pooling, 1, 1, 4, 3);
        return pooled[0] * dpooled[0] + pooled[1] * dpooled[1] + pooled[2] * dpooled[2];
    }

    @Test
    void poolingsHaveLowerCaseNames() {
        for (Pooling pooling : Pooling.values()) {
            assertEquals(pooling, Pooling.of(pooling.toString()));
        }
        assertEquals("gem", Pooling.GEM.toString());
        assertEquals(Pooling.CLS, Pooling.of("CLS"));
        assertThrows(IllegalArgumentException.class, () -> Pooling.of("median"));
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void refusesAClassTokenAlone(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor tokens = fixture.tensor(new float[3], 1, 1, 3);
            Tensor pooled = fixture.unwritten(1, 3);
            PoolKernels kernels = new PoolKernels(fixture.stream());
            PatchGrid grid = PatchGrid.ofImage(1, 1, 1);
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.forward(pooled, null, tokens, Pooling.MEAN, grid, 1, 0, 3));
            PatchGrid none = new PatchGrid(1, 1, 1, 1, 1, false);
            var e = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.forward(pooled, null, tokens, Pooling.CLS, none, 1, 1, 3));
            assertTrue(e.getMessage().contains("takes the class token, but there is none"), e.getMessage());
        }
    }
}
