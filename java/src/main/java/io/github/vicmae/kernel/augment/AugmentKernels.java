package io.github.vicmae.kernel.augment;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;

/**
 * Random views from crops of uint8 frames (cuda/augment.cu, cuda/augment_colour.cu): antialiased resizing, flip, colour jitter, grayscale,
 * Gaussian blur, solarization and normalisation, as {@code data.ViewWriter} does them on the host.
 */
public final class AugmentKernels {
    private static final int THREADS = 256;
    private static final int RESIZE_THREADS = 128;
    // kPixels and kBlurRows of the kernels: what one block takes.
    private static final int PIXELS = 512;
    private static final int BLUR_ROWS = 8;

    private final Stream stream;
    private final Kernel taps;
    private final Kernel[] resize = new Kernel[4];
    private final Kernel colour;
    private final Kernel blurRows;
    private final Kernel blurColumns;

    public AugmentKernels(Stream stream) {
        this.stream = stream;
        Device device = stream.device();
        taps = device.kernel("augment", "augment_taps", "pppiiiiii");
        for (int c = 0; c < resize.length; c++) {
            resize[c] = device.kernel("augment", "augment_resize_" + (c + 1), "pppppppiiiiii");
        }
        colour = device.kernel("augment_colour", "augment_colour", "ppppiiii");
        blurRows = device.kernel("augment_colour", "augment_blur_rows", "pppiiiii");
        blurColumns = device.kernel("augment_colour", "augment_blur_columns", "ppppiiiii");
    }

    /**
     * Makes views: two launches, one more if the workspace has jitter and two more if it has blur, for each {@link AugmentWorkspace#views()} of
     * them. They are the same whatever the draws, so the calls can be captured.
     *
     * @param images [views, channels, frames, height, width], written
     * @param frames bytes, a multiple of four; what the draws point to
     * @param draws [views, frames, {@link AugmentDraws#WORDS}] integers; no crop may be larger than the workspace's shape says, and no view may have
     *     jitter or blur that the workspace was not planned for
     * @param normalisation [2, channels]: what a channel in [0, 1] is multiplied by, and what is added then
     * @param workspace of this stream's device
     */
    public void make(Tensor images, Tensor frames, Tensor draws, Tensor normalisation, AugmentWorkspace workspace) {
        AugmentShape shape = workspace.shape();
        int rows = Math.toIntExact(draws.size() / AugmentDraws.WORDS);
        int views = rows / shape.frames();
        Shapes.ints("augment", "draws", draws, (long) views * shape.frames(), AugmentDraws.WORDS);
        Shapes.floats(
                "augment",
                "images",
                images,
                views,
                (long) shape.channels() * shape.frames(),
                shape.height(),
                shape.width());
        Shapes.typed("augment", "frames", frames, DType.U8, frames.size() / Integer.BYTES, Integer.BYTES);
        Shapes.floats("augment", "normalisation", normalisation, 2, shape.channels());
        for (int first = 0; first < rows; first += workspace.views()) {
            int count = Math.min(workspace.views(), rows - first);
            resize(images, frames, draws, normalisation, workspace, first, count);
            if (workspace.hasJitter()) {
                jitter(images, draws, normalisation, workspace, first, count);
            }
            if (workspace.hasBlur()) {
                blur(images, draws, normalisation, workspace, first, count);
            }
        }
    }

    private void resize(
            Tensor images,
            Tensor frames,
            Tensor draws,
            Tensor normalisation,
            AugmentWorkspace workspace,
            int first,
            int count) {
        AugmentShape shape = workspace.shape();
        stream.begin(taps)
                .arg(workspace.places())
                .arg(workspace.weights())
                .arg(draws, (long) first * AugmentDraws.WORDS);
        stream.arg(count).arg(shape.height()).arg(shape.width());
        stream.arg(shape.strideY()).arg(shape.strideX()).arg(shape.bicubic() ? 1 : 0);
        stream.launch(blocks((long) count * (shape.height() + shape.width()), THREADS), THREADS);

        stream.begin(resize[shape.channels() - 1])
                .arg(images, (long) first * shape.frameSize())
                .arg(workspace.lumaSums())
                .arg(frames)
                .arg(draws, (long) first * AugmentDraws.WORDS)
                .arg(workspace.places())
                .arg(workspace.weights())
                .arg(normalisation);
        stream.arg(count).arg(shape.height()).arg(shape.width());
        stream.arg(shape.strideY()).arg(shape.strideX()).arg(shape.frames());
        stream.launch(Math.multiplyExact(count, shape.parts()), RESIZE_THREADS);
    }

    private void jitter(
            Tensor images, Tensor draws, Tensor normalisation, AugmentWorkspace workspace, int first, int count) {
        AugmentShape shape = workspace.shape();
        int pixels = shape.height() * shape.width();
        stream.begin(colour)
                .arg(images, (long) first * shape.frameSize())
                .arg(workspace.lumaSums())
                .arg(draws, (long) first * AugmentDraws.WORDS)
                .arg(normalisation);
        stream.arg(count).arg(pixels).arg(shape.parts()).arg(shape.frames());
        stream.launch(Math.multiplyExact(count, blocks(pixels, PIXELS)), THREADS);
    }

    private void blur(
            Tensor images, Tensor draws, Tensor normalisation, AugmentWorkspace workspace, int first, int count) {
        AugmentShape shape = workspace.shape();
        int bands = Math.multiplyExact(count, blocks(shape.height(), BLUR_ROWS));
        int colours = shape.channels() - (shape.channels() % 2 == 0 ? 1 : 0);
        stream.begin(blurRows)
                .arg(workspace.blurred())
                .arg(images, (long) first * shape.frameSize())
                .arg(draws, (long) first * AugmentDraws.WORDS);
        stream.arg(count)
                .arg(shape.channels())
                .arg(shape.height())
                .arg(shape.width())
                .arg(shape.frames());
        stream.launch(Math.multiplyExact(bands, colours), THREADS);
        stream.begin(blurColumns)
                .arg(images, (long) first * shape.frameSize())
                .arg(workspace.blurred())
                .arg(draws, (long) first * AugmentDraws.WORDS)
                .arg(normalisation);
        stream.arg(count)
                .arg(shape.channels())
                .arg(shape.height())
                .arg(shape.width())
                .arg(shape.frames());
        stream.launch(Math.multiplyExact(bands, shape.channels()), THREADS);
    }

    private static int blocks(long items, int share) {
        return Math.toIntExact((items + share - 1) / share);
    }
}
