package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Philox;
import java.nio.IntBuffer;
import java.util.Arrays;

/** One {@linkplain ViewBatch batch of views} of a step: the views, and the masking noise or the keys to draw it from. */
public final class ViewInput {
    private final ViewBatch batch;
    private final StepInput step;
    private final long start;
    private final Tensor images;
    private final Tensor noise;
    private final Tensor keys;
    private Tensor reconstructed;

    /**
     * @param start its first byte in the step's host memory
     */
    ViewInput(StepInput step, Arena arena, ViewBatch batch, long start) {
        this.step = step;
        this.batch = batch;
        this.start = start;
        String prefix = batch.name().isEmpty() ? "" : batch.name() + " ";
        images = arena.floats(prefix + "images", batch.shape());
        noise = arena.floats(prefix + "noise", batch.samples(), batch.patches());
        keys = arena.tensor(prefix + "noise keys", DType.I32, batch.samples(), Philox.KEY_WORDS);
    }

    /** What the views are. */
    public ViewBatch batch() {
        return batch;
    }

    /** Bytes in the step's host memory. */
    long bytes() {
        return images.bytes() + noise.bytes() + keys.bytes();
    }

    /** The place of the views in {@link StepInput#host()}, in floats: [N, C, T, H, W], first views first. */
    public int imagesOffset() {
        return Math.toIntExact(start / Float.BYTES);
    }

    /** The place of the noise in {@link StepInput#host()}, in floats: [N, L]. */
    public int noiseOffset() {
        return Math.toIntExact((start + images.bytes()) / Float.BYTES);
    }

    private long keysAt() {
        return start + images.bytes() + noise.bytes();
    }

    /** Writes the keys that the noise is drawn from, [N, {@link Philox#KEY_WORDS}]. */
    public void keys(IntBuffer from) {
        step.integers().put(Math.toIntExact(keysAt() / Integer.BYTES), from, 0, Math.toIntExact(keys.size()));
    }

    /** Writes the key of one view, row {@code to}, from row {@code from} of others. */
    public void key(int to, IntBuffer keys, int from) {
        int first = Math.toIntExact(keysAt() / Integer.BYTES) + to * Philox.KEY_WORDS;
        step.integers().put(first, keys, from * Philox.KEY_WORDS, Philox.KEY_WORDS);
    }

    void uploadImages(Stream stream, HostBuffer host) {
        stream.upload(images, host, start);
    }

    void uploadMasks(Stream stream, HostBuffer host, boolean drawn) {
        if (drawn) {
            stream.upload(keys, host, keysAt());
        } else {
            stream.upload(noise, host, start + images.bytes());
        }
    }

    /** The views on the device, [N, C, T, H, W], or [N, C, H, W] where one frame is stored. */
    public Tensor images() {
        return images;
    }

    /** Those of the views that are reconstructed, the first ones. */
    Tensor reconstructed() {
        if (reconstructed == null) {
            int[] shape = batch.reconstructed().shape();
            reconstructed = shape[0] == images.dim(0) ? images : images.slice(images.name(), 0, shape);
        }
        return reconstructed;
    }

    /** One of the views on the device, [C, T, H, W] or [C, H, W]; {@code view} counts all first views, then all second ones. */
    public Tensor image(int view) {
        long size = images.size() / images.dim(0);
        int[] shape = batch.shape();
        return images.slice("image " + view, view * size, Arrays.copyOfRange(shape, 1, shape.length));
    }

    /**
     * Ranks the patches of each view by their noise, which is drawn first where {@link StepInput#drawsMasks()}; the lowest ranks are kept.
     *
     * @param restore receives each patch's rank, [N, L]
     * @param keep receives the places of the patches that are kept, [N, kept]
     */
    public void rankPatches(Kernels kernels, Tensor restore, Tensor keep) {
        int samples = batch.samples();
        int patches = batch.patches();
        if (step.drawsMasks()) {
            kernels.masking().draw(noise, keys, samples, patches);
        }
        kernels.masking().rank(restore, keep, noise, samples, patches, keep.dim(1));
    }
}
