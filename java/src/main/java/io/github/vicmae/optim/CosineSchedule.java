package io.github.vicmae.optim;

/**
 * Linear warm-up to the peak rate, then half a cosine to zero, updated every step (Loshchilov and Hutter 2017; MAE's settings).
 *
 * @param peak the rate after the warm-up: base rate * effective batch / 256
 * @param warmupSteps steps of warm-up
 * @param totalSteps steps in all
 */
public record CosineSchedule(double peak, long warmupSteps, long totalSteps) implements RateSchedule {
    public CosineSchedule {
        RateSchedule.check(peak, warmupSteps, totalSteps);
    }

    @Override
    public double at(long step) {
        if (step < warmupSteps) {
            return peak * step / warmupSteps;
        }
        double progress = (step - warmupSteps) / (double) Math.max(1, totalSteps - warmupSteps);
        return peak * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
    }
}
