package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The inputs of a step, on the device and as host memory to fill: one or several {@linkplain ViewInput batches of views}, and the numbers that
 * change from step to step. With two step inputs, one can be filled and uploaded while a step works on the other.
 */
public final class StepInput implements AutoCloseable {
    /** Floats for the optimizer. */
    public static final int OPTIMIZER_SCALARS = 8;

    private final Arena arena = new Arena("inputs");
    private final int index;
    private final List<ViewInput> batches;
    private final List<Tensor> values = new ArrayList<>();
    private final long valuesAt;
    private final Tensor scalars;
    private final long scalarsAt;
    private HostBuffer host;
    private IntBuffer integers;
    private final Tensor[] weights;
    private Tensor optimizerScalars;
    private boolean masksDrawn;

    /**
     * Declares the tensors; nothing is allocated yet.
     *
     * @param index among the inputs of a model, from 0
     * @param batches the views of a step
     * @param further what the step needs besides
     * @param losses how many losses have a weight
     */
    public StepInput(int index, List<ViewBatch> batches, List<StepValues> further, int losses) {
        this.index = index;
        List<ViewInput> inputs = new ArrayList<>();
        long at = 0;
        for (ViewBatch batch : batches) {
            ViewInput input = new ViewInput(this, arena, batch, at);
            inputs.add(input);
            at += input.bytes();
        }
        this.batches = Collections.unmodifiableList(inputs);
        valuesAt = at;
        for (StepValues v : further) {
            values.add(arena.floats(v.name(), v.dims()));
            at += values.get(values.size() - 1).bytes();
        }
        scalarsAt = at;
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
        host = device.hostBuffer(scalarsAt + scalars.bytes());
        integers = host.bytes().asIntBuffer();
        for (int i = 0; i < weights.length; i++) {
            weights[i] = scalars.slice("weight of loss " + i, i, 1);
        }
        optimizerScalars = scalars.slice("optimizer's numbers", weights.length, OPTIMIZER_SCALARS);
    }

    /** Its place among the inputs of a model, from 0. */
    public int index() {
        return index;
    }

    /** The batches of views, in the order in which the objective declares them. */
    public List<ViewInput> batches() {
        return batches;
    }

    /** One of them. */
    public ViewInput batch(int index) {
        return batches.get(index);
    }

    /** Further values on the device, in the order in which the objective declares them. */
    public Tensor values(int index) {
        return values.get(index);
    }

    /** The place of further values in {@link #host()}, in floats. */
    public int valuesOffset(int index) {
        return Math.toIntExact(valuesAt(index) / Float.BYTES);
    }

    private long valuesAt(int index) {
        long at = valuesAt;
        for (int i = 0; i < index; i++) {
            at += values.get(i).bytes();
        }
        return at;
    }

    /** Host memory to fill: for each batch the views and then the masking noise, all floats; {@link ViewInput} has the places. */
    public HostBuffer host() {
        return host;
    }

    IntBuffer integers() {
        return integers;
    }

    /** Chooses whether the noise is drawn on the device from the {@linkplain ViewInput#keys keys}, or given in {@link #host()} (the default). */
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
        return Math.toIntExact(scalarsAt / Float.BYTES);
    }

    /** The place of the optimizer's {@link #OPTIMIZER_SCALARS} numbers in {@link #host()}, in floats. */
    public int optimizerOffset() {
        return scalarsOffset() + weights.length;
    }

    /** Enqueues the upload of everything; the host memory must not change until it is done. */
    public void upload(Stream stream) {
        for (int i = 0; i < batches.size(); i++) {
            batches.get(i).uploadImages(stream, host);
        }
        uploadRest(stream);
    }

    /** Enqueues the upload of everything but the views, which are made on the device. */
    public void uploadRest(Stream stream) {
        for (int i = 0; i < batches.size(); i++) {
            batches.get(i).uploadMasks(stream, host, masksDrawn);
        }
        for (int i = 0; i < values.size(); i++) {
            stream.upload(values.get(i), host, valuesAt(i));
        }
        stream.upload(scalars, host, scalarsAt);
    }

    /** The weight of a loss, on the device. */
    public Tensor weight(int loss) {
        return weights[loss];
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
