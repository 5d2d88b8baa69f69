package io.github.vicmae.benchmarks;

/**
 * The expected values of a result, or of a part of it, from the oracle.
 *
 * @param result its name
 * @param start the first element that was computed
 * @param values the oracle's, from there on
 * @param limit for the error's 2-norm over that of the values, or over {@code terms} where that is larger
 * @param terms the 2-norm of the summands, for results in which larger terms cancel; else 0
 */
record Expected(String result, int start, double[] values, double limit, double terms) {
    Expected(String result, double[] values, double limit) {
        this(result, 0, values, limit, 0);
    }

    /**
     * Compares.
     *
     * @throws IllegalStateException if the error is over the limit, or a value is not finite
     */
    void check(String who, float[] found) {
        if (found.length < start + values.length) {
            throw new IllegalStateException(who + " made " + found.length + " elements of " + result + ", fewer than "
                    + (start + values.length));
        }
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < values.length; i++) {
            double d = found[start + i] - values[i];
            difference += d * d;
            norm += values[i] * values[i];
        }
        double error = Math.sqrt(difference) / Math.max(Math.max(Math.sqrt(norm), terms), 1e-12);
        if (!(error <= limit)) {
            throw new IllegalStateException(
                    "What " + who + " computes is wrong and was not timed: the relative error of " + result + " is "
                            + error + ", over " + limit);
        }
    }
}
