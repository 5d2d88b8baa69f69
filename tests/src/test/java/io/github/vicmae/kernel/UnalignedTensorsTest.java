package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tensors that begin in the middle of a vector of 16 bytes, with rows that would fill whole vectors: kernels then take single elements, and
 * the results are those of aligned tensors. The emulated device ends a launch that touches a vector at such an address.
 */
class UnalignedTensorsTest {
    private static final int ROWS = 11;
    private static final int WIDTH = 64;
    private static final int SIZE = ROWS * WIDTH;

    private static Tensor shifted(KernelFixture fixture, DType type, float[] values) {
        float[] all = new float[values.length + 1];
        System.arraycopy(values, 0, all, 1, values.length);
        return fixture.tensor(type, all, all.length).slice("shifted", 1, values.length);
    }

    private static void assertSame(KernelFixture fixture, String what, Tensor expected, Tensor actual) {
        assertArrayEquals(fixture.stream().read(expected), fixture.stream().read(actual), what);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void pointwiseResultsAreTheSame(String device) {
        for (DType type : KernelFixture.ACTIVATIONS) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                PointwiseKernels kernels = new PointwiseKernels(fixture.stream());
                float[] x = fixture.normal(SIZE, 1);
                Tensor bias = fixture.tensor(fixture.normal(WIDTH, 1), WIDTH);
                Tensor aligned = fixture.tensor(type, x, ROWS, WIDTH);
                Tensor shifted = shifted(fixture, type, x);
                kernels.addBias(aligned, bias, ROWS, WIDTH);
                kernels.addBias(shifted, bias, ROWS, WIDTH);
                assertSame(fixture, "addBias", aligned, shifted);
                Tensor out = shifted(fixture, type, new float[SIZE]);
                Tensor expected = fixture.unwritten(type, SIZE);
                kernels.geluBackward(expected, aligned, aligned, SIZE);
                kernels.geluBackward(out, aligned, shifted, SIZE);
                assertSame(fixture, "geluBackward", expected, out);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void sumsOfColumnsAreTheSame(String device) {
        for (DType type : KernelFixture.ACTIVATIONS) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                Reduce reduce = new Reduce(fixture.stream());
                float[] x = fixture.normal(SIZE, 1);
                Tensor scratch = fixture.unwritten(Reduce.scratchSize(fixture.stream(), WIDTH));
                Tensor expected = fixture.tensor(new float[WIDTH], WIDTH);
                Tensor sums = shifted(fixture, DType.F32, new float[WIDTH]);
                reduce.columnSum(expected, fixture.tensor(type, x, ROWS, WIDTH), ROWS, WIDTH, scratch);
                reduce.columnSum(sums, shifted(fixture, type, x), ROWS, WIDTH, scratch);
                assertSame(fixture, "columnSum", expected, sums);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void pooledTokensAreTheSame(String device) {
        for (DType type : KernelFixture.ACTIVATIONS) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                PatchGrid grid = PatchGrid.ofImage(1, ROWS - 1, 1);
                PoolKernels kernels = new PoolKernels(fixture.stream());
                float[] tokens = fixture.normal(SIZE, 1);
                Tensor aligned = fixture.tensor(type, tokens, 1, ROWS, WIDTH);
                Tensor expected = fixture.unwritten(type, 1, WIDTH);
                Tensor pooled = shifted(fixture, type, new float[WIDTH]);
                kernels.forward(expected, null, aligned, Pooling.MEAN, grid, 1, ROWS - 1, WIDTH);
                kernels.forward(pooled, null, shifted(fixture, type, tokens), Pooling.MEAN, grid, 1, ROWS - 1, WIDTH);
                assertSame(fixture, "pooled", expected, pooled);
                Tensor dpooled = fixture.tensor(fixture.normal(WIDTH, 1), 1, WIDTH);
                Tensor dexpected = fixture.tensor(new float[SIZE], 1, ROWS, WIDTH);
                Tensor dtokens = shifted(fixture, DType.F32, new float[SIZE]);
                kernels.backward(dexpected, dpooled, expected, null, aligned, Pooling.MEAN, grid, 1, ROWS - 1, WIDTH);
                kernels.backward(dtokens, dpooled, pooled, null, aligned, Pooling.MEAN, grid, 1, ROWS - 1, WIDTH);
                assertSame(fixture, "dtokens", dexpected, dtokens);
            }
        }
    }

    /** Other rows are summed up in another order here, so the results agree to rounding. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void normalisedRowsAgree(String device) {
        for (DType type : KernelFixture.ACTIVATIONS) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                float[] x = fixture.normal(SIZE, 1);
                float[] dy = fixture.normal(SIZE, 1);
                float[] gamma = fixture.normal(WIDTH, 1);
                float[][] expected = normalise(fixture, type, x, dy, gamma, false);
                float[][] shifted = normalise(fixture, type, x, dy, gamma, true);
                double size = Math.sqrt(SIZE);
                fixture.assertClose("y", KernelFixture.doubles(expected[0]), shifted[0], bf16(type) ? 0x1p-8 : 1e-6);
                fixture.assertClose("dx", KernelFixture.doubles(expected[1]), shifted[1], 1e-6, size);
                fixture.assertClose("dgamma", KernelFixture.doubles(expected[2]), shifted[2], 1e-6, size);
                fixture.assertClose("dbeta", KernelFixture.doubles(expected[3]), shifted[3], 1e-6, size);
            }
        }
    }

    private static boolean bf16(DType type) {
        return type == DType.BF16;
    }

    private static float[][] normalise(
            KernelFixture fixture, DType type, float[] x, float[] dy, float[] gamma, boolean shift) {
        LayerNormKernels kernels = new LayerNormKernels(fixture.stream());
        Tensor xt = shift ? shifted(fixture, DType.F32, x) : fixture.tensor(x, SIZE);
        Tensor dyt = shift ? shifted(fixture, type, dy) : fixture.tensor(type, dy, SIZE);
        Tensor gt = fixture.tensor(gamma, WIDTH);
        Tensor y = shift ? shifted(fixture, type, new float[SIZE]) : fixture.unwritten(type, SIZE);
        Tensor dx = shift ? shifted(fixture, DType.F32, new float[SIZE]) : fixture.unwritten(SIZE);
        Tensor mean = fixture.unwritten(ROWS);
        Tensor rstd = fixture.unwritten(ROWS);
        Tensor dgamma = fixture.tensor(new float[WIDTH], WIDTH);
        Tensor dbeta = fixture.tensor(new float[WIDTH], WIDTH);
        Tensor scratch = fixture.unwritten(LayerNormKernels.scratchSize(fixture.stream(), WIDTH));
        kernels.forward(y, mean, rstd, xt, gt, gt, ROWS, WIDTH, 1e-6f);
        kernels.backward(dx, null, dgamma, dbeta, dyt, xt, gt, mean, rstd, ROWS, WIDTH, false, scratch);
        return new float[][] {
            fixture.stream().read(y),
            fixture.stream().read(dx),
            fixture.stream().read(dgamma),
            fixture.stream().read(dbeta)
        };
    }
}
