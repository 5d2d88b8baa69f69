package io.github.vicmae.lab;

/**
 * The gradient of a loss of which nothing is known but itself: from its values at small steps to both sides of each element, with the error in
 * the step's square taken out (Richardson): (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h.
 */
final class CentralDifferences {
    private static final float STEP = 0.01f;

    private final LossRun run;
    private final LossProblem problem;

    CentralDifferences(LossRun run, LossProblem problem) {
        this.run = run;
        this.problem = problem;
    }

    /** Times the weight, [R, D]; in the symmetric form a row's part as a column is in it. */
    double[] rows() {
        return of(problem.rows(), true);
    }

    /** Times the weight, [K, D]. */
    double[] columns() {
        return of(problem.columns(), false);
    }

    private double[] of(float[] values, boolean areRows) {
        double[] gradient = new double[values.length];
        float[] moved = values.clone();
        for (int i = 0; i < values.length; i++) {
            double sum = 0;
            for (int step : new int[] {-2, -1, 1, 2}) {
                moved[i] = values[i] + step * STEP;
                double loss = areRows ? run.loss(moved, null) : run.loss(null, moved);
                sum += loss * (Math.abs(step) == 1 ? 8 * step : -Integer.signum(step));
            }
            moved[i] = values[i];
            gradient[i] = problem.weight() * sum / (12 * STEP);
        }
        if (areRows) {
            run.loss(values, null);
        } else {
            run.loss(null, values);
        }
        return gradient;
    }
}
