package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;

/**
 * Makes views: crops and resizes a picture, changes its colours at random, normalises it, and writes it as floats [C, H, W].
 *
 * <p>Keeps its work buffers, so use one for each thread; not thread-safe.
 */
public final class ViewWriter {
    private final ViewSettings settings;
    private final float[] mean;
    private final float[] deviation;
    private final Resize resize = new Resize();
    private final GaussianBlur blur = new GaussianBlur();
    private final float[] work;

    public ViewWriter(ViewSettings settings) {
        this.settings = settings;
        mean = settings.mean();
        deviation = settings.deviation();
        work = new float[settings.viewSize()];
    }

    /**
     * Writes one random view.
     *
     * @param image any size and number of channels
     * @param kind what the image comes from: it chooses the operations
     * @param view 0 or 1: the first or the second view of the pair
     * @param random all that is drawn comes from here
     * @param out receives C * H * W values
     * @param offset where the first value goes
     */
    public void write(Image image, Kind kind, int view, Philox random, FloatBuffer out, int offset) {
        Augmentation augmentation = settings.augmentation(kind, view);
        Image picture = image.withChannels(settings.channels());
        double aspect = (double) settings.width() / settings.height();
        CropBox box;
        boolean flip = false;
        if (settings.spatial()) {
            box = CropBox.random(
                    random,
                    picture.width(),
                    picture.height(),
                    augmentation.minScale(),
                    augmentation.maxScale(),
                    aspect);
            flip = random.nextFloat() < augmentation.flip();
        } else {
            box = CropBox.centre(picture.width(), picture.height(), aspect, 1);
        }
        resize.apply(picture, box, flip, settings.filter(), work, settings.height(), settings.width());
        changeColours(augmentation, random);
        normalise(out, offset);
    }

    /**
     * Writes the view for evaluation: nothing is random.
     *
     * @param share the sides of the central crop as a share of the largest one that fits, 1 for all of it; 0.875 is the usual 224 of 256
     */
    public void writeCentre(Image image, double share, FloatBuffer out, int offset) {
        Image picture = image.withChannels(settings.channels());
        double aspect = (double) settings.width() / settings.height();
        CropBox box = CropBox.centre(picture.width(), picture.height(), aspect, share);
        resize.apply(picture, box, false, settings.filter(), work, settings.height(), settings.width());
        normalise(out, offset);
    }

    private void changeColours(Augmentation augmentation, Philox random) {
        int pixels = settings.height() * settings.width();
        boolean rgb = settings.channels() == 3;
        if (random.nextFloat() < augmentation.jitter() && rgb) {
            augmentation.strength().apply(random, work, pixels);
        }
        if (random.nextFloat() < augmentation.gray() && rgb) {
            Colour.gray(work, pixels);
        }
        // Alpha is no colour: it is neither blurred nor solarized.
        int colours = settings.channels() - (settings.channels() % 2 == 0 ? 1 : 0);
        if (random.nextFloat() < augmentation.blur()) {
            float sigma = random.nextFloat(augmentation.minSigma(), augmentation.maxSigma());
            blur.apply(work, colours, settings.height(), settings.width(), sigma);
        }
        if (random.nextFloat() < augmentation.solarize()) {
            Colour.solarize(work, colours * pixels);
        }
    }

    private void normalise(FloatBuffer out, int offset) {
        int pixels = settings.height() * settings.width();
        for (int c = 0; c < settings.channels(); c++) {
            float scale = 1 / deviation[c];
            float shift = -mean[c] * scale;
            for (int i = c * pixels; i < (c + 1) * pixels; i++) {
                work[i] = work[i] * scale + shift;
            }
        }
        out.put(offset, work, 0, settings.viewSize());
    }
}
