package io.github.vicmae.cli.evidence;

import io.github.vicmae.eval.Scores;
import java.util.List;

/**
 * The accuracies of several trainings that differ in their seeds, on one test set.
 *
 * @param seeds trainings
 * @param mean of their accuracies, 0 to 1
 * @param deviation standard deviation over them (n - 1), not a number for one
 * @param testError standard error of the mean accuracy as a share of the test samples: another test set would give another accuracy
 */
record Figures(int seeds, double mean, double deviation, double testError) {
    /** A difference of less than so many standard errors is a tie. */
    private static final double TIE = 2;

    /**
     * @param accuracies at least one
     * @param samples of the test set
     */
    static Figures of(List<Double> accuracies, int samples) {
        int n = accuracies.size();
        double mean =
                accuracies.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        double squares =
                accuracies.stream().mapToDouble(a -> (a - mean) * (a - mean)).sum();
        return new Figures(
                n, mean, n > 1 ? Math.sqrt(squares / (n - 1)) : Double.NaN, Scores.standardError(mean, samples));
    }

    /** The squared standard error of the mean, of seeds and test set together. */
    private double variance() {
        double ofSeeds = seeds > 1 ? deviation * deviation / seeds : 0;
        return ofSeeds + testError * testError;
    }

    /**
     * Whether this mean and another may well be equal: their difference is less than two standard errors. The test samples are the same for both, which would
     * make it more certain; that is not counted, so that a difference that is not called a tie is a safe one.
     */
    boolean ties(Figures other) {
        return Math.abs(mean - other.mean) < TIE * Math.sqrt(variance() + other.variance());
    }
}
