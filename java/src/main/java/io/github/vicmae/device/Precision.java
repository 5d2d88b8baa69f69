package io.github.vicmae.device;

import java.util.Locale;

/**
 * What matrix products read and activations are stored in. Sums, statistics, losses, the residual stream with its gradient, parameters, their
 * gradients and the optimizer are floats in either: a residual stream of bfloat16 would lose what each of its many blocks adds.
 */
public enum Precision {
    /** Floats everywhere. */
    FP32(DType.F32),
    /** bfloat16 activations, and a bfloat16 copy of the weights for the products (mixed precision; Micikevicius et al. 2018). */
    BF16(DType.BF16);

    private final DType dtype;

    Precision(DType dtype) {
        this.dtype = dtype;
    }

    /** The type of activations. */
    public DType dtype() {
        return dtype;
    }

    /**
     * @throws IllegalArgumentException if there is no such precision
     */
    public static Precision of(String name) {
        for (Precision p : values()) {
            if (p.name().equalsIgnoreCase(name)) {
                return p;
            }
        }
        throw new IllegalArgumentException("There is no precision '" + name + "': use fp32 or bf16");
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
