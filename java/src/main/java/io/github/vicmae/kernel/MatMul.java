package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.MatMulPolicy;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/**
 * Row-major matrix products. On the CPU the device's library makes them, where there is one. On a card {@link MatMulPolicy} decides between
 * cuBLAS, where it can be loaded, and own kernels: those on the matrix units for bfloat16 (cuda/matmul_mma.cu), a portable one for all else
 * (cuda/matmul.cu).
 */
public final class MatMul {
    /** Floats of partial sums beyond which more shares are not worth their memory. */
    private static final long MOST_SCRATCH = 32L << 20;

    private static final int PLANNED_PROCESSORS = 132;

    private final Stream stream;
    private final PortableMatMul portable;
    /** Null on the CPU. */
    private final MmaMatMul mma;

    private final PointwiseKernels pointwise;
    private final Reduce reduce;
    private final MatMulPolicy policy = MatMulPolicy.current();
    private final FasterProduct faster = new FasterProduct();

    public MatMul(Stream stream) {
        this.stream = stream;
        portable = new PortableMatMul(stream);
        mma = stream.device().kind() == Device.Kind.CUDA ? new MmaMatMul(stream) : null;
        pointwise = new PointwiseKernels(stream);
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that a product [m, n] with {@link Epilogue#ADD_ROW_SUMS} needs. */
    public static int scratchSize(Stream stream, int m) {
        return Reduce.scratchSize(stream, m);
    }

    /**
     * Floats of scratch with which a product [m, n] of bfloat16 that is written or added to floats, as the gradients of weights are, is made the
     * fastest: it may cut k into shares. With less it cuts into fewer or none; it needs none but what {@link #scratchSize(Stream, int)} says.
     * The number is that for a card of the size of an H200, whichever is there, so that memory can be planned without one.
     */
    public static long scratchSize(Stream stream, int m, int n, int k) {
        long enough = scratchSize(stream, m);
        if (stream.device().kind() != Device.Kind.CUDA) {
            return enough;
        }
        boolean smallOnly = m % 8 != 0 || n % 8 != 0;
        MatMulPlan plan = MatMulPlan.choose(PLANNED_PROCESSORS, m, n, k, smallOnly, false, MOST_SCRATCH);
        return Math.max(enough, plan.scratch(m, n));
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
     * @param scratch floats that are written over, or null; at least {@link #scratchSize(Stream, int)} with {@link Epilogue#ADD_ROW_SUMS}, more
     *     let a card cut k into shares, see {@link #scratchSize(Stream, int, int, int)}
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
        if (stream.hasRivalLibrary()
                && !libraryIsFaster(epilogue, c, a, b, transA, transB, m, n, k, bias, other, scratch)) {
            own(epilogue, c, a, b, transA, transB, m, n, k, bias, other, scratch);
        } else if (!byLibrary(epilogue, c, a, b, transA, transB, m, n, k, bias, other, scratch)) {
            own(epilogue, c, a, b, transA, transB, m, n, k, bias, other, scratch);
        }
    }

    private boolean libraryIsFaster(
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
        if (policy != MatMulPolicy.FASTEST) {
            return policy == MatMulPolicy.CUBLAS;
        }
        FasterProduct.Product product =
                new FasterProduct.Product(epilogue, a.dtype(), c.dtype(), transA, transB, m, n, k);
        FasterProduct.Way way = faster.known(product);
        if (way == null && !stream.isCapturing()) {
            ProductStopwatch.Maker maker = (by, c2, bias2, other2) -> {
                if (by == FasterProduct.Way.LIBRARY) {
                    return byLibrary(epilogue, c2, a, b, transA, transB, m, n, k, bias2, other2, scratch);
                }
                own(epilogue, c2, a, b, transA, transB, m, n, k, bias2, other2, scratch);
                return true;
            };
            try (ProductStopwatch stopwatch = new ProductStopwatch(stream, epilogue, c, bias, other, maker)) {
                way = faster.measure(product, stopwatch);
            } catch (DeviceException e) {
                if (stream.device().isLost()) {
                    throw e;
                }
                faster.leave(product); // no memory for it, most likely: what was asked for can be done all the same
            }
        }
        return way == FasterProduct.Way.LIBRARY;
    }

    /** Which products were measured, and what came out: a line for each. */
    public String timings() {
        return faster.toString();
    }

    /** By the library, in one pass or with what follows in a second; false, and nothing done, if it cannot. */
    private boolean byLibrary(
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
        if (stream.multiply(epilogue, transA, transB, m, n, k, c, a, b, bias, other)) {
            return true;
        }
        // Where C is the residual, the product is added to it.
        boolean inPlace = epilogue == Epilogue.BIAS_RESIDUAL && c.address() == other.address();
        Epilogue plain = epilogue.accumulates() || inPlace ? Epilogue.ADD : Epilogue.WRITE;
        // The rows' sums want scratch, which a caller who knows the own kernels need not have given.
        boolean canFollow = epilogue != Epilogue.ADD_ROW_SUMS || scratch != null;
        Tensor product = epilogue == Epilogue.BIAS_GELU ? other : c;
        if (epilogue == plain
                || !canFollow
                || !stream.multiply(plain, transA, transB, m, n, k, product, a, b, null, null)) {
            return false;
        }
        switch (epilogue) {
            case BIAS -> pointwise.addBias(c, bias, m, n);
            case BIAS_GELU -> pointwise.biasGelu(c, other, bias, m, n);
            case BIAS_RESIDUAL -> {
                if (inPlace) {
                    pointwise.addBias(c, bias, m, n);
                } else {
                    pointwise.addBiasResidual(c, other, c, bias, m, n);
                }
            }
            case GELU_GRADIENT -> pointwise.geluBackward(c, c, other, c.size());
            case ADD_ROW_SUMS -> reduce.columnSum(bias, a, k, m, scratch);
            case WRITE, ADD -> throw new IllegalStateException(epilogue + " has nothing that follows");
        }
        return true;
    }

    /** By an own kernel, in one pass. */
    private void own(
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
        if (mma != null && MmaMatMul.supports(a.dtype(), transA, transB)) {
            MatMulPlan plan = mma.plan(epilogue, c, a, b, transA, transB, m, n, k, scratch);
            mma.multiply(plan, epilogue, c, a, b, transA, transB, m, n, k, bias, other, scratch);
        } else {
            portable.multiply(epilogue, c, a, b, transA, transB, m, n, k, bias, other);
        }
    }

    /** {@link #multiply} by the own kernels, whatever else there is. */
    void multiplyOwn(
            Tensor c, Tensor a, Tensor b, boolean transA, boolean transB, int m, int n, int k, boolean accumulate) {
        multiplyOwn(
                accumulate ? Epilogue.ADD : Epilogue.WRITE, null, c, a, b, transA, transB, m, n, k, null, null, null);
    }

    /**
     * The same.
     *
     * @param plan of the kernels on the matrix units; null for the portable kernel
     */
    void multiplyOwn(
            Epilogue epilogue,
            MatMulPlan plan,
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
        if (plan == null) {
            portable.multiply(epilogue, c, a, b, transA, transB, m, n, k, bias, other);
        } else {
            mma.multiply(plan, epilogue, c, a, b, transA, transB, m, n, k, bias, other, scratch);
        }
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
}
