package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.MatMulPolicy;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PointwiseKernels;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.Shapes;

/**
 * Row-major matrix products. On the CPU the device's library computes them, where there is one. On a card {@link MatMulPolicy} chooses between
 * cuBLAS, where it can be loaded, and this project's kernels: matrix units for bfloat16 (cuda/matmul_mma.cu), a portable kernel for everything
 * else (cuda/matmul.cu).
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
    /** What a library makes of a product before what follows it. */
    private final Product plain = new Product();

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
     * Floats of scratch with which a product [m, n] that is written or added to floats, as the gradients of weights are, is made the fastest: a
     * card may cut k into shares. With less it cuts into fewer or none; it needs none but what {@link #scratchSize(Stream, int)} says. The
     * number is that for a card of the size of an H200, whichever is there, so that memory can be planned without one.
     *
     * @param operands the type of A and B
     */
    public static long scratchSize(Stream stream, DType operands, int m, int n, int k) {
        long enough = scratchSize(stream, m);
        if (stream.device().kind() != Device.Kind.CUDA || operands != DType.BF16) {
            return enough;
        }
        boolean smallOnly = m % 8 != 0 || n % 8 != 0;
        MatMulPlan plan = MatMulPlan.choose(PLANNED_PROCESSORS, m, n, k, smallOnly, false, MOST_SCRATCH);
        return Math.max(enough, plan.scratch(m, n));
    }

    /**
     * Makes a product with what follows it, in one pass where the device can.
     *
     * @param product its scratch is null or at least {@link #scratchSize(Stream, int)} with {@link Epilogue#ADD_ROW_SUMS}; more lets a card cut k
     *     into shares, see {@link #scratchSize(Stream, DType, int, int, int)}
     * @throws IllegalArgumentException if a tensor has another type or size than {@link Product} says
     */
    public void multiply(Product product) {
        check(product);
        if (stream.hasVendorGemm() && !libraryIsFaster(product)) {
            own(product);
        } else if (!byLibrary(product)) {
            own(product);
        }
    }

    private boolean libraryIsFaster(Product product) {
        if (policy != MatMulPolicy.FASTEST) {
            return policy == MatMulPolicy.CUBLAS;
        }
        FasterProduct.Kind kind = FasterProduct.Kind.of(product);
        FasterProduct.Way way = faster.known(kind);
        if (way == null && !stream.isCapturing()) {
            try (ProductStopwatch stopwatch = new ProductStopwatch(stream, product, this::make)) {
                way = faster.measure(kind, stopwatch);
            } catch (DeviceException e) {
                if (stream.device().isLost()) {
                    throw e;
                }
                faster.leave(kind); // no memory for it, most likely: what was asked for can be done all the same
            }
        }
        return way == FasterProduct.Way.LIBRARY;
    }

    private boolean make(FasterProduct.Way way, Product product) {
        if (way == FasterProduct.Way.LIBRARY) {
            return byLibrary(product);
        }
        own(product);
        return true;
    }

    /** Which products were measured, and what came out: a line for each. */
    public String timings() {
        return faster.toString();
    }

    /** By the library, in one pass or with what follows in a second; false, and nothing done, if it cannot. */
    private boolean byLibrary(Product product) {
        if (stream.multiply(product)) {
            return true;
        }
        Epilogue epilogue = product.epilogue();
        Tensor c = product.c();
        Tensor bias = product.bias();
        Tensor other = product.other();
        // Where C is the residual, the product is added to it.
        boolean inPlace = epilogue.isResidual() && c.address() == other.address();
        // A library can add to a residual, but not a part of it.
        if (inPlace && epilogue == Epilogue.SCALED_RESIDUAL) {
            return false;
        }
        Epilogue first = epilogue.accumulates() || inPlace ? Epilogue.ADD : Epilogue.WRITE;
        // The rows' sums want scratch, which a caller who knows the own kernels need not have given.
        boolean canFollow = epilogue != Epilogue.ADD_ROW_SUMS || product.scratch() != null;
        plain.sameOperandsAs(product).to(first, epilogue == Epilogue.BIAS_GELU ? other : c);
        if (epilogue == first || !canFollow || !stream.multiply(plain)) {
            return false;
        }
        switch (epilogue) {
            case BIAS -> pointwise.addBias(c, bias, product.m(), product.n());
            case BIAS_GELU -> pointwise.biasGelu(c, other, bias, product.m(), product.n());
            case BIAS_RESIDUAL -> {
                if (inPlace) {
                    pointwise.addBias(c, bias, product.m(), product.n());
                } else {
                    pointwise.addBiasResidual(c, other, c, bias, product.m(), product.n());
                }
            }
            case SCALED_RESIDUAL ->
                pointwise.addScaledResidual(
                        c, other, c, bias, product.factors(), product.rowsPerFactor(), product.m(), product.n());
            case GELU_GRADIENT -> pointwise.geluBackward(c, c, other, c.size());
            case ADD_ROW_SUMS -> reduce.columnSum(bias, product.a(), product.k(), product.m(), product.scratch());
            case WRITE, ADD -> throw new IllegalStateException(epilogue + " has nothing that follows");
        }
        return true;
    }

    /** By an own kernel, in one pass. */
    private void own(Product product) {
        if (mma != null && MmaMatMul.supports(product)) {
            mma.multiply(mma.plan(product), product);
        } else {
            portable.multiply(product);
        }
    }

    /** {@link #multiply} by the portable kernel, whatever else there is. */
    void multiplyPortably(Product product) {
        check(product);
        portable.multiply(product);
    }

    /** {@link #multiply} on the matrix units, as planned. */
    void multiply(MatMulPlan plan, Product product) {
        check(product);
        mma.multiply(plan, product);
    }

    private static void check(Product p) {
        Epilogue epilogue = p.epilogue();
        boolean half = Shapes.isBf16("multiply", "a", p.a());
        boolean sums = epilogue.accumulates() || epilogue.isResidual();
        if (epilogue.hasBias() != (p.bias() != null) || epilogue.hasOther() != (p.other() != null)) {
            throw new IllegalArgumentException("multiply with " + epilogue + " wants "
                    + (epilogue.hasBias() ? "a bias" : "no bias") + " and "
                    + (epilogue.hasOther() ? "another tensor" : "no other tensor"));
        }
        if ((epilogue == Epilogue.SCALED_RESIDUAL) != (p.factors() != null)) {
            throw new IllegalArgumentException("multiply with " + epilogue + " wants "
                    + (p.factors() == null ? "a factor for each row" : "no factors of rows"));
        }
        if (p.factors() != null) {
            Shapes.factors("multiply", p.factors(), p.rowsPerFactor(), p.m());
        }
        if (epilogue == Epilogue.ADD_ROW_SUMS && !p.transA()) {
            throw new IllegalArgumentException("multiply with " + epilogue + " wants A stored [k, m]");
        }
        if (p.packed() != null && !p.transB()) {
            throw new IllegalArgumentException("multiply with a packed B wants B stored [n, k]");
        }
        DType result = half && !sums && p.c().dtype() == DType.BF16 ? DType.BF16 : DType.F32;
        Shapes.typed("multiply", "a", p.a(), p.a().dtype(), p.m(), p.k());
        Shapes.typed("multiply", "b", p.b(), p.a().dtype(), p.k(), p.n());
        Shapes.typed("multiply", "c", p.c(), result, p.m(), p.n());
        if (p.bias() != null) {
            Shapes.floats("multiply", "bias", p.bias(), epilogue == Epilogue.ADD_ROW_SUMS ? p.m() : p.n());
        }
        if (p.other() != null) {
            Shapes.typed("multiply", "other", p.other(), result, p.m(), p.n());
        }
    }
}
