package io.github.vicmae.report;

import java.util.Arrays;

/**
 * The values of one metric against the training step, with NaN where a value was not finite.
 *
 * @param steps ascending as a rule; a resumed run may repeat one
 * @param values the recorded values
 * @param smooth the mean over the surrounding {@code window} values, with the window cut at both ends
 * @param window the number of values in the mean; 1 for none
 */
record Curve(double[] steps, double[] values, double[] smooth, int window) {
    /** Makes a curve with a window of about two percent of the values. */
    static Curve of(double[] steps, double[] values) {
        int half = values.length < 50 ? 0 : Math.max(1, values.length / 100);
        return new Curve(steps, values, half == 0 ? values.clone() : movingMean(values, half), 2 * half + 1);
    }

    private static double[] movingMean(double[] values, int half) {
        double[] means = new double[values.length];
        double sum = 0;
        int count = 0;
        for (int i = -half; i < values.length; i++) {
            int entering = i + half;
            int leaving = i - half - 1;
            if (entering < values.length && !Double.isNaN(values[entering])) {
                sum += values[entering];
                count++;
            }
            if (leaving >= 0 && !Double.isNaN(values[leaving])) {
                sum -= values[leaving];
                count--;
            }
            if (i >= 0) {
                means[i] = count == 0 ? Double.NaN : sum / count;
            }
        }
        return means;
    }

    /**
     * Thins the curve out: of each of {@code most / 2} equal stretches, the smallest and the largest value stay, so that
     * no peak is lost. The first and the last value always stay, and so does one NaN of a stretch without a number.
     */
    Curve thinned(int most) {
        if (values.length <= most) {
            return this;
        }
        int stretches = Math.max(1, most / 2 - 1);
        boolean[] keep = new boolean[values.length];
        keep[0] = true;
        keep[values.length - 1] = true;
        for (int s = 0; s < stretches; s++) {
            int from = (int) ((long) values.length * s / stretches);
            int to = (int) ((long) values.length * (s + 1) / stretches);
            int lowest = from;
            int highest = from;
            for (int i = from; i < to; i++) {
                lowest = values[i] < values[lowest] || Double.isNaN(values[lowest]) ? i : lowest;
                highest = values[i] > values[highest] || Double.isNaN(values[highest]) ? i : highest;
            }
            keep[lowest] = true;
            keep[highest] = true;
        }
        return new Curve(select(steps, keep), select(values, keep), select(smooth, keep), window);
    }

    private static double[] select(double[] from, boolean[] keep) {
        double[] selected = new double[from.length];
        int count = 0;
        for (int i = 0; i < from.length; i++) {
            if (keep[i]) {
                selected[count++] = from[i];
            }
        }
        return Arrays.copyOf(selected, count);
    }

    /** Returns the step and value of the smallest finite value, or null if there is none. */
    double[] smallest() {
        double[] found = null;
        for (int i = 0; i < values.length; i++) {
            if (!Double.isNaN(values[i]) && (found == null || values[i] < found[1])) {
                found = new double[] {steps[i], values[i]};
            }
        }
        return found;
    }

    double largest() {
        return Arrays.stream(values).filter(v -> !Double.isNaN(v)).max().orElse(Double.NaN);
    }

    double mean() {
        return Arrays.stream(values).filter(v -> !Double.isNaN(v)).average().orElse(Double.NaN);
    }
}
