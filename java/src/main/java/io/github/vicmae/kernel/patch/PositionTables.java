package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Shapes;

/**
 * The positions that are added to tokens, or their gradients: one row for each patch, or one for each place of a frame plus one for each time.
 *
 * @param space [patches, width]; with {@code time} [places, width]. A grid with a class token whose position is not given by
 *     {@code classToken} has that position as the first of {@code 1 + patches} or {@code 1 + places} rows. A table without {@code time} may be
 *     longer than the grid has patches; the rest is not used.
 * @param time [times, width], or null
 * @param classToken [width], or null
 */
public record PositionTables(Tensor space, Tensor time, Tensor classToken) {
    /** One row for each token. */
    public static PositionTables of(Tensor space) {
        return new PositionTables(space, null, null);
    }

    /**
     * @throws IllegalArgumentException if a table has another size than the grid's tokens need
     */
    void check(String kernel, PatchGrid grid, int width) {
        long rows = time == null ? grid.patches() : grid.places();
        long wanted = (classRows(grid) + rows) * width;
        if (time == null) {
            Shapes.atLeast(kernel, "positions", space, wanted);
        } else {
            Shapes.floats(kernel, "positions in space", space, wanted);
            Shapes.floats(kernel, "positions in time", time, grid.times(), width);
        }
        if (classToken != null) {
            Shapes.floats(kernel, "the class token's position", classToken, width);
        }
    }

    private int classRows(PatchGrid grid) {
        return classToken == null ? grid.classTokens() : 0;
    }

    /** Packs the class token's position (null without one), the first patch's, and the first time's (null without them). */
    void pack(Stream stream, PatchGrid grid, int width) {
        stream.argOrNull(!grid.classToken() ? null : classToken != null ? classToken : space);
        stream.arg(space, (long) classRows(grid) * width);
        stream.argOrNull(time);
    }
}
