package io.github.vicmae.optim;

/**
 * Linear warm-up to the peak rate, which then stays until a linear cooldown to zero at the end (Hägele et al. 2024). The steps before the
 * cooldown do not depend on the length of the run, so that it can be extended.
 *
 * @param peak the rate after the warm-up
 * @param warmupSteps steps of warm-up
 * @param cooldownSteps steps of cooldown, the last ones of the run
 * @param totalSteps steps in all
 */
public record ConstantSchedule(double peak, long warmupSteps, long cooldownSteps, long totalSteps)
        implements RateSchedule {
    public ConstantSchedule {
        RateSchedule.check(peak, warmupSteps, totalSteps);
        if (cooldownSteps < 0 || cooldownSteps > totalSteps) {
            throw new IllegalArgumentException(
                    "A cooldown of " + cooldownSteps + " steps does not fit into a run of " + totalSteps);
        }
    }

    @Override
    public double at(long step) {
        if (step < warmupSteps) {
            return peak * step / warmupSteps;
        }
        long left = totalSteps - step;
        return left >= cooldownSteps ? peak : peak * Math.max(0, left) / cooldownSteps;
    }
}
