package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** The masked reconstruction loss with its gradient (cuda/masked_mse.cu; He et al. 2022). */
public final class MaskedMseKernels {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel patches;
    private final Kernel finish;

    public MaskedMseKernels(Stream stream) {
        this.stream = stream;
        patches = stream.device().kernel("masked_mse", "masked_mse", "ppppppiiiiiiii");
        finish = stream.device().kernel("masked_mse", "masked_mse_finish", "ppiiii");
    }

    /** Floats of scratch that {@link #forwardBackward} needs: one for each patch. */
    public static long scratchSize(Stream stream, int samples, int patches) {
        return (long) samples * patches;
    }

    /**
     * Loss of each view, and the gradient of weight times their mean.
     *
     * @param loss [views], written; 0 if nothing is masked
     * @param dpred [samples, 1 + L, p * p * C], written; zero in class rows and at visible patches
     * @param pred [samples, 1 + L, p * p * C], pixels in (row, column, channel) order
     * @param images [samples, C, H, W], the first view's samples first
     * @param restore [samples, L] integers; a patch is masked if its number is at least {@code kept}
     * @param views how many; divides {@code samples}
     * @param samples of all views together
     * @param normPix whether each target patch is normalised by its own mean and unbiased variance + 1e-6
     * @param weight [1], of the loss
     * @param scratch at least {@link #scratchSize} floats
     */
    public void forwardBackward(
            Tensor loss,
            Tensor dpred,
            Tensor pred,
            Tensor images,
            Tensor restore,
            int views,
            int samples,
            int channels,
            int height,
            int width,
            int patch,
            int kept,
            boolean normPix,
            Tensor weight,
            Tensor scratch) {
        int count = (height / patch) * (width / patch);
        int size = patch * patch * channels;
        Shapes.floats("maskedMse", "loss", loss, views);
        Shapes.floats("maskedMse", "dpred", dpred, samples, 1 + count, size);
        Shapes.floats("maskedMse", "pred", pred, samples, 1 + count, size);
        Shapes.floats("maskedMse", "images", images, samples, channels, height, width);
        Shapes.ints("maskedMse", "restore", restore, samples, count);
        Shapes.floats("maskedMse", "weight", weight, 1);
        Shapes.atLeast("maskedMse", "scratch", scratch, scratchSize(stream, samples, count));
        if (samples % views != 0) {
            throw new IllegalArgumentException("maskedMse cannot split " + samples + " samples into " + views + " views");
        }
        stream.begin(patches).arg(scratch).arg(dpred).arg(pred).arg(images).arg(restore).arg(weight);
        stream.arg(samples).arg(views).arg(channels).arg(height).arg(width).arg(patch).arg(kept).arg(normPix ? 1 : 0);
        stream.launch(samples * (1 + count), 1, 1, THREADS, size * Float.BYTES);
        stream.begin(finish).arg(loss).arg(scratch).arg(samples).arg(views).arg(count).arg(kept).launch(views, THREADS);
    }
}
