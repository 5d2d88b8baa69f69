package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.LarsKernels.Settings;
import io.github.vicmae.kernel.oracle.LarsOracle;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LarsKernelsTest {
    private static final int[] SIZES = {1, 3, 33, 9001};
    private static final int[] HEADS = {1, 3};
    private static final int WIDTH = 7;

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheDefinition(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            for (int size : SIZES) {
                for (int heads : HEADS) {
                    check(fixture, heads, size, Settings.PROBE);
                    check(fixture, heads, size, new Settings(0.8f, 0.02f, 0.3f));
                }
            }
        }
    }

    private static void check(KernelFixture fixture, int heads, int size, Settings settings) {
        float[] weights = fixture.normal(heads * size, 1);
        float[] gradients = fixture.normal(heads * size, 5);
        float[] momenta = fixture.normal(heads * size, 0.1);
        float[] biases = fixture.normal(heads * WIDTH, 1);
        float[] biasGradients = fixture.normal(heads * WIDTH, 1);
        float[] biasMomenta = fixture.normal(heads * WIDTH, 1);
        float[] rates = new float[heads];
        for (int h = 0; h < heads; h++) {
            rates[h] = 0.3f * (h + 1);
        }
        if (heads > 1) {
            Arrays.fill(weights, size, 2 * size, 0); // nothing to scale by
        }
        Tensor w = fixture.tensor(weights, heads, size);
        Tensor g = fixture.tensor(gradients, heads, size);
        Tensor m = fixture.tensor(momenta, heads, size);
        Tensor b = fixture.tensor(biases, heads, WIDTH);
        Tensor bg = fixture.tensor(biasGradients, heads, WIDTH);
        Tensor bm = fixture.tensor(biasMomenta, heads, WIDTH);
        Tensor scratch = fixture.unwritten(LarsKernels.scratchSize(heads, size));
        new LarsKernels(fixture.stream()).step(w, g, m, b, bg, bm, fixture.tensor(rates, heads), scratch, settings);
        double[][] expected = new double[4][];
        for (int h = 0; h < heads; h++) {
            double[][] head = {
                part(weights, h, size), part(momenta, h, size), part(biases, h, WIDTH), part(biasMomenta, h, WIDTH)
            };
            LarsOracle.weights(
                    head[0],
                    part(gradients, h, size),
                    head[1],
                    rates[h],
                    settings.momentum(),
                    settings.trust(),
                    settings.decay());
            LarsOracle.biases(head[2], part(biasGradients, h, WIDTH), head[3], rates[h], settings.momentum());
            for (int k = 0; k < 4; k++) {
                expected[k] = expected[k] == null ? head[k] : joined(expected[k], head[k]);
            }
        }
        String at = " of " + heads + " x " + size;
        fixture.assertClose("weights" + at, expected[0], w, 1e-6, 1);
        fixture.assertClose("momenta" + at, expected[1], m, 1e-6, 0.1);
        fixture.assertClose("biases" + at, expected[2], b, 1e-6, 1);
        fixture.assertClose("momenta of biases" + at, expected[3], bm, 1e-6, 1);
        assertArrayEquals(new float[heads * size], fixture.stream().read(g));
        assertArrayEquals(new float[heads * WIDTH], fixture.stream().read(bg));
    }

    private static double[] part(float[] values, int head, int size) {
        return doubles(Arrays.copyOfRange(values, head * size, (head + 1) * size));
    }

    private static double[] joined(double[] first, double[] second) {
        double[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    /** One head of three diverges; the others go on. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void aHeadWhoseGradientIsNotFiniteKeepsItsWeights(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            int size = 70;
            float[] weights = fixture.normal(3 * size, 1);
            float[] gradients = fixture.normal(3 * size, 1);
            gradients[size + 5] = Float.NaN;
            gradients[2 * size + 9] = Float.POSITIVE_INFINITY;
            float[] biases = fixture.normal(3, 1);
            Tensor w = fixture.tensor(weights, 3, size);
            Tensor g = fixture.tensor(gradients, 3, size);
            Tensor m = fixture.tensor(new float[3 * size], 3, size);
            Tensor b = fixture.tensor(biases, 3, 1);
            Tensor bg = fixture.tensor(new float[] {1, Float.NaN, 1}, 3, 1);
            Tensor bm = fixture.tensor(new float[3], 3, 1);
            Tensor rates = fixture.tensor(new float[] {1, 1, 1}, 3);
            new LarsKernels(fixture.stream()).step(w, g, m, b, bg, bm, rates, fixture.unwritten(6), Settings.PROBE);
            float[] after = fixture.stream().read(w);
            float[] biasesAfter = fixture.stream().read(b);
            assertTrue(after[0] != weights[0] && biasesAfter[0] != biases[0]);
            for (int i = size; i < 3 * size; i++) {
                assertTrue(after[i] == weights[i]);
            }
            assertTrue(biasesAfter[1] == biases[1] && biasesAfter[2] == biases[2]);
            assertArrayEquals(new float[3 * size], fixture.stream().read(g));
            assertArrayEquals(new float[3], fixture.stream().read(bg));
            assertTrue(fixture.stream().read(bm)[1] == 0);
        }
    }
}
