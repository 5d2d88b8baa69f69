package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Precision;

/**
 * What an InfoNCE loss is taken over, and how (cuda/info_nce.cu).
 *
 * @param rows R, those that have a positive each
 * @param columns K, among which the positives are; further ones are extra negatives
 * @param width D of a row or column
 * @param temperature what cosines are divided by to give logits; exact to single precision down to 0.01
 * @param symmetric whether columns are the rows themselves, each of which then leaves itself out
 * @param precision of the products on a CUDA device: {@link Precision#FP32} is exact to single precision; {@link Precision#BF16} multiplies
 *     rounded unit rows on tensor cores, while sums, positives and the loss stay in floats. The CPU multiplies floats in both
 */
public record InfoNceShape(
        int rows, int columns, int width, float temperature, boolean symmetric, Precision precision) {
    /** The widest rows. */
    public static final int MAX_WIDTH = 1024;
    /** Down to here sums of exp(logit) stay within a float's range without a running maximum. */
    private static final float BOUNDED_FROM = 0.02f;

    /**
     * @throws IllegalArgumentException if one of them is out of its range, or a symmetric loss has other columns than rows
     */
    public InfoNceShape {
        require(rows >= 1 && columns >= 1, "at least a row and a column", rows + " x " + columns);
        require(width >= 1 && width <= MAX_WIDTH, "a width from 1 to " + MAX_WIDTH, "" + width);
        require(temperature > 0 && temperature <= Float.MAX_VALUE, "a temperature above 0", "" + temperature);
        require(
                !symmetric || rows == columns && rows >= 2,
                "as many columns as rows, at least 2, in the symmetric form",
                rows + " x " + columns);
    }

    private static void require(boolean condition, String wanted, String found) {
        if (!condition) {
            throw new IllegalArgumentException("infoNce wants " + wanted + " but was given " + found);
        }
    }

    /** Whether exp(logit) can be summed as it is. */
    boolean bounded() {
        return temperature >= BOUNDED_FROM;
    }

    /** Elements of a row that is filled up for the tensor cores: a multiple of 64. */
    int paddedWidth() {
        return (width + 63) / 64 * 64;
    }
}
