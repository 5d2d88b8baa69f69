package io.github.vicmae.optim;

import io.github.vicmae.settings.Setting;
import java.util.Locale;

/** The contrastive loss's weight lambda over training. It stays at 0 until {@code start}, rises to {@code value} until {@code end}, and stays. */
public record WeightRamp(
        @Setting(
                flag = "--lambda-ramp",
                label = "constant|linear|cosine",
                description = "how the weight of the contrastive loss rises",
                shownDefault = "linear; constant with --preset release")
        Shape shape,

        @Setting(
                flag = "--lambda-start",
                description = "where the ramp begins, as a share of the run",
                value = "0",
                range = "[0, 1]")
        double start,

        @Setting(
                flag = "--lambda-end",
                description = "where the ramp ends, as a share of the run",
                value = "0.5",
                range = "[0, 1]")
        double end,

        @Setting(
                flag = "--lambda",
                description = "final weight of the contrastive loss",
                value = "0.03",
                range = "[0, inf)")
        double value) {
    /** The forms of the rise. */
    public enum Shape {
        CONSTANT,
        LINEAR,
        COSINE;

        /**
         * @throws IllegalArgumentException if there is no such shape
         */
        public static Shape of(String name) {
            for (Shape s : values()) {
                if (s.name().equalsIgnoreCase(name)) {
                    return s;
                }
            }
            throw new IllegalArgumentException("There is no ramp '" + name + "': use constant, linear or cosine");
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public WeightRamp {
        if (!(start >= 0 && start <= end && end <= 1)) {
            throw new IllegalArgumentException("A ramp needs 0 <= start <= end <= 1, not " + start + " and " + end);
        }
        if (!(value >= 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException("The contrastive weight must be a number of at least 0, not " + value);
        }
    }

    /** The same weight from the first step to the last. */
    public static WeightRamp constant(double value) {
        return new WeightRamp(Shape.CONSTANT, 0, 0, value);
    }

    /** Lambda at a step, from 0, of {@code total}. */
    public double at(long step, long total) {
        double progress = step / (double) total;
        if (shape == Shape.CONSTANT || progress >= end) {
            return value;
        }
        if (progress <= start) {
            return 0;
        }
        double t = (progress - start) / (end - start);
        return value * (shape == Shape.LINEAR ? t : 0.5 * (1 - Math.cos(Math.PI * t)));
    }
}
