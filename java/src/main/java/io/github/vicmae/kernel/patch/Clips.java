package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;

/** Checks of the images and clips that kernels read. */
final class Clips {
    private Clips() {}

    /**
     * How many frames a tensor has for each of a grid's views: all, or one that is repeated.
     *
     * @throws IllegalArgumentException if it is not [samples, channels, frames, height, width] or [samples, channels, height, width] of floats
     */
    static int storedFrames(String kernel, Tensor images, PatchGrid grid, int samples, int channels) {
        long one = Math.multiplyExact(
                Math.multiplyExact((long) samples, channels), Math.multiplyExact((long) grid.height(), grid.width()));
        if (images.dtype() == DType.F32 && images.size() == one) {
            return 1;
        }
        if (images.dtype() != DType.F32 || images.size() != Math.multiplyExact(one, grid.frames())) {
            throw new IllegalArgumentException(kernel + " wants images as floats [" + samples + ", " + channels + ", "
                    + grid.frames() + " or 1, " + grid.height() + ", " + grid.width() + "] but was given " + images);
        }
        return grid.frames();
    }
}
