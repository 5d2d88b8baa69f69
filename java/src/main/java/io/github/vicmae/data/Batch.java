package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * Samples ready for one step, in memory that the loader uses again after {@link #release}.
 *
 * <p>The buffers are direct and in native byte order. Between {@link BatchLoader#next} and {@link #release} they belong to the caller.
 */
public final class Batch {
    private final int size;
    private final FloatBuffer views;
    private final FloatBuffer noise;
    private final IntBuffer noiseKeys;
    private final int[] labels;
    private final int[] sampleIndex;
    private final boolean[] video;
    private final BatchLoader owner;

    /** The loader's own, under its lock: what is planned, how many slots were taken by workers, and how many are filled. */
    EpochOrder.Slot[] slots;

    int taken;
    int filled;
    int epoch;
    int step;
    boolean lent;

    Batch(BatchLoader owner, int size, int viewSize, int patchCount) {
        this.owner = owner;
        this.size = size;
        views = floats(2L * size * viewSize, "views");
        noise = floats(2L * size * patchCount, "masking noise");
        noiseKeys = IntBuffer.allocate(2 * size * Philox.KEY_WORDS);
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

    void set(int slot, Sample sample) {
        labels[slot] = sample.label();
        sampleIndex[slot] = sample.index();
        video[slot] = sample.isVideo();
    }

    /** Samples in the batch, B. */
    public int size() {
        return size;
    }

    /** Normalised views, [2, B, C, H, W]: first every sample's first view, then every sample's second. */
    public FloatBuffer views() {
        return views;
    }

    /** Uniform numbers in [0, 1) for the masking, [2, B, L]. */
    public FloatBuffer noise() {
        return noise;
    }

    /** The keys of the streams that {@link #noise()} comes from, [2, B, {@link Philox#KEY_WORDS}]: a device can draw it itself. */
    public IntBuffer noiseKeys() {
        return noiseKeys;
    }

    /** Class of each sample, -1 where it is not known. */
    public int[] labels() {
        return labels;
    }

    /** Place of each sample in the data set. */
    public int[] sampleIndex() {
        return sampleIndex;
    }

    /** Whether each sample is a video. */
    public boolean[] isVideo() {
        return video;
    }

    /** The epoch it belongs to, from 0. */
    public int epoch() {
        return epoch;
    }

    /** Its place in the epoch, from 0. */
    public int step() {
        return step;
    }

    /** Gives the memory back to the loader; a second call does nothing. The buffers must not be used after it. */
    public void release() {
        owner.release(this);
    }
}
