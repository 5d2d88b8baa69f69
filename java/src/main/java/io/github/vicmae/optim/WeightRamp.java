package io.github.vicmae.optim;

import java.util.Locale;

/**
 * The contrastive loss's weight lambda over training. It stays at 0 until {@code start}, rises to {@code value} until {@code end}, and stays.
 *
 * @param shape how it rises
 * @param start where it begins to rise, as a share of all steps
 * @param end where it reaches its value, as a share of all steps; {@code start} for a step
 * @param value the final weight
 */
public record WeightRamp(Shape shape, double start, double end, double value) {
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
