package io.github.vicmae.lab;

import java.util.Locale;

/**
 * How far a quantity is from what it should be.
 *
 * @param quantity loss, drows, dcolumns, or what else was compared
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
     * @param terms what the result is what remains of: the error is held against this if it is larger than the result
     */
    static Deviation of(
            String quantity, String where, double[] expected, float[] found, int width, double terms, double limit) {
        double squares = 0;
        double norm = 0;
        double furthest = -1;
        int worst = -1;
        for (int i = 0; i < expected.length; i++) {
            if (!Float.isFinite(found[i])) {
                String what = Float.isNaN(found[i]) ? " is NaN, as what was never written" : " is " + found[i];
                String words = element(quantity, i, width) + what + "; it should be " + number(expected[i]);
                return new Deviation(quantity, where, Double.POSITIVE_INFINITY, limit, words);
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

    private static String element(String quantity, int index, int width) {
        return width == 0 ? quantity : quantity + "[" + index / width + ", " + index % width + "]";
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.6g", value);
    }

    /** One line: the quantity, where, the error beside its limit. */
    String line() {
        return String.format(
                Locale.ROOT,
                "%-9s %-44s %9.1e of %7.0e  %s",
                quantity,
                where,
                error,
                limit,
                passes() ? "ok" : "WRONG: " + worst);
    }
}
