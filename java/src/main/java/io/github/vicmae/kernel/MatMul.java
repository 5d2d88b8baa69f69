package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
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

    private final PointwiseKernels pointwise;
    private final Reduce reduce;

    public MatMul(Stream stream) {
        this.stream = stream;
        matmul = stream.device().kernel("matmul", "matmul", "pppiiiiii");
        boolean cpu = stream.device().kind() == Device.Kind.CPU;
        tileRows = cpu ? 96 : 128;
        tileColumns = cpu ? 64 : 128;
        pointwise = new PointwiseKernels(stream);
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that a product [m, n] with {@link Epilogue#ADD_ROW_SUMS} needs. */
    public static int scratchSize(Stream stream, int m) {
        return Reduce.scratchSize(stream, m);
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
        multiply(accumulate ? Epilogue.ADD : Epilogue.WRITE, c, a, b, transA, transB, m, n, k, null, null, null);
    }

    /**
     * A product with what follows it, in one pass where the device can.
     *
     * @param c [m, n], floats or, if A and B are bfloat16, bfloat16; floats where the epilogue adds to it or to a residual
     * @param a [m, k], or [k, m] if {@code transA}; floats or bfloat16
     * @param b [k, n], or [n, k] if {@code transB}; A's type
     * @param bias floats, [n] or as the epilogue says, or null
     * @param other [m, n], C's type, or null
     * @param scratch at least {@link #scratchSize} floats with {@link Epilogue#ADD_ROW_SUMS}, where A is stored transposed, else not used
     */
    public void multiply(
            Epilogue epilogue,
            Tensor c,
            Tensor a,
            Tensor b,
            boolean transA,
            boolean transB,
            int m,
            int n,
            int k,
            Tensor bias,
            Tensor other,
            Tensor scratch) {
        check(epilogue, c, a, b, transA, m, n, k, bias, other);
        if (stream.multiply(epilogue, transA, transB, m, n, k, c, a, b, bias, other)) {
            return;
        }
        Tensor product = epilogue == Epilogue.BIAS_GELU ? other : c;
        Epilogue plain = epilogue.accumulates() ? Epilogue.ADD : Epilogue.WRITE;
        if (epilogue == plain || !stream.multiply(plain, transA, transB, m, n, k, product, a, b, null, null)) {
            launch(product, a, b, transA, transB, m, n, k, epilogue.accumulates());
        }
        switch (epilogue) {
            case BIAS -> pointwise.addBias(c, bias, m, n);
            case BIAS_GELU -> pointwise.biasGelu(c, other, bias, m, n);
            case BIAS_RESIDUAL -> pointwise.addBiasResidual(c, other, c, bias, m, n);
            case GELU_GRADIENT -> pointwise.geluBackward(c, c, other, c.size());
            case ADD_ROW_SUMS -> reduce.columnSum(bias, a, k, m, scratch);
            case WRITE, ADD -> {
                // nothing follows
            }
        }
    }

    /** {@link #multiply} by the own kernel, whatever else there is. */
    void multiplyOwn(
            Tensor c, Tensor a, Tensor b, boolean transA, boolean transB, int m, int n, int k, boolean accumulate) {
        Epilogue plain = accumulate ? Epilogue.ADD : Epilogue.WRITE;
        check(plain, c, a, b, transA, m, n, k, null, null);
        launch(c, a, b, transA, transB, m, n, k, accumulate);
    }

    private static void check(
            Epilogue epilogue,
            Tensor c,
            Tensor a,
            Tensor b,
            boolean transA,
            int m,
            int n,
            int k,
            Tensor bias,
            Tensor other) {
        boolean half = Shapes.isBf16("multiply", "a", a);
        boolean sums = epilogue.accumulates() || epilogue == Epilogue.BIAS_RESIDUAL;
        if (epilogue.hasBias() != (bias != null) || epilogue.hasOther() != (other != null)) {
            throw new IllegalArgumentException("multiply with " + epilogue + " wants "
                    + (epilogue.hasBias() ? "a bias" : "no bias") + " and "
                    + (epilogue.hasOther() ? "another tensor" : "no other tensor"));
        }
        if (epilogue == Epilogue.ADD_ROW_SUMS && !transA) {
            throw new IllegalArgumentException("multiply with " + epilogue + " wants A stored [k, m]");
        }
        DType result = half && !sums && c.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
        Shapes.typed("multiply", "a", a, a.dtype(), m, k);
        Shapes.typed("multiply", "b", b, a.dtype(), k, n);
        Shapes.typed("multiply", "c", c, result, m, n);
        if (bias != null) {
            Shapes.floats("multiply", "bias", bias, epilogue == Epilogue.ADD_ROW_SUMS ? m : n);
        }
        if (other != null) {
            Shapes.typed("multiply", "other", other, result, m, n);
        }
    }

    private void launch(
            Tensor c, Tensor a, Tensor b, boolean transA, boolean transB, int m, int n, int k, boolean accumulate) {
        int tiles = Math.multiplyExact((m + tileRows - 1) / tileRows, (n + tileColumns - 1) / tileColumns);
        stream.begin(matmul).arg(c).arg(a).arg(b).arg(m).arg(n).arg(k);
        stream.arg(transA ? 1 : 0).arg(transB ? 1 : 0).arg(accumulate ? 1 : 0).launch(tiles, THREADS);
    }
}
