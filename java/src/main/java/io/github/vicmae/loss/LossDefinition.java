package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;

/** A contrastive loss that can be made for any shape: a built-in one, or a user's own. */
public interface LossDefinition {
    /** The name: {@code infonce}, or that of a source file. */
    String name();

    /** A description in one sentence. */
    String description();

    /** Whether columns beyond the rows can be used, as negatives. */
    default boolean extraColumns() {
        return true;
    }

    /**
     * Creates the loss and declares its memory, before arena and scratch are allocated.
     *
     * @param kernels of the stream that it will run on
     * @throws IllegalArgumentException if the loss does not support the shape
     * @throws io.github.vicmae.device.DeviceException if a kernel cannot be loaded
     */
    ContrastiveLoss create(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape);
}
