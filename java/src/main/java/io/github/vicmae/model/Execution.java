package io.github.vicmae.model;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;

/**
 * How a model is computed: nothing here changes what it computes, beyond rounding.
 *
 * @param precision of products and activations
 * @param recompute whether blocks recompute their activations in the backward pass instead of keeping them; the result is the same to the bit
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

    /** How many inputs training uses: two on a GPU, so that uploads overlap with computation; one on the CPU. */
    public static int inputs(Device.Kind kind) {
        return kind == Device.Kind.CPU ? 1 : 2;
    }

    /** One input. */
    public static Execution of(Precision precision) {
        return new Execution(precision, false, 1);
    }
}
