package io.github.vicmae.data;

import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.FrameUpload;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.data.view.ViewWriter;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Makes the views of samples and the keys of their masks, with the draws that belong to (seed, epoch, sample, repeat) and nothing else: whoever
 * makes them, in whichever order, gets the same.
 *
 * <p>Not thread-safe: use one instance per thread, since it keeps work buffers.
 */
public final class SampleViews {
    private final ViewSettings view;
    private final long seed;
    private final ViewWriter writer;

    /**
     * @param view how samples become views
     * @param seed of everything random
     */
    public SampleViews(ViewSettings view, long seed) {
        this.view = view;
        this.seed = seed;
        writer = new ViewWriter(view);
    }

    ViewWriter writer() {
        return writer;
    }

    /** The draws of a sample's views, by view. */
    IntFunction<Philox> draws(int epoch, int sample, int repeat) {
        return v -> Draw.VIEW.stream(seed, epoch, sample, repeat, v);
    }

    /**
     * Writes a sample's views, V of them, into a batch.
     *
     * @param frames V x T, one view after the other
     * @param kind of the sample: it selects the operations
     * @param epoch from 0
     * @param sample its number in the data
     * @param repeat 0 for its first use in the epoch, higher for further ones
     * @param views receives them, [V, size, C, T, H, W], normalised
     * @param first the place of the first value of all views in {@code views}
     * @param size samples of the batch
     * @param slot the sample's place in it
     */
    public void write(
            List<ReducedImage> frames,
            Kind kind,
            int epoch,
            int sample,
            int repeat,
            FloatBuffer views,
            int first,
            int size,
            int slot) {
        IntFunction<Philox> draws = draws(epoch, sample, repeat);
        for (int v = 0; v < view.views(); v++) {
            int row = v * size + slot;
            writer.write(ofView(frames, v), kind, v, draws.apply(v), views, first + row * view.viewSize());
        }
    }

    /** Packs what a device makes the same views of. */
    void pack(
            List<ReducedImage> frames,
            Kind kind,
            int epoch,
            int sample,
            int repeat,
            FrameUpload upload,
            int size,
            int slot) {
        IntFunction<Philox> draws = draws(epoch, sample, repeat);
        for (int v = 0; v < view.views(); v++) {
            writer.pack(ofView(frames, v), kind, v, draws.apply(v), upload, v * size + slot);
        }
    }

    private List<ReducedImage> ofView(List<ReducedImage> frames, int v) {
        return frames.subList(v * view.frames(), (v + 1) * view.frames());
    }

    /**
     * Writes the keys that the noise of a sample's masks is drawn from.
     *
     * @param keys receives them, [V, size, {@link Philox#KEY_WORDS}]
     */
    public void keys(int epoch, int sample, int repeat, IntBuffer keys, int size, int slot) {
        for (int v = 0; v < view.views(); v++) {
            Draw.NOISE.stream(seed, epoch, sample, repeat, v).key(keys, (v * size + slot) * Philox.KEY_WORDS);
        }
    }
}
