package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.Shapes;

/** The gradients of trained positions (cuda/positions.cu; Feichtenhofer et al. 2022). */
public final class PositionKernels {
    private static final int THREADS = 128;

    private final Stream stream;
    private final Kernel sums;
    private final Kernel fold;

    public PositionKernels(Stream stream) {
        this.stream = stream;
        sums = stream.device().kernel("positions", "position_sums", "pppiiiii");
        fold = stream.device().kernel("positions", "position_fold", "ppppiiii");
    }

    /** Floats of scratch that {@link #backward} needs. */
    public static long scratchSize(PatchGrid grid, int width) {
        return (long) grid.tokens() * width;
    }

    /**
     * Adds the positions' gradients.
     *
     * @param gradients of the tables that were added to the tokens, floats, added to
     * @param dtokens [samples, grid.tokens(kept), width], the tokens' gradient
     * @param restore [samples, patches] integers, each patch's rank: those below {@code kept} are the samples' tokens, in the order of their
     *     ranks; or null if all patches are, in order
     * @param kept patches of each sample; all of them if restore is null
     * @param scratch at least {@link #scratchSize} floats
     * @throws IllegalArgumentException if a tensor has another size
     */
    public void backward(
            PositionTables gradients,
            Tensor dtokens,
            Tensor restore,
            PatchGrid grid,
            int samples,
            int kept,
            int width,
            Tensor scratch) {
        gradients.check("positions", grid, width);
        Shapes.floats("positions", "dtokens", dtokens, samples, grid.tokens(kept), width);
        if (restore != null) {
            Shapes.ints("positions", "restore", restore, samples, grid.patches());
        } else if (kept != grid.patches()) {
            throw new IllegalArgumentException("positions cannot tell which " + kept + " of " + grid.patches()
                    + " patches are kept without restore");
        }
        Shapes.atLeast("positions", "scratch", scratch, scratchSize(grid, width));
        int strips = Reduce.strips(stream, width, THREADS, dtokens.dtype());
        stream.begin(sums).arg(scratch).arg(dtokens).argOrNull(restore);
        stream.arg(samples).arg(grid.patches()).arg(kept).arg(width).arg(grid.classTokens());
        stream.launch(grid.tokens(), strips, 1, THREADS, 0);
        int places = gradients.time() == null ? grid.patches() : grid.places();
        int times = gradients.time() == null ? 1 : grid.times();
        stream.begin(fold);
        gradients.pack(stream, grid, width);
        stream.arg(scratch).arg(places).arg(times).arg(width).arg(grid.classTokens());
        int rows = grid.classTokens() + places + (gradients.time() == null ? 0 : times);
        stream.launch(rows, strips, 1, THREADS, 0);
    }
}
