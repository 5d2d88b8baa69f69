package io.github.vicmae.layer;

/**
 * How the optimizer treats a parameter.
 *
 * @param rateScale what the learning rate is multiplied with, as for layer decay (Clark et al. 2020)
 * @param frozen whether the parameter keeps its value: neither step nor weight decay, and its gradient does not count for the norm
 * @param decayed whether weight decay applies to it, if it is one of those that {@linkplain Parameter#isDecayed usually} have it
 */
public record ParameterGroup(double rateScale, boolean frozen, boolean decayed) {
    /** The full rate, and weight decay as usual. */
    public static final ParameterGroup TRAINED = new ParameterGroup(1, false, true);

    /** No change. */
    public static final ParameterGroup FROZEN = new ParameterGroup(1, true, true);

    /**
     * @throws IllegalArgumentException if the scale is negative or no number
     */
    public ParameterGroup {
        if (!(rateScale >= 0) || Double.isInfinite(rateScale)) {
            throw new IllegalArgumentException(
                    "A parameter's rate is scaled by a number of at least 0, not " + rateScale);
        }
    }

    /** The rate times a factor, and weight decay as usual. */
    public static ParameterGroup scaled(double rateScale) {
        return new ParameterGroup(rateScale, false, true);
    }

    /** The same without weight decay. */
    public ParameterGroup withoutDecay() {
        return new ParameterGroup(rateScale, frozen, false);
    }
}
