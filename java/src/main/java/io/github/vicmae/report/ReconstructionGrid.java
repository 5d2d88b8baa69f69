package io.github.vicmae.report;

import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PixelTarget;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Turns a view, its mask and its prediction into the four images that the MAE paper shows: input, masked, predicted, and the prediction with
 * the visible patches pasted in. Of a clip, the frames that are reconstructed stand side by side. One channel is shown as gray, two as red and
 * green, three as red, green and blue; a fourth is not shown.
 */
public final class ReconstructionGrid {
    /** The number that the loss adds to a patch's variance. */
    private static final double EPSILON = 1e-6;

    private static final int MASKED_GRAY = 128;
    private static final int GAP = 2; // pixels between two frames

    private final PatchGrid grid;
    private final int channels;
    private final float[] mean;
    private final float[] deviation;
    private final PixelTarget target;
    /** Frames that each patch predicts. */
    private final int tube;

    /**
     * The four images of one view.
     *
     * @param frames that stand side by side in each of them
     * @param input the view
     * @param masked the view with the masked patches in mid-gray
     * @param predicted the prediction of every patch
     * @param pasted the prediction of the masked patches, the view elsewhere
     */
    public record Images(
            int frames, BufferedImage input, BufferedImage masked, BufferedImage predicted, BufferedImage pasted) {
        /** All four, one below the other. */
        public BufferedImage strip() {
            List<BufferedImage> all = List.of(input, masked, predicted, pasted);
            int height = input.getHeight() + GAP;
            BufferedImage strip =
                    new BufferedImage(input.getWidth(), all.size() * height - GAP, BufferedImage.TYPE_INT_RGB);
            Graphics2D drawing = strip.createGraphics();
            drawing.setColor(Color.WHITE);
            drawing.fillRect(0, 0, strip.getWidth(), strip.getHeight());
            for (int i = 0; i < all.size(); i++) {
                drawing.drawImage(all.get(i), 0, i * height, null);
            }
            drawing.dispose();
            return strip;
        }
    }

    /**
     * Makes a grid for views of one shape.
     *
     * @param grid how a view is cut into patches
     * @param channels C, 1 to 4
     * @param mean [C], what was subtracted from the pixels (0 to 1) of a view
     * @param deviation [C], what they were then divided by
     * @param target what the predictions were compared with
     * @throws IllegalArgumentException if the numbers do not fit together
     */
    public ReconstructionGrid(PatchGrid grid, int channels, float[] mean, float[] deviation, PixelTarget target) {
        if (channels < 1 || channels > 4 || mean.length != channels || deviation.length != channels) {
            throw new IllegalArgumentException("Pictures need 1 to 4 channels with a mean and a deviation each; found "
                    + channels + " channels, " + mean.length + " means, " + deviation.length + " deviations.");
        }
        this.grid = grid;
        this.channels = channels;
        this.mean = mean.clone();
        this.deviation = deviation.clone();
        this.target = target;
        tube = target.tube(grid);
    }

    /**
     * Makes the images of one view.
     *
     * @param view [C, T, H, W], normalised, or [C, H, W] for all frames
     * @param prediction [L, u * p * p * C], each patch in (frame, row, column, channel) order
     * @param mask [L], 1 where a patch was masked
     * @throws IllegalArgumentException if a length does not fit
     */
    public Images images(float[] view, float[] prediction, float[] mask) {
        int frame = channels * grid.height() * grid.width();
        int stored = view.length / frame;
        if (view.length != stored * frame
                || stored != 1 && stored != grid.frames()
                || prediction.length != target.frames() * frame
                || mask.length != grid.patches()) {
            throw new IllegalArgumentException("A view of " + channels + " x " + grid.frames() + " x " + grid.height()
                    + " x " + grid.width() + " has " + grid.frames() * frame + " values, " + target.frames() * frame
                    + " predicted ones and " + grid.patches() + " patches; found " + view.length + " values, "
                    + prediction.length + " predicted, a mask of " + mask.length + ".");
        }
        float[] wanted = targets(view, stored);
        float[] predicted = new float[prediction.length];
        for (int p = 0; p < grid.patches(); p++) {
            placePatch(wanted, prediction, p, predicted);
        }
        int shown = stored == 1 ? 1 : target.frames();
        return new Images(
                shown,
                image(wanted, null, null, shown),
                image(wanted, mask, null, shown),
                image(predicted, null, null, shown),
                image(wanted, mask, predicted, shown));
    }

    /** The frames of the view that are reconstructed, [C, F, H, W]. */
    private float[] targets(float[] view, int stored) {
        int frames = target.frames();
        int size = grid.height() * grid.width();
        float[] wanted = new float[channels * frames * size];
        for (int c = 0; c < channels; c++) {
            for (int f = 0; f < frames; f++) {
                int from = stored == 1 || frames == 1 ? 0 : (int) ((long) f * (grid.frames() - 1) / (frames - 1));
                System.arraycopy(view, (c * stored + from) * size, wanted, (c * frames + f) * size, size);
            }
        }
        return wanted;
    }

    /** Writes a patch of the prediction into [C, F, H, W], undoing the target's normalisation. */
    private void placePatch(float[] wanted, float[] prediction, int p, float[] predicted) {
        int size = tube * grid.patch() * grid.patch() * channels;
        int groups = target.normalisation() == PixelTarget.Normalisation.CHANNEL ? channels : 1;
        for (int group = 0; group < groups; group++) {
            double patchMean = 0;
            double scale = 1;
            if (target.normalisation() != PixelTarget.Normalisation.NONE) {
                int count = size / groups;
                for (int i = group; i < size; i += groups) {
                    patchMean += wanted[place(p, i)] / (double) count;
                }
                double squares = 0;
                for (int i = group; i < size; i += groups) {
                    double distance = wanted[place(p, i)] - patchMean;
                    squares += distance * distance;
                }
                // Channels are normalised as pixels from 0 to 1.
                double unit = groups == 1 ? 1 : deviation[group];
                scale = Math.sqrt(unit * unit * squares / Math.max(1, count - 1) + EPSILON) / unit;
            }
            for (int i = group; i < size; i += groups) {
                predicted[place(p, i)] = (float) (prediction[p * size + i] * scale + patchMean);
            }
        }
    }

    /** Returns where value i of patch p, in (frame, row, column, channel) order, lies in [C, F, H, W]. */
    private int place(int p, int i) {
        int patch = grid.patch();
        int time = p / grid.places();
        int place = p % grid.places();
        int frame = time * tube + i / (patch * patch * channels);
        int row = place / grid.columns() * patch + i / (patch * channels) % patch;
        int column = place % grid.columns() * patch + i / channels % patch;
        return ((i % channels * target.frames() + frame) * grid.height() + row) * grid.width() + column;
    }

    /** Draws values; where the mask is set, those of {@code replacement} or, without one, gray. */
    private BufferedImage image(float[] values, float[] mask, float[] replacement, int frames) {
        int width = grid.width();
        int strip = frames * (width + GAP) - GAP;
        BufferedImage image = new BufferedImage(strip, grid.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < grid.height(); y++) {
            for (int x = 0; x < strip; x++) {
                int frame = x / (width + GAP);
                int column = x % (width + GAP);
                if (column >= width) {
                    image.setRGB(x, y, 0xFFFFFF);
                    continue;
                }
                int patch = frame / tube * grid.places() + y / grid.patch() * grid.columns() + column / grid.patch();
                boolean masked = mask != null && mask[patch] != 0;
                int pixel = (frame * grid.height() + y) * width + column;
                image.setRGB(
                        x,
                        y,
                        masked && replacement == null
                                ? MASKED_GRAY * 0x010101
                                : rgb(masked ? replacement : values, pixel));
            }
        }
        return image;
    }

    private int rgb(float[] values, int pixel) {
        int[] levels = new int[3];
        int size = target.frames() * grid.height() * grid.width();
        for (int c = 0; c < Math.min(3, channels); c++) {
            double value = values[c * size + pixel] * (double) deviation[c] + mean[c];
            levels[c] = (int) Math.max(0, Math.min(255, Math.round(value * 255)));
        }
        if (channels == 1) {
            Arrays.fill(levels, levels[0]);
        }
        return levels[0] << 16 | levels[1] << 8 | levels[2];
    }

    /**
     * Encodes an image as PNG, also while the JVM shuts down.
     *
     * @throws IOException if this Java runtime cannot write PNG
     */
    public static byte[] png(BufferedImage image) throws IOException {
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
