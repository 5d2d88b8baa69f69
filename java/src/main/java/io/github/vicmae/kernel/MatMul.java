package io.github.vicmae.kernel;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Row-major matrix products: by the device's BLAS library, or by this project's own kernel (cuda/matmul.cu) where there is none. */
public final class MatMul {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel matmul;
    // The tile of C that a block of the own kernel computes.
    private final int tileRows;
    private final int tileColumns;

    public MatMul(Stream stream) {
        this.stream = stream;
        matmul = stream.device().kernel("matmul", "matmul", "pppiiiiii");
        boolean cpu = stream.device().kind() == Device.Kind.CPU;
        tileRows = cpu ? 96 : 128;
        tileColumns = cpu ? 64 : 128;
    }

    /**
     * C = op(A) op(B), or C += op(A) op(B).
     *
     * @param c [m, n], added to if {@code accumulate}, else written
     * @param a [m, k], or [k, m] if {@code transA}
     * @param b [k, n], or [n, k] if {@code transB}
     */
    public void multiply(
            Tensor c, Tensor a, Tensor b, boolean transA, boolean transB, int m, int n, int k, boolean accumulate) {
        check(c, a, b, m, n, k);
        if (!stream.gemm(transA, transB, m, n, k, a, b, accumulate ? 1 : 0, c)) {
            launch(c, a, b, transA, transB, m, n, k, accumulate);
        }
    }

    /** {@link #multiply} by the own kernel, whatever else there is. */
    void multiplyOwn(
            Tensor c, Tensor a, Tensor b, boolean transA, boolean transB, int m, int n, int k, boolean accumulate) {
        check(c, a, b, m, n, k);
        launch(c, a, b, transA, transB, m, n, k, accumulate);
    }

    private static void check(Tensor c, Tensor a, Tensor b, int m, int n, int k) {
        Shapes.floats("multiply", "c", c, m, n);
        Shapes.floats("multiply", "a", a, m, k);
        Shapes.floats("multiply", "b", b, k, n);
    }

    private void launch(
            Tensor c, Tensor a, Tensor b, boolean transA, boolean transB, int m, int n, int k, boolean accumulate) {
        int tiles = Math.multiplyExact((m + tileRows - 1) / tileRows, (n + tileColumns - 1) / tileColumns);
        stream.begin(matmul).arg(c).arg(a).arg(b).arg(m).arg(n).arg(k);
        stream.arg(transA ? 1 : 0).arg(transB ? 1 : 0).arg(accumulate ? 1 : 0).launch(tiles, THREADS);
    }
}
