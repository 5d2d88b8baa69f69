package io.github.vicmae.model;

import io.github.vicmae.layer.Precision;

/**
 * How a model is computed, as opposed to what it is.
 *
 * @param precision of products and activations
 * @param recompute whether blocks compute their activations anew in the backward pass instead of keeping them; it changes no bit of the result
 */
public record Execution(Precision precision, boolean recompute) {
    /** Floats, activations kept. */
    public static final Execution DEFAULT = new Execution(Precision.FP32, false);
}
