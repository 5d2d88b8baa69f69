package io.github.vicmae.loss;

import io.github.vicmae.device.Precision;
import io.github.vicmae.kernel.contrastive.InfoNceShape;
import java.util.stream.IntStream;

/**
 * The shape of a contrastive loss.
 *
 * @param rows R = 2B, two views of B samples
 * @param columns K, R or more; those beyond R are extra negatives
 * @param width D of a row or column
 * @param temperature the divisor of similarities, for losses that have one
 * @param symmetric whether columns are the rows themselves
 * @param precision the precision of products, for losses that have a choice
 */
public record ContrastiveShape(
        int rows, int columns, int width, float temperature, boolean symmetric, Precision precision) {
    /**
     * @throws IllegalArgumentException if the number of rows is odd, or the rest does not fit
     */
    public ContrastiveShape {
        if (rows < 2 || rows % 2 != 0 || columns < rows) {
            throw new IllegalArgumentException("The contrastive loss of two views wants an even number of rows and at"
                    + " least as many columns but was given " + rows + " x " + columns);
        }
        if (symmetric && columns != rows) {
            throw new IllegalArgumentException("The contrastive loss in the symmetric form wants as many columns as"
                    + " rows but was given " + rows + " x " + columns);
        }
        if (width < 1 || !(temperature > 0)) {
            throw new IllegalArgumentException("The contrastive loss wants a width and a temperature above 0 but was"
                    + " given " + width + " and " + temperature);
        }
    }

    /** R = K in floats. */
    public static ContrastiveShape of(int rows, int width, float temperature, boolean symmetric) {
        return new ContrastiveShape(rows, rows, width, temperature, symmetric, Precision.FP32);
    }

    /** B. */
    public int samples() {
        return rows / 2;
    }

    /** The column of each row's positive, [R]: the other view of its sample. */
    int[] positives() {
        return IntStream.range(0, rows).map(i -> (i + samples()) % rows).toArray();
    }

    /** The column of each row's own place, [R]. */
    int[] own() {
        return IntStream.range(0, rows).toArray();
    }

    InfoNceShape infoNce() {
        return new InfoNceShape(rows, columns, width, temperature, symmetric, precision);
    }

    /** The two-sided form of the same shape. */
    ContrastiveShape twoSided() {
        return new ContrastiveShape(rows, columns, width, temperature, false, precision);
    }
}
