package io.github.vicmae.lab;

import java.util.Random;

/**
 * The gradient of a loss that is known only by its values: central differences with one step of Richardson extrapolation, which removes the error
 * of second order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h.
 */
final class CentralDifferences {
    /** For inputs around 1 at the temperature below; where logits are steeper, steps are smaller. */
    private static final double STEP = 0.01;

    private static final double STEP_TEMPERATURE = 0.1;
    /** The shorter of the two steps as a share of the longer; comparing them shows kinks. */
    private static final double FINER = 0.25;

    private final LossRun run;
    private final LossProblem problem;
    private final double step;

    /**
     * A gradient's elements.
     *
     * @param values estimated with the longer step
     * @param finer estimated with the shorter step: near a kink of the loss the two differ
     */
    record Elements(double[] values, double[] finer) {}

    CentralDifferences(LossRun run, LossProblem problem) {
        this.run = run;
        this.problem = problem;
        step = STEP * Math.min(1, problem.shape().temperature() / STEP_TEMPERATURE);
    }

    /** Each element of the gradient in the rows [R, D] (in the symmetric form a row's part as a column is in it) or the columns [K, D], times the weight. */
    Elements elements(boolean ofRows) {
        int size = values(ofRows).length;
        double[] coarse = new double[size];
        double[] fine = new double[size];
        float[] direction = new float[size];
        for (int i = 0; i < size; i++) {
            direction[i] = 1;
            coarse[i] = estimate(ofRows, direction, i, i + 1, step);
            fine[i] = estimate(ofRows, direction, i, i + 1, step * FINER);
        }
        restore(ofRows);
        return new Elements(coarse, fine);
    }

    /** The gradient in the rows or columns along a direction of as many elements, times the weight; {@link #restore} ends a row of these. */
    double along(boolean ofRows, float[] direction) {
        return estimate(ofRows, direction, 0, direction.length, step);
    }

    /** A direction of standard normal elements: the root mean square of its product with a gradient g is |g|. */
    static float[] randomDirection(int size, long seed) {
        Random random = new Random(seed);
        float[] direction = new float[size];
        for (int i = 0; i < size; i++) {
            direction[i] = (float) random.nextGaussian();
        }
        return direction;
    }

    private float[] values(boolean ofRows) {
        return ofRows ? problem.rows() : problem.columns();
    }

    /** Along the elements from..to - 1 of a direction; the others count as 0. */
    private double estimate(boolean ofRows, float[] direction, int from, int to, double h) {
        float[] moved = values(ofRows).clone();
        double sum = 0;
        for (int steps : new int[] {-2, -1, 1, 2}) {
            for (int i = from; i < to; i++) {
                moved[i] = (float) (values(ofRows)[i] + steps * h * direction[i]);
            }
            double loss = ofRows ? run.loss(moved, null) : run.loss(null, moved);
            sum += loss * (Math.abs(steps) == 1 ? 8 * steps : -Integer.signum(steps));
        }
        return problem.weight() * sum / (12 * h);
    }

    /** Puts the original values back on the device. */
    void restore(boolean ofRows) {
        if (ofRows) {
            run.loss(problem.rows(), null);
        } else {
            run.loss(null, problem.columns());
        }
    }
}
