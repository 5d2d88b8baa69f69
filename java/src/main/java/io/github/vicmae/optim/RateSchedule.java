package io.github.vicmae.optim;

/** The learning rate of each step. */
public interface RateSchedule {
    /** The rate of the step with this number, from 0. */
    double at(long step);

    /**
     * @throws IllegalArgumentException if the rate is not finite, or a number of steps is negative
     */
    static void check(double peak, long warmupSteps, long totalSteps) {
        if (!(peak >= 0) || Double.isInfinite(peak)) {
            throw new IllegalArgumentException("The learning rate must be a number of at least 0, not " + peak);
        }
        if (warmupSteps < 0 || totalSteps < 1) {
            throw new IllegalArgumentException("A schedule needs at least one step, and no negative warm-up");
        }
    }
}
