package io.github.vicmae.kernel.matmul;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.oracle.MatMulOracle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MatMulTest {
    // m, n, k: around the tiles' edges, and thin ones.
    private static final int[][] SHAPES = {
        {1, 1, 1},
        {1, 3, 31},
        {3, 1, 33},
        {31, 33, 1},
        {33, 31, 197},
        {96, 64, 64},
        {97, 65, 65},
        {128, 128, 16},
        {129, 130, 17},
        {5, 200, 768},
        {197, 6, 96}
    };

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                MatMul matmul = new MatMul(fixture.stream());
                for (int flags = 0; flags < 8; flags++) {
                    check(fixture, matmul, shape, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0);
                }
            }
        }
    }

    private static void check(
            KernelFixture fixture, MatMul matmul, int[] shape, boolean transA, boolean transB, boolean accumulate) {
        int m = shape[0];
        int n = shape[1];
        int k = shape[2];
        float[] a = fixture.normal(m * k, 1);
        float[] b = fixture.normal(k * n, 1);
        float[] c = fixture.normal(m * n, 1);
        double[] expected = accumulate ? doubles(c) : new double[m * n];
        MatMulOracle.multiply(expected, doubles(a), doubles(b), transA, transB, m, n, k);
        Tensor at = transA ? fixture.tensor(a, k, m) : fixture.tensor(a, m, k);
        Tensor bt = transB ? fixture.tensor(b, n, k) : fixture.tensor(b, k, n);
        Tensor own = accumulate ? fixture.tensor(c, m, n) : fixture.unwritten(m, n);
        Tensor any = accumulate ? fixture.tensor(c, m, n) : fixture.unwritten(m, n);
        Epilogue epilogue = accumulate ? Epilogue.ADD : Epilogue.WRITE;
        Product product = new Product().of(at, transA, bt, transB, m, n, k);
        matmul.multiplyPortably(product.to(epilogue, own));
        matmul.multiply(product.to(epilogue, any));
        String what = "[" + m + ", " + n + ", " + k + "] " + transA + " " + transB + " " + accumulate;
        double terms = Math.sqrt((double) m * n * (k + 1)); // a single result may cancel to almost nothing
        fixture.assertClose("own " + what, expected, own, 1e-6, terms);
        fixture.assertClose("BLAS " + what, expected, any, 1e-6, terms);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void refusesWrongShapes(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = new MatMul(fixture.stream());
            Tensor a = fixture.tensor(new float[6], 2, 3);
            Tensor c = fixture.tensor(new float[4], 2, 2);
            Product product = new Product().of(a, false, a, false, 2, 2, 2).to(Epilogue.WRITE, c);
            assertThrows(IllegalArgumentException.class, () -> matmul.multiply(product));
        }
    }
}
