package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * What a step is given, on the device and as host memory to fill: the views, the masking noise or the keys to draw it from, and the numbers that
 * change from step to step. With two of them one can be filled and uploaded while a step works on the other.
 */
public final class StepInput implements AutoCloseable {
    private static final int WEIGHTS = 2;
    /** Floats for the optimizer. */
    public static final int OPTIMIZER_SCALARS = 8;

    private final Arena arena = new Arena("inputs");
    private final Tensor images;
    private final Tensor noise;
    private final Tensor keys;
    private final Tensor scalars;
    private HostBuffer host;
    private IntBuffer integers;
    private Tensor reconstructionWeight;
    private Tensor contrastiveWeight;
    private Tensor optimizerScalars;
    private boolean masksDrawn;

    StepInput(ModelConfig c, int batch) {
        int n = Math.multiplyExact(ViCMae.VIEWS, batch);
        images = arena.floats("images", n, c.channels(), c.height(), c.width());
        noise = arena.floats("noise", n, c.patches());
        keys = arena.tensor("noise keys", DType.I32, n, Philox.KEY_WORDS);
        scalars = arena.floats("step's numbers", WEIGHTS + OPTIMIZER_SCALARS);
    }

    /** Bytes of device memory. */
    long bytes() {
        return arena.bytes();
    }

    Arena arena() {
        return arena;
    }

    void allocate(Device device) {
        arena.allocate(device);
        host = device.hostBuffer(scalarsAt() + scalars.bytes());
        integers = host.bytes().asIntBuffer();
        reconstructionWeight = scalars.slice("reconstruction weight", 0, 1);
        contrastiveWeight = scalars.slice("contrastive weight", 1, 1);
        optimizerScalars = scalars.slice("optimizer's numbers", WEIGHTS, OPTIMIZER_SCALARS);
    }

    private long keysAt() {
        return images.bytes() + noise.bytes();
    }

    private long scalarsAt() {
        return keysAt() + keys.bytes();
    }

    /** Host memory to fill: the views [2, batch, C, H, W], then the masking noise [2, batch, L], all floats. */
    public HostBuffer host() {
        return host;
    }

    /** The place of the noise in {@link #host()}, in floats. */
    public int noiseOffset() {
        return Math.toIntExact(images.size());
    }

    /** Writes the keys that the noise is drawn from, [2, batch, {@link Philox#KEY_WORDS}]. */
    public void keys(IntBuffer from) {
        integers.put(Math.toIntExact(keysAt() / Integer.BYTES), from, 0, Math.toIntExact(keys.size()));
    }

    /** Whether the noise is drawn on the device from the {@linkplain #key keys}, or given; given at first. */
    public void drawMasks(boolean drawn) {
        masksDrawn = drawn;
    }

    /** Whether the noise is drawn on the device. */
    public boolean drawsMasks() {
        return masksDrawn;
    }

    /** The weights of the two losses in the sum whose gradient is taken. */
    public void weights(double reconstruction, double contrastive) {
        FloatBuffer floats = host.floats();
        floats.put(scalarsOffset(), (float) reconstruction);
        floats.put(scalarsOffset() + 1, (float) contrastive);
    }

    private int scalarsOffset() {
        return Math.toIntExact(scalarsAt() / Float.BYTES);
    }

    /** The place of the optimizer's {@link #OPTIMIZER_SCALARS} numbers in {@link #host()}, in floats. */
    public int optimizerOffset() {
        return scalarsOffset() + WEIGHTS;
    }

    /** Gives the upload of the views and of all the rest to a stream; the host memory must stay as it is until that is done. */
    public void upload(Stream stream) {
        stream.upload(images, host, 0);
        uploadRest(stream);
    }

    /** The same but for the views, for those who make them on the device. */
    public void uploadRest(Stream stream) {
        if (masksDrawn) {
            stream.upload(keys, host, keysAt());
        } else {
            stream.upload(noise, host, images.bytes());
        }
        stream.upload(scalars, host, scalarsAt());
    }

    /** The views on the device, [2 * batch, C, H, W]. */
    public Tensor images() {
        return images;
    }

    /** One of the views on the device, [C, H, W]; {@code view} counts all first views, then all second ones. */
    public Tensor image(int view) {
        long size = images.size() / images.dim(0);
        return images.slice("image " + view, view * size, images.dim(1), images.dim(2), images.dim(3));
    }

    /** Whether the noise is drawn on the device. */
    public boolean drawsMasks() {
        return masksDrawn;
    }

    /** The weights of the two losses in the sum whose gradient is taken. */
    public void weights(double reconstruction, double contrastive) {
        FloatBuffer floats = host.floats();
        floats.put(scalarsOffset(), (float) reconstruction);
        floats.put(scalarsOffset() + 1, (float) contrastive);
    }

    private int scalarsOffset() {
        return Math.toIntExact(scalarsAt() / Float.BYTES);
    }

    /** The place of the optimizer's {@link #OPTIMIZER_SCALARS} numbers in {@link #host()}, in floats. */
    public int optimizerOffset() {
        return scalarsOffset() + WEIGHTS;
    }

    /** Gives the upload to a stream; the host memory must stay as it is until that is done. */
    public void upload(Stream stream) {
        stream.upload(images, host, 0);
        if (masksDrawn) {
            stream.upload(keys, host, keysAt());
        } else {
            stream.upload(noise, host, images.bytes());
        }
        stream.upload(scalars, host, scalarsAt());
    }

    Tensor noise() {
        return noise;
    }

    Tensor keys() {
        return keys;
    }

    Tensor reconstructionWeight() {
        return reconstructionWeight;
    }

    Tensor contrastiveWeight() {
        return contrastiveWeight;
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
