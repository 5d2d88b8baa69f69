package io.github.vicmae.layer;

/**
 * How the optimizer treats a parameter.
 *
 * @param rateScale what the learning rate is multiplied with, as for layer decay (Clark et al. 2020)
 * @param frozen whether the parameter keeps its value: neither step nor weight decay, and its gradient does not count for the norm
 */
public record ParameterGroup(double rateScale, boolean frozen) {
    /** The full rate. */
    public static final ParameterGroup TRAINED = new ParameterGroup(1, false);

    /** No change. */
    public static final ParameterGroup FROZEN = new ParameterGroup(1, true);

    /**
     * @throws IllegalArgumentException if the scale is negative or no number
     */
    public ParameterGroup {
        if (!(rateScale >= 0) || Double.isInfinite(rateScale)) {
            throw new IllegalArgumentException(
                    "A parameter's rate is scaled by a number of at least 0, not " + rateScale);
        }
    }
}
