package io.github.vicmae.lab;

import java.util.Locale;

/**
 * How far a quantity is from what it should be.
 *
 * @param quantity loss, drows, dcolumns, or another that was compared
 * @param where device and shape
 * @param error relative, in the 2-norm; infinite if a value is not finite
 * @param limit the largest error that passes
 * @param worst the element that is furthest away, in words; empty if it is exact
 */
public record Deviation(String quantity, String where, double error, double limit, String worst) {
    boolean passes() {
        return error <= limit;
    }

    /**
     * Compares an array.
     *
     * @param width of its rows, for the name of the worst element; 0 for a single value
     * @param terms the size of the terms whose sum the result is; the error is relative to this where it is larger than the result
     */
    static Deviation of(
            String quantity, String where, double[] expected, float[] found, int width, double terms, double limit) {
        double squares = 0;
        double norm = 0;
        double furthest = -1;
        int worst = -1;
        for (int i = 0; i < expected.length; i++) {
            if (!Float.isFinite(found[i])) {
                String should = Double.isFinite(expected[i]) ? "; it should be " + number(expected[i]) : "";
                return endless(quantity, where, limit, element(quantity, i, width) + notFinite(found[i]) + should);
            }
            if (!Double.isFinite(expected[i])) {
                String words = element(quantity, i, width) + " cannot be determined: the loss near it is not finite";
                return endless(quantity, where, limit, words);
            }
            double distance = Math.abs(found[i] - expected[i]);
            squares += distance * distance;
            norm += expected[i] * expected[i];
            if (distance > furthest) {
                furthest = distance;
                worst = i;
            }
        }
        double error = Math.sqrt(squares) / Math.max(Math.max(Math.sqrt(norm), terms), 1e-12);
        String words = element(quantity, worst, width) + " is " + number(found[worst]) + "; it should be "
                + number(expected[worst]);
        return new Deviation(quantity, where, error, limit, furthest == 0 ? "" : words);
    }

    /** Checks that all values are finite: an infinite error at the first that is not. */
    static Deviation finite(String quantity, String where, float[] found, int width, double limit) {
        for (int i = 0; i < found.length; i++) {
            if (!Float.isFinite(found[i])) {
                return endless(quantity, where, limit, element(quantity, i, width) + notFinite(found[i]));
            }
        }
        return new Deviation(quantity, where, 0, limit, "");
    }

    /** An infinite error. */
    private static Deviation endless(String quantity, String where, double limit, String words) {
        return new Deviation(quantity, where, Double.POSITIVE_INFINITY, limit, words);
    }

    private static String notFinite(float value) {
        return Float.isNaN(value) ? " is NaN, as is memory that was never written" : " is " + value;
    }

    private static String element(String quantity, int index, int width) {
        return width == 0 ? quantity : quantity + "[" + index / width + ", " + index % width + "]";
    }

    static String number(double value) {
        return String.format(Locale.ROOT, "%.6g", value);
    }

    /** One line: the quantity, where, the error beside its limit. */
    String line() {
        return String.format(
                Locale.ROOT,
                "%-9s %-56s %9.1e of %7.0e  %s",
                quantity,
                where,
                error,
                limit,
                passes() ? "ok" : "WRONG: " + worst);
    }
}
