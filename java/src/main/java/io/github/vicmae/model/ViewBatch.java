package io.github.vicmae.model;

import io.github.vicmae.kernel.PatchGrid;

/**
 * Views that a step encodes together. Most methods have one such batch; one that trains on images and clips at once has one of each.
 *
 * @param name what the batch is called, empty if there is only one
 * @param grid how its views are cut into tokens
 * @param frames stored frames of a view: those of the grid, or 1: a picture that is repeated for all of them
 * @param channels of a frame
 * @param views of a sample
 * @param extra how many of the views, the last ones, are encoded and not reconstructed
 * @param batch samples
 * @param kept visible patches of a view
 */
public record ViewBatch(
        String name, PatchGrid grid, int frames, int channels, int views, int extra, int batch, int kept) {
    /**
     * @throws IllegalArgumentException if the frames are not those of the grid, or no patch is visible
     */
    public ViewBatch {
        if (extra < 0 || extra >= views) {
            throw new IllegalArgumentException(
                    "Of " + views + " views at least one must be reconstructed, so that " + extra + " cannot be extra");
        }
        if (frames != 1 && frames != grid.frames()) {
            throw new IllegalArgumentException("A view of " + frames + " frames does not suit " + grid);
        }
        if (kept < 1 || kept > grid.patches()) {
            throw new IllegalArgumentException(
                    "A view must have 1 to " + grid.patches() + " visible patches, not " + kept);
        }
    }

    /** Views of all samples, N. */
    public int samples() {
        return Math.multiplyExact(views, batch);
    }

    /** The views that are reconstructed: the first ones. */
    public ViewBatch reconstructed() {
        return new ViewBatch(name, grid, frames, channels, views - extra, 0, batch, kept);
    }

    /** Patches of a view, L. */
    public int patches() {
        return grid.patches();
    }

    /** Tokens of a view that the encoder sees. */
    public int tokens() {
        return grid.tokens(kept);
    }

    /** The shape of all views: [N, C, T, H, W], or [N, C, H, W] where one frame is stored. */
    int[] shape() {
        return frames == 1
                ? new int[] {samples(), channels, grid.height(), grid.width()}
                : new int[] {samples(), channels, frames, grid.height(), grid.width()};
    }
}
