package io.github.vicmae.model;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;

/**
 * How a model is computed, as opposed to what it is.
 *
 * @param precision of products and activations
 * @param recompute whether blocks compute their activations anew in the backward pass instead of keeping them; it changes no bit of the result
 * @param inputs how many inputs there are, at least 1: with 2, one can be uploaded while a step works on the other
 */
public record Execution(Precision precision, boolean recompute, int inputs) {
    /** Floats, activations kept, one input. */
    public static final Execution DEFAULT = new Execution(Precision.FP32, false, 1);

    public Execution {
        if (inputs < 1) {
            throw new IllegalArgumentException("A model has at least one input, not " + inputs);
        }
    }

    /** The inputs that training uses: two on a GPU, to which one is uploaded while the other is computed; on the CPU there is nothing to overlap. */
    public static int inputs(Device.Kind kind) {
        return kind == Device.Kind.CPU ? 1 : 2;
    }

    /** One input. */
    public static Execution of(Precision precision) {
        return new Execution(precision, false, 1);
    }
}
