package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Shapes;
import io.github.vicmae.kernel.TypedKernel;

/** The reconstruction loss of masked patches and its gradient, in one pass (cuda/masked_mse.cu; He et al. 2022). */
public final class MaskedMseKernels {
    /** Few, so that many patches are in flight at once. */
    private static final int THREADS = 64;

    private static final int FINISH_THREADS = 1024;
    /** The shared memory that every GPU gives a block by default, 48 KiB, less what the block's sums take. */
    private static final int MAX_PIXELS = 12_000;

    private final Stream stream;
    private final TypedKernel rowLosses;
    private final TypedKernel clipRowLosses;
    private final Kernel finish;

    public MaskedMseKernels(Stream stream) {
        this.stream = stream;
        rowLosses = TypedKernel.of(stream.device(), "masked_mse", "masked_mse_rows", "ppppppiiiiiiiiiiiifp");
        clipRowLosses = TypedKernel.of(stream.device(), "masked_mse", "masked_mse_clip_rows", "ppppppiiiiiiiiiiiifp");
        finish = stream.device().kernel("masked_mse", "masked_mse_finish", "ppilf");
    }

    /** Floats of scratch that {@link #forwardBackward} needs: one for each row of the prediction. */
    public static long scratchSize(PatchGrid grid, int samples) {
        return (long) samples * grid.tokens();
    }

    /**
     * Each view's loss, the mean over its masked patches of the mean over pixels of (pred - target)^2, and the gradient of {@code weight}
     * times the mean over views. Where nothing is masked both are 0.
     *
     * @param loss [views], written
     * @param dpred [samples, grid.tokens(), target.patchSize(grid, channels)], pred's type, written; zero in the class row, if there is one, and at visible patches
     * @param pred [samples, grid.tokens(), target.patchSize(grid, channels)], floats or bfloat16, pixels in (frame, row, column,
     *     channel) order
     * @param images [samples, channels, frames, height, width], the samples of view 0 first; or images [samples, channels, height, width] that
     *     are repeated for all frames
     * @param restore [samples, patches] integers, each row a permutation; a patch is masked where it is at least {@code kept}
     * @param samples of all views together
     * @param target which frames, and how they are normalised
     * @param weight [1], on the device
     * @param scratch at least {@link #scratchSize} floats
     * @throws IllegalArgumentException if the samples are not divisible into views, or a shape is wrong
     */
    public void forwardBackward(
            Tensor loss,
            Tensor dpred,
            Tensor pred,
            Tensor images,
            Tensor restore,
            PatchGrid grid,
            int views,
            int samples,
            int channels,
            int kept,
            PixelTarget target,
            Tensor weight,
            Tensor scratch) {
        if (samples % views != 0) {
            throw new IllegalArgumentException(samples + " samples are not divisible into " + views + " views");
        }
        int patches = grid.patches();
        int pixels = target.patchSize(grid, channels);
        int least = target.normalisation() == PixelTarget.Normalisation.CHANNEL ? 2 * channels : 2;
        if (pixels > MAX_PIXELS || (target.normalisation() != PixelTarget.Normalisation.NONE && pixels < least)) {
            throw new IllegalArgumentException("maskedMse takes patches of " + least + " to " + MAX_PIXELS
                    + " values, but those of " + grid + " with " + channels + " channels have " + pixels);
        }
        if (kept < 0 || kept > patches) {
            throw new IllegalArgumentException("maskedMse cannot keep " + kept + " of " + patches + " patches");
        }
        Shapes.floats("maskedMse", "loss", loss, views);
        Shapes.typed("maskedMse", "dpred", dpred, pred.dtype(), samples, grid.tokens(), pixels, 1);
        Shapes.typed("maskedMse", "pred", pred, pred.dtype(), samples, grid.tokens(), pixels, 1);
        int stored = Clips.storedFrames("maskedMse", images, grid, samples, channels);
        if (target.deviation() != null) {
            Shapes.floats("maskedMse", "deviation", target.deviation(), channels);
        }
        Shapes.ints("maskedMse", "restore", restore, samples, patches);
        Shapes.floats("maskedMse", "weight", weight, 1);
        Shapes.atLeast("maskedMse", "scratch", scratch, scratchSize(grid, samples));

        double masked = (double) (samples / views) * (patches - kept); // of one view
        float mean = masked == 0 ? 0 : (float) (1 / masked);
        float slope = masked == 0 ? 0 : (float) (2 / (masked * views * pixels));
        boolean clip = grid.frames() > 1 || target.normalisation() == PixelTarget.Normalisation.CHANNEL;
        stream.begin((clip ? clipRowLosses : rowLosses).form(pred))
                .arg(scratch)
                .arg(dpred)
                .arg(pred)
                .arg(images)
                .arg(restore)
                .argOrNull(target.deviation());
        stream.arg(samples).arg(channels).arg(grid.frames()).arg(stored).arg(target.frames());
        stream.arg(grid.height()).arg(grid.width()).arg(target.tube(grid)).arg(grid.patch());
        stream.arg(kept).arg(grid.classTokens()).arg(target.normalisation().ordinal());
        stream.arg(slope).arg(weight);
        stream.launch(Math.multiplyExact(samples, grid.tokens()), 1, 1, THREADS, pixels * Float.BYTES);
        stream.begin(finish).arg(loss).arg(scratch).arg(views).arg((long) (samples / views) * grid.tokens());
        stream.arg(mean).launch(views, FINISH_THREADS);
    }
}
