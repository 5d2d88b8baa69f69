package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.vicmae.device.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdamWKernelsTest {
    private static final int[] SIZES = {1, 3, 31, 33, 197, 4096, 4097, 20001};

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void matchesTheDefinition(String device) {
        for (int size : SIZES) {
            for (long decayed : new long[] {0, size / 2, size}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    check(fixture, size, decayed);
                }
            }
        }
    }

    private static void check(KernelFixture fixture, int size, long decayed) {
        float[] p = fixture.normal(size, 1);
        float[] g = fixture.normal(size, 1);
        float[] m = fixture.normal(size, 0.1);
        float[] v = fixture.normal(size, 0.1);
        for (int i = 0; i < size; i++) {
            v[i] = Math.abs(v[i]);
        }
        float[] scalars = {1e-3f, 0.9f, 0.95f, 1e-8f, 0.05f, 1 - 0.9f * 0.9f, 1 - 0.95f * 0.95f, 0};
        float coefficient = 0.5f;
        Tensor pt = fixture.tensor(p, size);
        Tensor mt = fixture.tensor(m, size);
        Tensor vt = fixture.tensor(v, size);
        new AdamWKernels(fixture.stream())
                .step(
                        pt,
                        fixture.tensor(g, size),
                        mt,
                        vt,
                        decayed,
                        fixture.tensor(scalars, 8),
                        fixture.tensor(new float[] {2, coefficient}, 2));
        double[] ep = doubles(p);
        double[] em = doubles(m);
        double[] ev = doubles(v);
        for (int i = 0; i < size; i++) {
            double gi = (double) g[i] * coefficient;
            ep[i] *= i < decayed ? 1 - (double) scalars[0] * scalars[4] : 1;
            em[i] = scalars[1] * em[i] + (1 - (double) scalars[1]) * gi;
            ev[i] = scalars[2] * ev[i] + (1 - (double) scalars[2]) * gi * gi;
            ep[i] -= scalars[0] * em[i] / scalars[5] / (Math.sqrt(ev[i] / scalars[6]) + scalars[3]);
        }
        fixture.assertClose("parameters", ep, pt, 1e-6);
        fixture.assertClose("first moments", em, mt, 1e-6);
        fixture.assertClose("second moments", ev, vt, 1e-6);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void normAndCoefficient(String device) {
        for (int size : SIZES) {
            for (float maxNorm : new float[] {0, 0.5f, 1e6f}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    float[] g = fixture.normal(size, 3);
                    double sum = 0;
                    for (float x : g) {
                        sum += (double) x * x;
                    }
                    double norm = Math.sqrt(sum);
                    double coefficient = maxNorm > 0 && norm > maxNorm ? maxNorm / (norm + 1e-6) : 1;
                    float[] clip = compute(fixture, g, maxNorm);
                    fixture.assertClose("norm", new double[] {norm, coefficient}, clip, 1e-6);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void aGradientThatIsNotFiniteShowsInTheNorm(String device) {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[] g = fixture.normal(5000, 1);
                g[4321] = bad;
                assertFalse(Float.isFinite(compute(fixture, g, 1)[0]));
                g[4321] = 0;
                assertEquals(70.7, compute(fixture, g, 1)[0], 5);
            }
        }
    }

    private static float[] compute(KernelFixture fixture, float[] g, float maxNorm) {
        Tensor clip = fixture.unwritten(2);
        Tensor scratch = fixture.unwritten((int) GradientNorm.scratchSize(fixture.stream()));
        new GradientNorm(fixture.stream()).compute(clip, fixture.tensor(g, g.length), maxNorm, scratch);
        return fixture.stream().read(clip);
    }
}
