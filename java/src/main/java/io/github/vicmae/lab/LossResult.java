package io.github.vicmae.lab;

import java.util.Arrays;

/**
 * What a loss made of a problem.
 *
 * @param drows [R, D]
 * @param dcolumns [K, D]; null in the symmetric form
 */
record LossResult(float loss, float[] drows, float[] dcolumns) {
    /** Whether all bits are the same. */
    boolean isSameAs(LossResult other) {
        return Float.floatToRawIntBits(loss) == Float.floatToRawIntBits(other.loss)
                && Arrays.equals(drows, other.drows)
                && Arrays.equals(dcolumns, other.dcolumns);
    }
}
