package io.github.vicmae.data;

import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.FrameUpload;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Philox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * Samples ready for one step, in memory that the loader reuses after {@link #release}.
 *
 * <p>The buffers are direct and in native byte order. Between {@link BatchLoader#next} and {@link #release} they belong to the caller.
 */
public final class Batch {
    private final int size;
    private final FloatBuffer views;
    private final FrameUpload frames;
    private final IntBuffer noiseKeys;
    private final int[] labels;
    private final int[] sampleIndex;
    private final boolean[] video;
    private final BatchLoader owner;

    /** For the loader alone, under its lock: the planned samples, how many of them workers have taken, and how many are done. */
    EpochOrder.Slot[] slots;

    int taken;
    int filled;
    int epoch;
    int step;
    boolean lent;

    Batch(BatchLoader owner, LoaderSettings settings, ViewSettings view) {
        this.owner = owner;
        size = settings.batchSize();
        boolean packed = settings.deviceViews();
        int rows = Math.multiplyExact(view.views(), size);
        views = packed ? null : floats((long) rows * view.viewSize(), "views");
        frames = packed ? new FrameUpload(view, rows) : null;
        noiseKeys = IntBuffer.allocate(Math.multiplyExact(rows, Philox.KEY_WORDS));
        labels = new int[size];
        sampleIndex = new int[size];
        video = new boolean[size];
    }

    private static FloatBuffer floats(long count, String what) {
        if (count * Float.BYTES > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("The " + what + " of one batch would take " + count * Float.BYTES
                    + " bytes, more than one buffer can hold; make the batch smaller and accumulate gradients.");
        }
        return ByteBuffer.allocateDirect((int) count * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    /** Prepares the batch for other samples. */
    void begin(int ofEpoch, int ofStep, EpochOrder.Slot[] planned) {
        epoch = ofEpoch;
        step = ofStep;
        slots = planned;
        taken = 0;
        filled = 0;
        if (frames != null) {
            frames.clear();
        } else {
            views.clear();
        }
    }

    void set(int slot, Sample sample) {
        labels[slot] = sample.label();
        sampleIndex[slot] = sample.index();
        video[slot] = sample.isVideo();
    }

    /** Samples in the batch, B. */
    public int size() {
        return size;
    }

    /**
     * Normalised views, [V, B, C, T, H, W], which is [V, B, C, H, W] where a view has one frame: first every sample's first view, then
     * every sample's second, and so on.
     *
     * @throws IllegalStateException if the loader leaves the views to a device
     */
    public FloatBuffer views() {
        if (views == null) {
            throw new IllegalStateException(
                    "This batch has no finished views: LoaderSettings.deviceViews is set; give it to DeviceViews.");
        }
        return views;
    }

    /**
     * The input from which a device makes the views, [V, B] of them in the same order.
     *
     * @throws IllegalStateException if the loader finishes the views itself
     */
    public FrameUpload frames() {
        if (frames == null) {
            throw new IllegalStateException(
                    "This batch has finished views and no frames: LoaderSettings.deviceViews is not set.");
        }
        return frames;
    }

    /**
     * Keys of the random streams for the views' masking noise, [V, B, {@link Philox#KEY_WORDS}]; the device draws it.
     */
    public IntBuffer noiseKeys() {
        return noiseKeys;
    }

    /** Class number of each sample, -1 for none. */
    public int[] labels() {
        return labels;
    }

    /** Index of each sample in the data set. */
    public int[] sampleIndex() {
        return sampleIndex;
    }

    /** Whether each sample is a video. */
    public boolean[] isVideo() {
        return video;
    }

    /** The kind of all its samples, or {@link Modality#MIXED}. */
    public Modality modality() {
        int videos = 0;
        for (boolean one : video) {
            videos += one ? 1 : 0;
        }
        return videos == 0 ? Modality.IMAGES : videos == size ? Modality.VIDEOS : Modality.MIXED;
    }

    /** The epoch it belongs to, from 0. */
    public int epoch() {
        return epoch;
    }

    /** Its place in the epoch, from 0. */
    public int step() {
        return step;
    }

    /** Returns the memory to the loader; a second call does nothing. The buffers must not be used after it. */
    public void release() {
        owner.release(this);
    }
}
