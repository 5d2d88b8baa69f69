package io.github.vicmae.device;

/**
 * A row-major matrix product P = op(A) op(B), [m, n], and what is done with it. One object is reused for many products, one after another, so that a
 * training step allocates none: a method that is given one reads it and does not keep it.
 *
 * <pre>{@code
 * product.of(x, false, weight, true, rows, out, in).to(Epilogue.BIAS, y, bias, null);
 * matMul.multiply(product);
 * }</pre>
 */
public final class Product {
    private Tensor a;
    private Tensor b;
    private boolean transA;
    private boolean transB;
    private int m;
    private int n;
    private int k;
    private Epilogue epilogue;
    private Tensor c;
    private Tensor bias;
    private Tensor other;
    private Tensor factors;
    private int rowsPerFactor;
    private Tensor scratch;
    private Tensor packed;

    /**
     * Sets the operands and clears everything else.
     *
     * @param left A [m, k], or [k, m] if {@code transLeft}; floats or bfloat16
     * @param right B [k, n], or [n, k] if {@code transRight}; A's type
     */
    public Product of(
            Tensor left, boolean transLeft, Tensor right, boolean transRight, int rows, int columns, int depth) {
        a = left;
        transA = transLeft;
        b = right;
        transB = transRight;
        m = rows;
        n = columns;
        k = depth;
        scratch = null;
        packed = null;
        return to(null, null, null, null);
    }

    /**
     * Sets where the result goes, without a bias or another tensor.
     *
     * @param result C [m, n], floats or, if A and B are bfloat16, bfloat16; floats where it is added to
     */
    public Product to(Epilogue what, Tensor result) {
        return to(what, result, null, null);
    }

    /**
     * Sets where the result goes and what follows.
     *
     * @param result C [m, n], floats or, if A and B are bfloat16, bfloat16; floats where the epilogue adds to it or to a residual
     * @param added the bias, floats, [n] or as the epilogue says, or null
     * @param beside the other tensor [m, n], of C's type, or null
     */
    public Product to(Epilogue what, Tensor result, Tensor added, Tensor beside) {
        epilogue = what;
        c = result;
        bias = added;
        other = beside;
        factors = null;
        rowsPerFactor = 1;
        return this;
    }

    /**
     * Sets what rows of the product are multiplied with, for {@link Epilogue#SCALED_RESIDUAL}; call it after {@code to}.
     *
     * @param ofRows floats, one for each {@code rows} neighbouring rows
     */
    public Product factors(Tensor ofRows, int rows) {
        factors = ofRows;
        rowsPerFactor = rows;
        return this;
    }

    /** Sets floats that the product may write over, or null. */
    public Product scratch(Tensor floats) {
        scratch = floats;
        return this;
    }

    /**
     * Sets what {@link Stream#pack} made of B, which is then stored [n, k]; null where nothing did. A device may read it in B's place.
     */
    public Product packed(Tensor b) {
        packed = b;
        return this;
    }

    /** Sets operands and scratch to those of another product and clears everything else. */
    public Product sameOperandsAs(Product product) {
        return of(product.a, product.transA, product.b, product.transB, product.m, product.n, product.k)
                .scratch(product.scratch)
                .packed(product.packed);
    }

    public Tensor a() {
        return a;
    }

    public Tensor b() {
        return b;
    }

    /** Whether A is stored [k, m]. */
    public boolean transA() {
        return transA;
    }

    /** Whether B is stored [n, k]. */
    public boolean transB() {
        return transB;
    }

    public int m() {
        return m;
    }

    public int n() {
        return n;
    }

    public int k() {
        return k;
    }

    public Epilogue epilogue() {
        return epilogue;
    }

    public Tensor c() {
        return c;
    }

    /** Null where the epilogue has none. */
    public Tensor bias() {
        return bias;
    }

    /** Null where the epilogue has none. */
    public Tensor other() {
        return other;
    }

    /** Null where the epilogue has none. */
    public Tensor factors() {
        return factors;
    }

    /** How many neighbouring rows have the same factor. */
    public int rowsPerFactor() {
        return rowsPerFactor;
    }

    /** Null where none was given. */
    public Tensor scratch() {
        return scratch;
    }

    /** Null where B was not packed. */
    public Tensor packed() {
        return packed;
    }

    /** Elements of a stored row of A. */
    public int widthOfA() {
        return transA ? m : k;
    }

    /** Elements of a stored row of B. */
    public int widthOfB() {
        return transB ? k : n;
    }

    @Override
    public String toString() {
        return epilogue + " of [" + m + ", " + k + "]" + (transA ? "'" : "") + " [" + k + ", " + n + "]"
                + (transB ? "'" : "") + " in " + (a == null ? "nothing" : a.dtype());
    }
}
