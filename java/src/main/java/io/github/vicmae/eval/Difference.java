package io.github.vicmae.eval;

import java.io.IOException;

/** Sums of squares of a difference and of what was expected. */
final class Difference {
    private double difference;
    private double norm;

    void add(float[] expected, float[] found) throws IOException {
        if (expected.length != found.length) {
            throw new IOException(
                    "The golden file has " + expected.length + " values where the model has " + found.length);
        }
        for (int i = 0; i < expected.length; i++) {
            double d = (double) found[i] - expected[i];
            difference += d * d;
            norm += (double) expected[i] * expected[i];
        }
    }

    void add(Difference other) {
        difference += other.difference;
        norm += other.norm;
    }

    double absolute() {
        return Math.sqrt(difference);
    }

    /** Infinite if anything is not a number. */
    double relative() {
        if (Double.isNaN(difference)) {
            return Double.POSITIVE_INFINITY;
        }
        return difference == 0 ? 0 : Math.sqrt(difference / norm);
    }
}
