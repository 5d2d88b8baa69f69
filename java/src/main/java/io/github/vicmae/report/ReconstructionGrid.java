package io.github.vicmae.report;

import io.github.vicmae.kernel.PatchGrid;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Turns a view, its mask and its prediction into the four images that the MAE paper shows: input, masked, predicted, and
 * the prediction with the visible patches pasted in. One channel is shown as gray, two as red and green, three as red,
 * green and blue; a fourth is not shown.
 */
public final class ReconstructionGrid {
    /** The number that the loss adds to a patch's variance. */
    private static final double EPSILON = 1e-6;

    private static final int MASKED_GRAY = 128;
    private final int channels;
    private final int height;
    private final int width;
    private final int patch;
    private final float[] mean;
    private final float[] deviation;
    private final boolean normPix;

    /**
     * The four images of one view.
     *
     * @param input the view
     * @param masked the view with the masked patches in mid-gray
     * @param predicted the prediction of every patch
     * @param pasted the prediction of the masked patches, the view elsewhere
     */
    public record Images(BufferedImage input, BufferedImage masked, BufferedImage predicted, BufferedImage pasted) {}

    /**
     * Makes a grid for views of one shape.
     *
     * @param grid how a view is cut into patches, a single frame
     * @param channels C, 1 to 4
     * @param mean [C], what was subtracted from the pixels (0 to 1) of a view
     * @param deviation [C], what they were then divided by
     * @param normPix whether the targets were normalised by each patch's own mean and unbiased variance
     * @throws IllegalArgumentException if the numbers do not fit together
     */
    public ReconstructionGrid(PatchGrid grid, int channels, float[] mean, float[] deviation, boolean normPix) {
        if (channels < 1 || channels > 4 || mean.length != channels || deviation.length != channels) {
            throw new IllegalArgumentException("Pictures need 1 to 4 channels with a mean and a deviation each; found "
                    + channels + " channels, " + mean.length + " means, " + deviation.length + " deviations.");
        }
        if (grid.frames() != 1) {
            throw new IllegalArgumentException("Pictures show views of one frame, not of " + grid.frames() + ".");
        }
        this.channels = channels;
        height = grid.height();
        width = grid.width();
        patch = grid.patch();
        this.mean = mean.clone();
        this.deviation = deviation.clone();
        this.normPix = normPix;
    }

    /**
     * Makes the images of one view.
     *
     * @param view [C, H, W], normalised
     * @param prediction [L, p * p * C], each patch in (row, column, channel) order
     * @param mask [L], 1 where a patch was masked
     * @throws IllegalArgumentException if a length does not fit
     */
    public Images images(float[] view, float[] prediction, float[] mask) {
        int patches = height / patch * (width / patch);
        if (view.length != channels * height * width || prediction.length != view.length || mask.length != patches) {
            throw new IllegalArgumentException("A view of " + channels + " x " + height + " x " + width + " has "
                    + channels * height * width + " values and " + patches + " patches; found " + view.length
                    + " values, " + prediction.length + " predicted, a mask of " + mask.length + ".");
        }
        float[] predicted = new float[view.length];
        for (int p = 0; p < patches; p++) {
            placePatch(view, prediction, p, predicted);
        }
        return new Images(
                image(view, null, null),
                image(view, mask, null),
                image(predicted, null, null),
                image(view, mask, predicted));
    }

    /** Writes a patch of the prediction into [C, H, W], undoing the patch's own normalisation. */
    private void placePatch(float[] view, float[] prediction, int p, float[] predicted) {
        int size = patch * patch * channels;
        double patchMean = 0;
        double scale = 1;
        if (normPix) {
            double sum = 0;
            for (int i = 0; i < size; i++) {
                sum += view[place(p, i)];
            }
            patchMean = sum / size;
            double squares = 0;
            for (int i = 0; i < size; i++) {
                double distance = view[place(p, i)] - patchMean;
                squares += distance * distance;
            }
            scale = Math.sqrt(squares / Math.max(1, size - 1) + EPSILON);
        }
        for (int i = 0; i < size; i++) {
            predicted[place(p, i)] = (float) (prediction[p * size + i] * scale + patchMean);
        }
    }

    /** Returns where value i of patch p, in (row, column, channel) order, lies in [C, H, W]. */
    private int place(int p, int i) {
        int columns = width / patch;
        int row = p / columns * patch + i / (patch * channels);
        int column = p % columns * patch + i / channels % patch;
        return (i % channels * height + row) * width + column;
    }

    /** Draws values; where the mask is set, those of {@code replacement} or, without one, gray. */
    private BufferedImage image(float[] values, float[] mask, float[] replacement) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                boolean masked = mask != null && mask[y / patch * (width / patch) + x / patch] != 0;
                int rgb = masked && replacement == null
                        ? MASKED_GRAY * 0x010101
                        : rgb(masked ? replacement : values, y * width + x);
                image.setRGB(x, y, rgb);
            }
        }
        return image;
    }

    private int rgb(float[] values, int pixel) {
        int[] levels = new int[3];
        for (int c = 0; c < Math.min(3, channels); c++) {
            double value = values[c * height * width + pixel] * (double) deviation[c] + mean[c];
            levels[c] = (int) Math.max(0, Math.min(255, Math.round(value * 255)));
        }
        if (channels == 1) {
            Arrays.fill(levels, levels[0]);
        }
        return levels[0] << 16 | levels[1] << 8 | levels[2];
    }

    /** Encodes an image as PNG. */
    static byte[] png(BufferedImage image) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        // ImageIO's own stream would register a shutdown hook, which fails when an interrupted run writes its report.
        try (ImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            if (!ImageIO.write(image, "png", stream)) {
                throw new IOException("This Java runtime has no PNG writer; a full JDK or JRE has one.");
            }
        }
        return bytes.toByteArray();
    }
}
