package io.github.vicmae.lab;

import java.util.Arrays;

/**
 * The loss and gradients of a problem.
 *
 * @param drows [R, D]
 * @param dcolumns [K, D]; null in the symmetric form
 */
record LossResult(float loss, float[] drows, float[] dcolumns) {
    /** Whether the results are bit for bit the same. */
    boolean isSameAs(LossResult other) {
        return Float.floatToRawIntBits(loss) == Float.floatToRawIntBits(other.loss)
                && Arrays.equals(drows, other.drows)
                && Arrays.equals(dcolumns, other.dcolumns);
    }
}
