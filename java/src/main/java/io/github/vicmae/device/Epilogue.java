package io.github.vicmae.device;

/** What a matrix product P = op(A) op(B), [m, n], does with its result in the same pass. The ordinal is what native code is given. */
public enum Epilogue {
    /** C = P. */
    WRITE,
    /** C += P. */
    ADD,
    /** C = P + bias, bias [n]. */
    BIAS,
    /** other = P + bias; C = gelu(other). */
    BIAS_GELU,
    /** C = other + (P + bias); C may be other. */
    BIAS_RESIDUAL,
    /** C = P * gelu'(other). */
    GELU_GRADIENT,
    /** C += P, bias [m] += the sums of op(A)'s rows: a linear map's weight and bias gradients, A being the output's gradient, transposed. */
    ADD_ROW_SUMS,
    /**
     * C = other + f (P + bias), f the row's factor; C may be other. A residual of which a part of the rows is dropped (stochastic depth, Huang et
     * al. 2016).
     */
    SCALED_RESIDUAL;

    /** Whether C's old values count. */
    public boolean accumulates() {
        return this == ADD || this == ADD_ROW_SUMS;
    }

    /** Whether there is a bias: read, or with {@link #ADD_ROW_SUMS} added to. */
    public boolean hasBias() {
        return this != WRITE && this != ADD && this != GELU_GRADIENT;
    }

    /** Whether there is another tensor of C's shape. */
    public boolean hasOther() {
        return this == BIAS_GELU || isResidual() || this == GELU_GRADIENT;
    }

    /** Whether it is added to a residual, which holds floats. */
    public boolean isResidual() {
        return this == BIAS_RESIDUAL || this == SCALED_RESIDUAL;
    }
}
