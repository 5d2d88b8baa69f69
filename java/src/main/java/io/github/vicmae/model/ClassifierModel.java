package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;

/** A trained encoder with its classifier, for use: views in, logits out, in batches of a fixed size. Memory is taken once. For one thread at a time. */
public final class ClassifierModel implements AutoCloseable {
    private final TrunkConfig trunk;
    private final int classes;
    private final int batch;
    private final Kernels kernels;
    private final Parameters parameters = new Parameters();
    private final Arena arena = new Arena("classifier");
    private VisionTransformer encoder;
    private ClassifierHead head;
    private Tensor views;
    private HostBuffer input;
    private HostBuffer output;

    /**
     * @param classes outputs
     * @param batch views that are run at once, at least 1
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public ClassifierModel(Device device, TrunkConfig trunk, int classes, int batch, Precision precision) {
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least one view, not " + batch);
        }
        this.trunk = trunk;
        this.classes = classes;
        this.batch = batch;
        kernels = Kernels.onNewStream(device);
        try {
            PatchGrid grid = trunk.grid();
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, parameters, arena, scratch, false, precision);
            views = trunk.frames() == 1
                    ? arena.floats("images", batch, trunk.channels(), trunk.height(), trunk.width())
                    : arena.floats("clips", batch, trunk.channels(), trunk.frames(), trunk.height(), trunk.width());
            encoder = VisionTransformer.withoutNorm(context, trunk, grid, batch, false, false);
            head = new ClassifierHead(context, grid, batch, trunk.dim(), classes, false);
            scratch.plan(arena);
            parameters.plan(false, precision);
            parameters.allocate(device, stream());
            arena.allocate(device);
            input = device.hostBuffer(views.bytes());
            output = device.hostBuffer(head.logits().bytes());
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private Stream stream() {
        return kernels.stream();
    }

    /** Outputs. */
    public int classes() {
        return classes;
    }

    /** What the views are encoded by. */
    public TrunkConfig trunk() {
        return trunk;
    }

    /**
     * Loads the weights.
     *
     * @return what else the file holds, by name; it is passed over
     * @throws IOException naming every tensor that is missing or of another shape
     */
    public List<String> load(TensorSource file) throws IOException {
        TensorSource source = StateDict.of(file);
        Checkpoint.loadParameters(source, parameters.all(), stream(), "", Parameter::value);
        parameters.round(kernels);
        return OtherTensors.passedOver(source, parameters.all());
    }

    /** Takes over the weights of a classifier in training on the same device, or their moving averages if it has them. */
    public void copyFrom(ModelState model) {
        model.stream().synchronize();
        for (Parameter p : parameters.all()) {
            Parameter from = model.parameters().get(p.name());
            stream().copy(p.value(), from.average() == null ? from.value() : from.average());
        }
        parameters.round(kernels);
        stream().synchronize();
    }

    /**
     * Computes the logits of {@code count} views.
     *
     * @param from normalised, [count, C, H, W], or [count, C, T, H, W] of clips, from index 0 on
     * @param logits [count, classes], written from index 0 on
     * @param count at least 0
     */
    public void logits(FloatBuffer from, FloatBuffer logits, int count) {
        int size = Math.multiplyExact(trunk.imageSize(), trunk.frames());
        for (int done = 0; done < count; done += batch) {
            int part = Math.min(batch, count - done);
            input.floats().put(0, from, done * size, part * size);
            stream().upload(views, input, 0);
            encoder.forward(views, null);
            head.forward(encoder.output(), null);
            stream().download(output, 0, head.logits());
            stream().synchronize();
            logits.put(done * classes, output.floats(), 0, part * classes);
        }
    }

    @Override
    public void close() {
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream(), input, output, arena, parameters);
    }
}
