package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdamWKernelsTest {
    private static final int[] SIZES = {1, 3, 33, 197, 4096, 4097, 20_011};
    private static final double RATE = 1e-2;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.95;
    private static final double EPS = 1e-8;
    private static final double DECAY = 0.05;
    private static final double CLIP = 0.25;
    private static final int STEPS = 3;

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int size : SIZES) {
            for (int decayed : new int[] {0, size / 2, size}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    check(fixture, size, decayed, false);
                    check(fixture, size, decayed, true);
                }
            }
        }
    }

    private static void check(KernelFixture fixture, int size, int decayed, boolean copy) {
        float[] start = fixture.normal(size, 1);
        double[] p = doubles(start);
        double[] m = new double[size];
        double[] v = new double[size];
        Tensor pt = fixture.tensor(start, size);
        Tensor mt = fixture.tensor(new float[size], size);
        Tensor vt = fixture.tensor(new float[size], size);
        Tensor rounded = copy ? fixture.unwritten(DType.BF16, size) : null;
        Tensor scalars = fixture.unwritten(8);
        Tensor clip = fixture.tensor(new float[] {4, (float) CLIP}, 2);
        AdamWKernels kernels = new AdamWKernels(fixture.stream());
        for (int t = 1; t <= STEPS; t++) {
            float[] g = fixture.normal(size, 1);
            for (int i = 0;
                    i < size && size < 31;
                    i++) { // so few may all lie where a change of sign cancels the moment
                g[i] = Math.abs(g[i]);
            }
            double bias1 = 1 - Math.pow(BETA1, t);
            double bias2 = 1 - Math.pow(BETA2, t);
            fixture.stream().write(scalars, new float[] {
                (float) RATE,
                (float) BETA1,
                (float) BETA2,
                (float) EPS,
                (float) DECAY,
                (float) bias1,
                (float) bias2,
                Float.NaN
            });
            Tensor gt = fixture.tensor(g, size);
            kernels.step(pt, rounded, gt, mt, vt, null, decayed, size, scalars, clip);
            assertArrayEquals(new float[size], fixture.stream().read(gt), "the gradients are cleared");
            for (int i = 0; i < size; i++) {
                double gi = g[i] * CLIP;
                m[i] = BETA1 * m[i] + (1 - BETA1) * gi;
                v[i] = BETA2 * v[i] + (1 - BETA2) * gi * gi;
                p[i] *= i < decayed ? 1 - RATE * DECAY : 1;
                p[i] -= RATE * (m[i] / bias1) / (Math.sqrt(v[i] / bias2) + EPS);
            }
        }
        String at = " of " + size + ", " + decayed + " decayed";
        fixture.assertClose("parameters" + at, p, pt, 1e-6, Math.sqrt(size));
        // 1 - beta in single precision is off by 1e-7 / (1 - beta).
        fixture.assertClose("first moment" + at, m, mt, 2e-6);
        fixture.assertClose("second moment" + at, v, vt, 2e-6);
        if (copy) {
            fixture.assertRounded("rounded parameters" + at, fixture.stream().read(pt), rounded);
        }
    }

    /** Pieces with rates of their own, the last elements frozen: those keep parameters and moments, bit for bit. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void piecesHaveTheirOwnRatesAndFrozenOnesNone(String device) {
        int size = 9001;
        int live = 8000;
        int decayed = 5000;
        int[] starts = {0, 4096, 4800, 5100, 7904, size};
        float[] scales = {1, 0.5f, 0, 2, 0.25f};
        int[] items = new int[3 * scales.length];
        for (int i = 0; i < scales.length; i++) {
            items[3 * i] = starts[i];
            items[3 * i + 1] = starts[i + 1] - starts[i];
            items[3 * i + 2] = Float.floatToRawIntBits(scales[i]);
        }
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] p = fixture.normal(size, 1);
            float[] g = fixture.normal(size, 1);
            float[] m = fixture.normal(size, 1);
            float[] v = fixture.normal(size, 1);
            for (int i = 0; i < size; i++) {
                v[i] = Math.abs(v[i]);
            }
            Tensor pt = fixture.tensor(p, size);
            Tensor gt = fixture.tensor(g, size);
            Tensor mt = fixture.tensor(m, size);
            Tensor vt = fixture.tensor(v, size);
            float[] scalars = {(float) RATE, (float) BETA1, (float) BETA2, (float) EPS, (float) DECAY, 0.5f, 0.25f, 0};
            Tensor it = fixture.tensor(items, scales.length, 3);
            Tensor st = fixture.tensor(scalars, 8);
            Tensor clip = fixture.tensor(new float[] {4, (float) CLIP}, 2);
            new AdamWKernels(fixture.stream()).step(pt, null, gt, mt, vt, it, decayed, live, st, clip);
            assertArrayEquals(new float[size], fixture.stream().read(gt), "the gradients are cleared");
            double[] expected = doubles(p);
            for (int piece = 0; piece < scales.length; piece++) {
                double rate = RATE * scales[piece];
                for (int i = starts[piece]; i < Math.min(live, starts[piece + 1]); i++) {
                    double gi = g[i] * CLIP;
                    double mi = BETA1 * m[i] + (1 - BETA1) * gi;
                    double vi = BETA2 * v[i] + (1 - BETA2) * gi * gi;
                    expected[i] *= i < decayed ? 1 - rate * DECAY : 1;
                    expected[i] -= rate * (mi / 0.5) / (Math.sqrt(vi / 0.25) + EPS);
                }
            }
            fixture.assertClose("parameters", expected, pt, 1e-6);
            Tensor[] after = {pt, mt, vt};
            float[][] before = {p, m, v};
            for (int i = 0; i < after.length; i++) {
                assertArrayEquals(
                        Arrays.copyOfRange(before[i], live, size),
                        Arrays.copyOfRange(fixture.stream().read(after[i]), live, size),
                        "frozen elements of tensor " + i);
            }
        }
    }

    /** A norm that is no number or infinite: the gradients are cleared; parameters, copy and moments stay as they were, bit for bit. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void aNormThatIsNotFiniteUpdatesNothing(String device) {
        int size = 4099; // more than one block takes
        for (float norm : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[][] before = new float[5][];
                Tensor[] t = new Tensor[5];
                for (int i = 0; i < 5; i++) {
                    before[i] = fixture.normal(size, 1);
                    t[i] = fixture.tensor(i == 1 ? DType.BF16 : DType.F32, before[i], size);
                }
                Tensor scalars = fixture.tensor(new float[] {0.5f, 0.5f, 0.5f, 1e-8f, 0.5f, 0.5f, 0.5f, 0}, 8);
                Tensor clip = fixture.tensor(new float[] {norm, 1}, 2);
                new AdamWKernels(fixture.stream())
                        .step(t[0], t[1], t[2], t[3], t[4], null, size / 2, size, scalars, clip);
                before[2] = new float[size];
                for (int i = 0; i < 5; i++) {
                    assertArrayEquals(before[i], fixture.stream().read(t[i]), "tensor " + i + " at norm " + norm);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void decayAloneIsExact(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Tensor p = fixture.tensor(new float[] {2, 2, 2}, 3);
            Tensor zero = fixture.tensor(new float[3], 3);
            Tensor m = fixture.tensor(new float[3], 3);
            Tensor v = fixture.tensor(new float[3], 3);
            Tensor scalars = fixture.tensor(new float[] {0.5f, 0.5f, 0.5f, 1e-8f, 0.5f, 0.5f, 0.5f, 0}, 8);
            Tensor clip = fixture.tensor(new float[] {0, 1}, 2);
            AdamWKernels kernels = new AdamWKernels(fixture.stream());
            kernels.step(p, null, zero, m, v, null, 2, 3, scalars, clip);
            assertArrayEquals(new float[] {1.5f, 1.5f, 2}, fixture.stream().read(p));
            assertThrows(
                    IllegalArgumentException.class, () -> kernels.step(p, null, zero, m, v, null, 4, 3, scalars, clip));
            assertThrows(
                    IllegalArgumentException.class, () -> kernels.step(p, null, zero, m, v, null, 2, 4, scalars, clip));
        }
    }
}
