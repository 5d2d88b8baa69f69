package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * The inputs of a step, on the device and as host memory to fill: the views, the masking noise or the keys to draw it from, and the numbers that
 * change from step to step. With two of them, one can be filled and uploaded while a step works on the other.
 */
public final class StepInput implements AutoCloseable {
    /** Floats for the optimizer. */
    public static final int OPTIMIZER_SCALARS = 8;

    private final Arena arena = new Arena("inputs");
    private final Tensor images;
    private final Tensor noise;
    private final Tensor keys;
    private final Tensor scalars;
    private HostBuffer host;
    private IntBuffer integers;
    private final Tensor[] weights;
    private Tensor optimizerScalars;
    private boolean masksDrawn;

    /**
     * Declares the tensors; nothing is allocated yet.
     *
     * @param trunk the views' shape
     * @param samples views of a step, those of all samples together: N
     * @param losses how many losses have a weight
     */
    public StepInput(TrunkConfig trunk, int samples, int losses) {
        images = arena.floats("images", samples, trunk.channels(), trunk.height(), trunk.width());
        noise = arena.floats("noise", samples, trunk.patches());
        keys = arena.tensor("noise keys", DType.I32, samples, Philox.KEY_WORDS);
        weights = new Tensor[losses];
        scalars = arena.floats("step's numbers", losses + OPTIMIZER_SCALARS);
    }

    /** Bytes of device memory. */
    public long bytes() {
        return arena.bytes();
    }

    public Arena arena() {
        return arena;
    }

    /** Takes the memory. */
    public void allocate(Device device) {
        arena.allocate(device);
        host = device.hostBuffer(scalarsAt() + scalars.bytes());
        integers = host.bytes().asIntBuffer();
        for (int i = 0; i < weights.length; i++) {
            weights[i] = scalars.slice("weight of loss " + i, i, 1);
        }
        optimizerScalars = scalars.slice("optimizer's numbers", weights.length, OPTIMIZER_SCALARS);
    }

    private long keysAt() {
        return images.bytes() + noise.bytes();
    }

    private long scalarsAt() {
        return keysAt() + keys.bytes();
    }

    /** Host memory to fill: the views [N, C, H, W], first views first, then the masking noise [N, L], all floats. */
    public HostBuffer host() {
        return host;
    }

    /** The place of the noise in {@link #host()}, in floats. */
    public int noiseOffset() {
        return Math.toIntExact(images.size());
    }

    /** Writes the keys that the noise is drawn from, [N, {@link Philox#KEY_WORDS}]. */
    public void keys(IntBuffer from) {
        integers.put(Math.toIntExact(keysAt() / Integer.BYTES), from, 0, Math.toIntExact(keys.size()));
    }

    /** Chooses whether the noise is drawn on the device from the {@linkplain #key keys}, or given in {@link #host()} (the default). */
    public void drawMasks(boolean drawn) {
        masksDrawn = drawn;
    }

    /** Whether the noise is drawn on the device. */
    public boolean drawsMasks() {
        return masksDrawn;
    }

    /**
     * Sets the weights of the losses in the sum whose gradient is taken.
     *
     * @throws IllegalArgumentException if their number is not that of the losses
     */
    public void weights(double... values) {
        if (values.length != weights.length) {
            throw new IllegalArgumentException(
                    "There must be " + weights.length + " weights, one for each loss, not " + values.length);
        }
        FloatBuffer floats = host.floats();
        for (int i = 0; i < values.length; i++) {
            floats.put(scalarsOffset() + i, (float) values[i]);
        }
    }

    private int scalarsOffset() {
        return Math.toIntExact(scalarsAt() / Float.BYTES);
    }

    /** The place of the optimizer's {@link #OPTIMIZER_SCALARS} numbers in {@link #host()}, in floats. */
    public int optimizerOffset() {
        return scalarsOffset() + weights.length;
    }

    /** Enqueues the upload of everything; the host memory must not change until it is done. */
    public void upload(Stream stream) {
        stream.upload(images, host, 0);
        uploadRest(stream);
    }

    /** Enqueues the upload of everything but the views, which are made on the device. */
    public void uploadRest(Stream stream) {
        if (masksDrawn) {
            stream.upload(keys, host, keysAt());
        } else {
            stream.upload(noise, host, images.bytes());
        }
        stream.upload(scalars, host, scalarsAt());
    }

    /** The views on the device, [N, C, H, W]. */
    public Tensor images() {
        return images;
    }

    /** One of the views on the device, [C, H, W]; {@code view} counts all first views, then all second ones. */
    public Tensor image(int view) {
        long size = images.size() / images.dim(0);
        return images.slice("image " + view, view * size, images.dim(1), images.dim(2), images.dim(3));
    }

    /** The weight of a loss, on the device. */
    public Tensor weight(int loss) {
        return weights[loss];
    }

    /**
     * Ranks the patches of each view by their noise, which is drawn first where {@link #drawsMasks()}; the lowest ranks are kept.
     *
     * @param restore receives each patch's rank, [N, L]
     * @param keep receives the places of the patches that are kept, [N, kept]
     */
    public void rankPatches(Kernels kernels, Tensor restore, Tensor keep) {
        int samples = noise.dim(0);
        int patches = noise.dim(1);
        if (masksDrawn) {
            kernels.masking().draw(noise, keys, samples, patches);
        }
        kernels.masking().rank(restore, keep, noise, samples, patches, keep.dim(1));
    }

    /** [{@link #OPTIMIZER_SCALARS}] on the device. */
    public Tensor optimizerScalars() {
        return optimizerScalars;
    }

    @Override
    public void close() {
        Closing.all(host, arena);
    }
}
