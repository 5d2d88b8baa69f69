package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Device;

/**
 * How InfoNCE's work is divided. Tests divide small problems the way large ones are.
 *
 * @param library whether the CPU's library for matrix products is used
 * @param panel rows and columns of logits that the library makes at once
 * @param strips of rows, and of columns, in the forward pass at most: partial sums are linear in the rows because of it
 * @param normalizedInTiles up to so many rows and columns tiles normalise them, and the forward pass is one launch
 * @param gradientBlocks blocks of the gradient that there should be, even where rows are few
 */
record InfoNceTuning(boolean library, int panel, int strips, int normalizedInTiles, int gradientBlocks) {
    /**
     * Panels of two megabytes, which the cores' second-level caches nearly hold. Rows are normalised in tiles while there are no more jobs than
     * a large card has multiprocessors: beyond that, rows that are read again and again cost more than a second launch.
     */
    static InfoNceTuning of(Device device) {
        return new InfoNceTuning(true, 768, 64, 2048, 2 * device.partialBlocks());
    }
}
