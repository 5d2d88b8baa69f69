package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.AttentionOracle;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import io.github.vicmae.kernel.oracle.LayerNormOracle;
import io.github.vicmae.kernel.oracle.MatMulOracle;
import java.nio.FloatBuffer;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the suite makes of arrays is what the oracles make of them; misuse is refused in words. */
class KernelSuiteTest {
    private static void with(String device, BiConsumer<KernelFixture, KernelSuite> test) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            Device of = fixture.stream().device();
            long before = of.liveBytes();
            try (KernelSuite suite = KernelSuite.on(of)) {
                test.accept(fixture, suite);
            }
            assertEquals(before, of.liveBytes(), "device memory left by the suite");
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void multiplies(String device) {
        int m = 5;
        int n = 7;
        int k = 9;
        with(device, (fixture, suite) -> {
            float[] a = fixture.normal(m * k, 1);
            float[] b = fixture.normal(k * n, 1);
            for (int form = 0; form < 4; form++) {
                boolean transA = form % 2 == 1;
                boolean transB = form / 2 == 1;
                Tensor at = suite.tensor("a", a, transA ? k : m, transA ? m : k);
                Tensor bt = suite.tensor("b", b, transB ? n : k, transB ? k : n);
                double[] expected = new double[m * n];
                MatMulOracle.multiply(expected, doubles(a), doubles(b), transA, transB, m, n, k);
                Tensor c = suite.product(at, transA, bt, transB);
                assertArrayEquals(new int[] {m, n}, c.shape());
                fixture.assertClose("product " + form, expected, suite.read(c), 1e-5);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void normalises(String device) {
        int rows = 6;
        int width = 40;
        with(device, (fixture, suite) -> {
            float[] x = fixture.normal(rows * width, 2);
            float[] gamma = fixture.normal(width, 1);
            float[] beta = fixture.normal(width, 1);
            float[] dy = fixture.normal(rows * width, 1);
            double[] y = new double[rows * width];
            double[] dx = new double[rows * width];
            double[] dgamma = new double[width];
            double[] dbeta = new double[width];
            LayerNormOracle.layerNorm(
                    y, dx, dgamma, dbeta, doubles(x), doubles(gamma), doubles(beta), doubles(dy), rows, width, 1e-6);
            Tensor xt = suite.tensor("x", x, rows, width);
            Tensor gt = suite.tensor("gamma", gamma, width);
            KernelSuite.LayerNorm forward = suite.layerNorm(xt, gt, suite.tensor("beta", beta, width), 1e-6f);
            Tensor dyt = suite.tensor("dy", dy, rows, width);
            KernelSuite.LayerNormGradient gradient = suite.layerNormGradient(dyt, xt, gt, forward);
            fixture.assertClose("y", y, suite.read(forward.y()), 1e-5);
            fixture.assertClose("dx", dx, suite.read(gradient.dx()), 1e-5);
            fixture.assertClose("dgamma", dgamma, suite.read(gradient.dgamma()), 1e-5);
            fixture.assertClose("dbeta", dbeta, suite.read(gradient.dbeta()), 1e-5);
        });
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void attends(String device) {
        int samples = 2;
        int tokens = 5;
        int heads = 3;
        int headDim = 8;
        int width = heads * headDim;
        with(device, (fixture, suite) -> {
            for (DType dtype : KernelFixture.ACTIVATIONS) {
                float[] qkv = rounded(dtype, fixture.normal(samples * tokens * 3 * width, 1));
                float[] dout = rounded(dtype, fixture.normal(samples * tokens * width, 1));
                double[] out = new double[dout.length];
                double[] lse = new double[samples * heads * tokens];
                double[] dqkv = new double[qkv.length];
                AttentionOracle oracle = new AttentionOracle(samples, tokens, heads, headDim);
                oracle.forward(out, lse, doubles(qkv));
                oracle.backward(dqkv, doubles(dout), doubles(qkv));
                Tensor qkvT = suite.tensor(dtype, "qkv", qkv, samples, tokens, 3 * width);
                KernelSuite.Attention forward = suite.attention(qkvT, heads);
                Tensor doutT = suite.tensor(dtype, "dout", dout, samples, tokens, width);
                Tensor gradient = suite.attentionGradient(doutT, qkvT, heads, forward);
                assertEquals(dtype, gradient.dtype());
                fixture.assertClose("lse " + dtype, lse, suite.read(forward.lse()), 1e-5); // waits for all of it
                double limit = dtype == DType.BF16 ? 4e-3 : 1e-5; // as for the kernels themselves
                fixture.assertClose("out", out, forward.out(), limit);
                fixture.assertClose("dqkv", dqkv, gradient, 2 * limit);
            }
        });
    }

    private static float[] rounded(DType dtype, float[] values) {
        for (int i = 0; i < values.length && dtype == DType.BF16; i++) {
            values[i] = DType.fromBf16(DType.toBf16(values[i]));
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void contrasts(String device) {
        int rows = 6;
        int columns = 10;
        int width = 20;
        int[] positive = {4, 0, 9, 4, 1, 2};
        int[] excluded = {-1, -1, -1, -1, -1, -1};
        with(device, (fixture, suite) -> {
            float[] x = fixture.normal(rows * width, 1);
            float[] z = fixture.normal(columns * width, 1);
            InfoNceOracle oracle = new InfoNceOracle(rows, columns, width, 0.1f, positive, excluded);
            double[] dx = new double[x.length];
            double[] dz = new double[z.length];
            oracle.backward(dx, dz, doubles(x), doubles(z), 1);
            Tensor xt = suite.tensor("x", x, rows, width);
            KernelSuite.InfoNce loss =
                    suite.infoNce(xt, suite.tensor("z", z, columns, width), positive, 0.1f, Precision.FP32);
            fixture.assertClose(
                    "loss", new double[] {oracle.loss(doubles(x), doubles(z))}, suite.read(loss.loss()), 1e-5);
            fixture.assertClose("dRows", dx, suite.read(loss.dRows()), 1e-4);
            fixture.assertClose("dColumns", dz, suite.read(loss.dColumns()), 1e-4);

            InfoNceOracle twoViews = InfoNceOracle.ofTwoViews(rows, rows, width, 0.1f);
            double[] dViews = new double[x.length];
            twoViews.backward(dViews, dViews, doubles(x), doubles(x), 1);
            KernelSuite.InfoNce symmetric = suite.infoNceOfTwoViews(xt, 0.1f, Precision.FP32);
            fixture.assertClose(
                    "loss of two views",
                    new double[] {twoViews.loss(doubles(x), doubles(x))},
                    suite.read(symmetric.loss()),
                    1e-5);
            fixture.assertClose("gradient of two views", dViews, suite.read(symmetric.dRows()), 1e-4);
        });
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void steps(String device) {
        int size = 130;
        AdamWNumbers numbers = new AdamWNumbers(1e-2, 0.9, 0.95, 1e-8, 0.05, 3);
        with(device, (fixture, suite) -> {
            float[] start = fixture.normal(size, 1);
            double[] p = doubles(start);
            double[] m = new double[size];
            double[] v = new double[size];
            AdamWTensors tensors = new AdamWTensors(
                    suite.tensor("p", start, 13, 10),
                    suite.zeros("g", 13, 10),
                    suite.zeros("m", 13, 10),
                    suite.zeros("v", 13, 10));
            for (int t = 1; t <= 3; t++) {
                float[] g = fixture.normal(size, 1);
                suite.write(tensors.gradients(), g);
                float norm = suite.adamW(tensors, numbers, t);
                double expected = KernelFixture.norm(g);
                assertEquals(expected, norm, 1e-5 * expected);
                assertTrue(expected > numbers.maxNorm(), "the norm is clipped");
                double clip = numbers.maxNorm() / (expected + 1e-6);
                for (int i = 0; i < size; i++) {
                    double gi = g[i] * clip;
                    m[i] = 0.9 * m[i] + 0.1 * gi;
                    v[i] = 0.95 * v[i] + 0.05 * gi * gi;
                    p[i] *= 1 - 1e-2 * 0.05;
                    p[i] -= 1e-2 * (m[i] / (1 - Math.pow(0.9, t))) / (Math.sqrt(v[i] / (1 - Math.pow(0.95, t))) + 1e-8);
                }
            }
            fixture.assertClose("parameters", p, suite.read(tensors.parameters()), 1e-5);
            fixture.assertClose("first moment", m, suite.read(tensors.firstMoment()), 1e-5);
            fixture.assertClose("second moment", v, suite.read(tensors.secondMoment()), 1e-5);
            assertArrayEquals(new float[size], suite.read(tensors.gradients()), "the gradients are cleared");

            float[] before = suite.read(tensors.parameters());
            float[] bad = new float[size];
            bad[size - 1] = Float.NaN;
            suite.write(tensors.gradients(), bad);
            assertTrue(Float.isNaN(suite.adamW(tensors, numbers, 4)));
            assertArrayEquals(before, suite.read(tensors.parameters()), "a gradient that is no number changes nothing");
        });
    }

    /** Buffers are used from position to limit, and do not move. */
    @Test
    void buffersKeepTheirPlaces() {
        with("cpu", (fixture, suite) -> {
            FloatBuffer values = java.nio.ByteBuffer.allocateDirect(32)
                    .order(java.nio.ByteOrder.nativeOrder())
                    .asFloatBuffer();
            for (int i = 0; i < 8; i++) {
                values.put(i, i);
            }
            values.position(2).limit(6);
            Tensor t = suite.tensor(DType.F32, "t", values, 2, 2);
            assertArrayEquals(new float[] {2, 3, 4, 5}, suite.read(t));
            suite.write(t, new float[] {9, 8, 7, 6});
            suite.read(t, values);
            assertEquals(2, values.position());
            assertEquals(6, values.limit());
            float[] all = new float[8];
            values.clear().get(all);
            assertArrayEquals(new float[] {0, 1, 9, 8, 7, 6, 6, 7}, all);
        });
    }

    @Test
    void misuseIsASentence() {
        try (Device device = Device.open("cpu")) {
            KernelSuite suite = KernelSuite.on(device);
            Tensor x = suite.tensor("x", new float[6], 2, 3);
            refused("takes 6 floats", () -> suite.tensor("x", new float[5], 2, 3));
            refused("head dimensions from 1 to", () -> suite.attention(suite.zeros("qkv", 1, 2, 10), 3));
            refused("wants B as [k, n], here [3, any]", () -> suite.product(x, false, x, false));
            refused("wants gamma as [width], here [3]", () -> suite.layerNorm(x, x, x, 1e-6f));
            refused("an eps above 0", () -> {
                Tensor one = suite.zeros("one", 3);
                suite.layerNorm(x, one, one, 0);
            });
            refused("positive among its 2 columns", () -> suite.infoNce(x, x, new int[] {0, 2}, 0.1f, Precision.FP32));
            refused("counts its steps from 1", () -> {
                AdamWTensors same = new AdamWTensors(x, x, x, x);
                suite.adamW(same, new AdamWNumbers(1, 0.9, 0.9, 1, 0, 0), 0);
            });
            refused("a finite rate", () -> new AdamWNumbers(Double.NaN, 0.9, 0.9, 1, 0, 0));
            try (KernelSuite other = KernelSuite.on(device)) {
                refused("a tensor of this suite", () -> other.read(x));
            }
            suite.release(x);
            refused("was released", () -> suite.read(x));
            suite.close();
            suite.close();
            assertTrue(assertThrows(IllegalStateException.class, () -> suite.read(x))
                    .getMessage()
                    .contains("closed"));
            assertEquals(0, device.liveBytes());
        }
    }

    private static void refused(String sentence, Runnable misuse) {
        String message =
                assertThrows(IllegalArgumentException.class, misuse::run).getMessage();
        assertTrue(message.contains(sentence), message);
    }
}
