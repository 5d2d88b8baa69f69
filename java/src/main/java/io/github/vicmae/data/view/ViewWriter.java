package io.github.vicmae.data.view;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Makes views: crops and resizes pictures, changes their colours at random, normalises them, and writes floats [C, T, H, W], which is
 * [C, H, W] where a view has one frame. Alternatively packs the crops and the draws, from which a device makes the views.
 *
 * <p>All frames of a view get the same draw; in a frame of another size than the first the crop has the same relative place.
 *
 * <p>Not thread-safe: use one instance per thread, since it keeps work buffers.
 */
public final class ViewWriter {
    /** A reduced crop has at least so many times the view's columns and rows. */
    private static final int LEFT_TO_SHRINK = 2;

    private final ViewSettings settings;
    private final float[] scale;
    private final float[] shift;
    private final Resize resize = new Resize();
    private final GaussianBlur blur = new GaussianBlur();
    private final float[] work;
    private final LevelPlanes levels;

    public ViewWriter(ViewSettings settings) {
        this.settings = settings;
        scale = settings.scale();
        shift = settings.shift();
        work = new float[settings.frameSize()];
        levels = settings.needsHost()
                ? new LevelPlanes(settings.channels(), settings.height(), settings.width(), settings.mean())
                : null;
    }

    /**
     * Writes one random view.
     *
     * @param frames the view's T frames, of any size and number of channels, at their own size or reduced; the draws are those for their own size
     * @param kind of the sample: it selects the operations
     * @param view which of the sample's views, from 0
     * @param random source of all random decisions
     * @param out receives C x T x H x W values
     * @param offset where the first value goes
     */
    public void write(List<ReducedImage> frames, Kind kind, int view, Philox random, FloatBuffer out, int offset) {
        ViewDraw[] draws = draw(frames, kind, view, random);
        for (int t = 0; t < draws.length; t++) {
            write(frames.get(t), draws[t], out, offset + t * plane(), draws.length);
            if (draws[t].erased() != null) {
                int stride = draws.length * plane();
                draws[t].erased().erase(out, offset + t * plane(), settings.channels(), stride, settings.width(), t);
            }
        }
    }

    /** Writes one random view of one frame. */
    public void write(Image image, Kind kind, int view, Philox random, FloatBuffer out, int offset) {
        write(List.of(ReducedImage.of(image)), kind, view, random, out, offset);
    }

    /**
     * By how much a picture's sides may be divided before its views are made of it: every view still shrinks what is left to half of it or
     * less, so that what is left out would be averaged away.
     *
     * @param random the random source of each view, as {@link #write} is going to be given it
     * @return below 1 if the picture is needed as it is
     */
    public int reduction(Kind kind, int width, int height, IntFunction<Philox> random) {
        int most = Math.min(width / settings.width(), height / settings.height()) / LEFT_TO_SHRINK;
        if (most <= 1) {
            return most; // whatever the boxes are
        }
        int reduction = most;
        for (int v = 0; v < settings.views(); v++) {
            CropBox box = ViewDraw.random(settings, kind, v, width, height, random.apply(v))
                    .box();
            reduction = Math.min(reduction, box.width() / (LEFT_TO_SHRINK * settings.width()));
            reduction = Math.min(reduction, box.height() / (LEFT_TO_SHRINK * settings.height()));
        }
        return reduction;
    }

    /** The draw of every frame: one for all of them that have the first one's size. */
    private ViewDraw[] draw(List<ReducedImage> frames, Kind kind, int view, Philox random) {
        if (frames.size() != settings.frames()) {
            throw new IllegalArgumentException(
                    "A view has " + settings.frames() + " frames, but " + frames.size() + " were given.");
        }
        ReducedImage first = frames.get(0);
        ViewDraw[] draws = new ViewDraw[frames.size()];
        draws[0] = ViewDraw.random(settings, kind, view, first.width(), first.height(), random);
        for (int t = 1; t < draws.length; t++) {
            ReducedImage frame = frames.get(t);
            draws[t] = draws[0].scaled(first.width(), first.height(), frame.width(), frame.height());
        }
        return draws;
    }

    private int plane() {
        return settings.height() * settings.width();
    }

    /** Writes one frame by its draw; the planes of its channels are {@code step} planes apart. */
    void write(ReducedImage image, ViewDraw draw, FloatBuffer out, int offset, int step) {
        resize(image.withChannels(settings.channels()), draw);
        changeColours(draw);
        normalise(out, offset, step);
    }

    /**
     * Packs what a device needs to make the view that {@link #write(List, Kind, int, Philox, FloatBuffer, int)} would write with the same
     * arguments: the crops' bytes, or where they are too large for the upload the resized floats.
     *
     * @param row which view of the upload it is; writers in several threads may pack different ones
     */
    public void pack(List<ReducedImage> frames, Kind kind, int view, Philox random, FrameUpload upload, int row) {
        ViewDraw[] draws = draw(frames, kind, view, random);
        for (int t = 0; t < draws.length; t++) {
            pack(frames.get(t), draws[t], upload, row * draws.length + t);
        }
    }

    /** Packs one random view of one frame. */
    public void pack(Image image, Kind kind, int view, Philox random, FrameUpload upload, int row) {
        pack(List.of(ReducedImage.of(image)), kind, view, random, upload, row);
    }

    /**
     * Packs one frame by its draw.
     *
     * @param row which frame of the upload it is
     */
    void pack(ReducedImage image, ViewDraw draw, FrameUpload upload, int row) {
        ReducedImage picture = image.withChannels(settings.channels());
        if (picture.reduction() == 1 && upload.takes(draw.box())) {
            upload.putCrop(row, picture.image(), draw);
        } else {
            resize(picture, draw);
            upload.putResized(row, work, draw);
        }
    }

    /**
     * Writes one frame's view for evaluation, [C, H, W]: nothing is random.
     *
     * @param share the sides of the central crop as a share of the largest one that fits, 1 for all of it; 0.875 is the usual 224 of 256
     */
    public void writeCentre(Image image, double share, FloatBuffer out, int offset) {
        ViewDraw draw = ViewDraw.centre(settings, share, image.width(), image.height());
        write(ReducedImage.of(image), draw, out, offset, 1);
    }

    /**
     * The same for the frames of a clip, [C, T, H, W].
     *
     * @param frames T pictures
     * @param place of the crop along the longer side, from 0 to 1; 0.5 is the centre
     */
    public void writeCrop(List<Image> frames, double share, double place, FloatBuffer out, int offset) {
        for (int t = 0; t < frames.size(); t++) {
            Image frame = frames.get(t);
            ViewDraw draw = ViewDraw.at(settings, share, place, frame.width(), frame.height());
            write(ReducedImage.of(frame), draw, out, offset + t * plane(), frames.size());
        }
    }

    private void resize(ReducedImage picture, ViewDraw draw) {
        resize.apply(picture, draw.box(), draw.flip(), settings.filter(), work, settings.height(), settings.width());
    }

    private void changeColours(ViewDraw draw) {
        int pixels = plane();
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
        if (!draw.steps().isEmpty()) {
            levels.load(work);
            draw.steps().forEach(step -> step.apply(levels, settings.filter()));
            levels.store(work);
        }
    }

    private void normalise(FloatBuffer out, int offset, int step) {
        int pixels = plane();
        for (int c = 0; c < settings.channels(); c++) {
            float factor = scale[c];
            float term = shift[c];
            for (int i = c * pixels; i < (c + 1) * pixels; i++) {
                work[i] = work[i] * factor + term;
            }
            out.put(offset + c * step * pixels, work, c * pixels, pixels);
        }
    }
}
