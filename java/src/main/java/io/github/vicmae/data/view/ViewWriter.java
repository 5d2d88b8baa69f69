package io.github.vicmae.data.view;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;

/**
 * Makes views: crops and resizes a picture, changes its colours at random, normalises it, and writes it as floats [C, H, W]. Or leaves most of
 * that to a device, and packs the crop and what was drawn.
 *
 * <p>Keeps its work buffers, so use one for each thread; not thread-safe.
 */
public final class ViewWriter {
    private final ViewSettings settings;
    private final float[] scale;
    private final float[] shift;
    private final Resize resize = new Resize();
    private final GaussianBlur blur = new GaussianBlur();
    private final float[] work;

    public ViewWriter(ViewSettings settings) {
        this.settings = settings;
        scale = settings.scale();
        shift = settings.shift();
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
        ViewDraw draw = ViewDraw.random(settings, kind, view, image.width(), image.height(), random);
        write(image, draw, out, offset);
    }

    /** Writes the view of a draw, see above. */
    void write(Image image, ViewDraw draw, FloatBuffer out, int offset) {
        resize(image.withChannels(settings.channels()), draw);
        changeColours(draw);
        normalise(out, offset);
    }

    /**
     * Packs what a device needs to make the view that {@link #write(Image, Kind, int, Philox, FloatBuffer, int)} would write with the same
     * arguments: the crop's bytes, or if it is too large for the upload the resized floats.
     *
     * @param row which view of the upload it is; writers in several threads may pack different ones
     */
    public void pack(Image image, Kind kind, int view, Philox random, FrameUpload upload, int row) {
        pack(image, ViewDraw.random(settings, kind, view, image.width(), image.height(), random), upload, row);
    }

    /** Packs the view of a draw, see above. */
    void pack(Image image, ViewDraw draw, FrameUpload upload, int row) {
        Image picture = image.withChannels(settings.channels());
        if (upload.takes(draw.box())) {
            upload.putCrop(row, picture, draw);
        } else {
            resize(picture, draw);
            upload.putResized(row, work, draw);
        }
    }

    /**
     * Writes the view for evaluation: nothing is random.
     *
     * @param share the sides of the central crop as a share of the largest one that fits, 1 for all of it; 0.875 is the usual 224 of 256
     */
    public void writeCentre(Image image, double share, FloatBuffer out, int offset) {
        write(image, ViewDraw.centre(settings, share, image.width(), image.height()), out, offset);
    }

    private void resize(Image picture, ViewDraw draw) {
        resize.apply(picture, draw.box(), draw.flip(), settings.filter(), work, settings.height(), settings.width());
    }

    private void changeColours(ViewDraw draw) {
        int pixels = settings.height() * settings.width();
        if (draw.jitter() != null) {
            draw.jitter().apply(work, pixels);
        }
        if (draw.gray()) {
            Colour.gray(work, pixels);
        }
        // Alpha is no colour: it is neither blurred nor solarized.
        int colours = settings.channels() - (settings.channels() % 2 == 0 ? 1 : 0);
        if (draw.sigma() > 0) {
            blur.apply(work, colours, settings.height(), settings.width(), draw.sigma());
        }
        if (draw.solarize()) {
            Colour.solarize(work, colours * pixels);
        }
    }

    private void normalise(FloatBuffer out, int offset) {
        int pixels = settings.height() * settings.width();
        for (int c = 0; c < settings.channels(); c++) {
            float factor = scale[c];
            float term = shift[c];
            for (int i = c * pixels; i < (c + 1) * pixels; i++) {
                work[i] = work[i] * factor + term;
            }
        }
        out.put(offset, work, 0, settings.viewSize());
    }
}
