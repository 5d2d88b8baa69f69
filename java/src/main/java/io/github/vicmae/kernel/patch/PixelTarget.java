package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;

/**
 * What the masked patches' pixels are compared with.
 *
 * @param frames of a clip that are reconstructed, spread evenly from the first to the last: a patch that spans {@code tube} frames predicts
 *     {@code tube * frames / grid.frames()} of them
 * @param normalisation of a patch's pixels
 * @param deviation [channels], what normalised views were divided by, multiplied back before channels are normalised; or null
 */
public record PixelTarget(int frames, Normalisation normalisation, Tensor deviation) {
    /** How a target is normalised, always to (x - mean) / sqrt(variance + 1e-6) with the unbiased variance. */
    public enum Normalisation {
        /** Not at all. */
        NONE,
        /** By its patch's mean and variance (He et al. 2022). */
        PATCH,
        /** By the mean and variance of its patch and channel (Girdhar et al. 2023). */
        CHANNEL
    }

    /** All frames, normalised by patch or not at all. */
    public static PixelTarget of(PatchGrid grid, boolean normPix) {
        return new PixelTarget(grid.frames(), normPix ? Normalisation.PATCH : Normalisation.NONE, null);
    }

    /**
     * Frames that each patch predicts.
     *
     * @throws IllegalArgumentException if the clip has fewer frames than are wanted, or they cannot be shared out evenly
     */
    public int tube(PatchGrid grid) {
        if (frames < 1 || frames > grid.frames() || frames % grid.times() != 0) {
            throw new IllegalArgumentException("A clip of " + grid.frames() + " frames in patches of " + grid.tube()
                    + " cannot have " + frames + " target frames: their number must be a multiple of "
                    + grid.times() + " and at most the clip's");
        }
        return frames / grid.times();
    }

    /** Values that are predicted for each patch, in (frame, row, column, channel) order. */
    public int patchSize(PatchGrid grid, int channels) {
        return Math.multiplyExact(Math.multiplyExact(tube(grid) * grid.patch(), grid.patch()), channels);
    }
}
