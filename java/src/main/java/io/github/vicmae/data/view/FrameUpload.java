package io.github.vicmae.data.view;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.kernel.augment.AugmentDraws;
import io.github.vicmae.kernel.augment.AugmentShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The input from which a device makes the views of one batch, in direct memory: the bytes of the crops one after the other, and a row of
 * draws for each frame of each view.
 *
 * <p>Only the crop's own pixels are packed, since the resizing filter sees nothing outside of it. A frame never takes more than its finished
 * floats would: a crop that is larger, or more than {@value #MAX_SHRINK} times as wide or high as the view, is resized on the host, and
 * the floats go in its place. Either way the device's view equals the host's within rounding.
 *
 * <p>{@link ViewWriter#pack} fills it; several threads may pack different views at once. The order of the crops depends on the threads, the
 * views that come of them do not.
 */
public final class FrameUpload {
    /** Crops up to so many times as wide and as high as the view are resized on the device. */
    public static final int MAX_SHRINK = 3;

    private static final int ALIGNMENT = 16;

    private final AugmentShape shape;
    private final int views;
    private final int frameBytes;
    private final ByteBuffer frames;
    private final IntBuffer draws;
    private final AtomicInteger used = new AtomicInteger();

    /**
     * @param views capacity
     * @throws IllegalArgumentException if one buffer cannot hold so many, or if the host alone can make such views
     */
    public FrameUpload(ViewSettings settings, int views) {
        shape = shape(settings);
        this.views = views;
        frameBytes = frameBytes(settings);
        frames = ByteBuffer.allocateDirect(capacity(settings, views)).order(ByteOrder.nativeOrder());
        draws = ByteBuffer.allocateDirect(Math.multiplyExact(
                        Math.multiplyExact(views, settings.frames()), AugmentDraws.WORDS * Integer.BYTES))
                .order(ByteOrder.nativeOrder())
                .asIntBuffer();
    }

    /**
     * The sizes of the views and of the crops that a device is to expect.
     *
     * @throws IllegalArgumentException if the host alone can make such views
     */
    static AugmentShape shape(ViewSettings settings) {
        settings.checkDeviceCanMakeThem();
        return new AugmentShape(
                settings.channels(),
                settings.height(),
                settings.width(),
                Math.multiplyExact(MAX_SHRINK, settings.height()),
                Math.multiplyExact(MAX_SHRINK, settings.width()),
                settings.bicubic(),
                settings.frames());
    }

    /** Most bytes that one frame of a view takes. */
    private static int frameBytes(ViewSettings settings) {
        long bytes = (long) Float.BYTES * settings.frameSize();
        return Math.toIntExact((bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    }

    /** Most bytes that the frames of so many views take. */
    static int capacity(ViewSettings settings, int views) {
        long bytes = (long) views * settings.frames() * frameBytes(settings);
        if (bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("The frames of " + views + " views would take up to " + bytes
                    + " bytes, more than one buffer can hold; make the batch smaller and accumulate gradients.");
        }
        return (int) bytes;
    }

    /** Capacity in views. */
    public int views() {
        return views;
    }

    /** The crops, of which the first {@link #usedBytes()} bytes count; for reading only, by absolute positions. */
    public ByteBuffer frames() {
        return frames;
    }

    /** Rows of {@link AugmentDraws}, [views, T, {@link AugmentDraws#WORDS}]; for reading only, by absolute positions. */
    public IntBuffer draws() {
        return draws;
    }

    /** Bytes of {@link #frames()} in use. */
    public int usedBytes() {
        return used.get();
    }

    AugmentShape shape() {
        return shape;
    }

    /** Empties the upload for the next batch. */
    public void clear() {
        used.set(0);
    }

    /** Whether a crop is packed as it is. */
    boolean takes(CropBox box) {
        return box.width() <= shape.maxCropWidth()
                && box.height() <= shape.maxCropHeight()
                && (long) AugmentDraws.pitch(box.width(), shape.channels()) * box.height() <= frameBytes;
    }

    /**
     * Packs the crop of a picture that has the views' channels.
     *
     * @param row of the frame: view x T + its place in the view
     */
    void putCrop(int row, Image picture, ViewDraw draw) {
        CropBox box = draw.box();
        int channels = shape.channels();
        int pitch = AugmentDraws.pitch(box.width(), channels);
        int offset = reserve(pitch * box.height());
        for (int y = 0; y < box.height(); y++) {
            int from = ((box.y() + y) * picture.width() + box.x()) * channels;
            frames.put(offset + y * pitch, picture.pixels(), from, box.width() * channels);
        }
        AugmentDraws.crop(draws, row, offset, box.width(), box.height(), channels, draw.flip());
        putColours(row, draw);
    }

    /** Packs a frame that is resized and mirrored: [C, H, W] values in [0, 1], the first of {@code values}. */
    void putResized(int row, float[] values, ViewDraw draw) {
        int offset = reserve(Float.BYTES * shape.channels() * shape.height() * shape.width());
        frames.slice(offset, frameBytes)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer()
                .put(0, values);
        AugmentDraws.resized(draws, row, offset);
        putColours(row, draw);
    }

    private void putColours(int row, ViewDraw draw) {
        ColourJitter.Factors jitter = draw.jitter();
        if (jitter != null) {
            AugmentDraws.jitter(
                    draws,
                    row,
                    jitter.packedOrder(),
                    jitter.brightness(),
                    jitter.contrast(),
                    jitter.saturation(),
                    jitter.turn());
        }
        AugmentDraws.rest(draws, row, draw.gray(), draw.sigma(), draw.solarize());
    }

    /** Reserves bytes of the frames for the caller; returns their offset. */
    private int reserve(int bytes) {
        int aligned = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        int offset = used.getAndAdd(aligned);
        if (offset > frames.capacity() - aligned) {
            used.addAndGet(-aligned);
            throw new IllegalStateException(
                    "More than " + views + " views were packed; clear the upload before the next batch.");
        }
        return offset;
    }
}
