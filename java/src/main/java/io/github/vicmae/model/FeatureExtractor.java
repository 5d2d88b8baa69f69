package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;
import java.nio.FloatBuffer;

/**
 * The trained encoder for use: unmasked images in, pooled features out, in batches of up to a fixed size. Memory is taken once. For one thread
 * at a time.
 */
public final class FeatureExtractor implements AutoCloseable {
    private final ModelConfig config;
    private final Kernels kernels;
    private final Stream stream;
    private final Parameters parameters = new Parameters();
    private Plan single;
    private Plan many;

    /** The layers and activations for one batch size. */
    private final class Plan implements AutoCloseable {
        private final int batch;
        private final Arena arena = new Arena("features");
        private final VisionTransformer encoder;
        private final Kernels kernels;
        private final Tensor images;
        private final Tensor pooled;
        private final Tensor argmax;
        private HostBuffer input;
        private HostBuffer output;

        Plan(Kernels kernels, Parameters declared, int batch, Device device, Runnable beforeAllocation) {
            this.kernels = kernels;
            this.batch = batch;
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, declared, arena, scratch, false, Precision.FP32);
            images = arena.floats("images", batch, config.channels(), config.height(), config.width());
            encoder = new VisionTransformer(context, config, batch, config.patches(), false);
            pooled = arena.floats("pooled", batch, config.dim());
            argmax = arena.tensor("argmax", DType.I32, batch, config.dim());
            scratch.plan(arena);
            beforeAllocation.run();
            try {
                arena.allocate(device);
                input = device.hostBuffer(images.bytes());
                output = device.hostBuffer(pooled.bytes());
            } catch (RuntimeException | Error e) {
                Closing.after(e, this);
                throw e;
            }
        }

        void run() {
            stream.upload(images, input, 0);
            encoder.forward(images, null);
            kernels.pool()
                    .forward(
                            pooled,
                            argmax,
                            encoder.output(),
                            config.pooling(),
                            config.grid(),
                            batch,
                            config.patches(),
                            config.dim());
            stream.download(output, 0, pooled);
            stream.synchronize();
        }

        @Override
        public void close() {
            Closing.all(input, output, arena);
        }
    }

    /**
     * Makes the encoder of a model.
     *
     * @param batch images that are run at once by {@link #extract}, at least 1
     */
    public FeatureExtractor(Device device, ModelConfig config, int batch) {
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least one image, not " + batch);
        }
        this.config = config;
        kernels = Kernels.onNewStream(device);
        stream = kernels.stream();
        try {
            single = new Plan(kernels, parameters, 1, device, () -> {
                parameters.plan(false, Precision.FP32);
                parameters.allocate(device, stream);
            });
            many = batch == 1 ? single : new Plan(kernels, parameters.shared(), batch, device, () -> {});
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    public ModelConfig config() {
        return config;
    }

    /** Images that are run at once. */
    public int batch() {
        return many.batch;
    }

    /**
     * Loads the encoder's weights; a file's other tensors are left alone.
     *
     * @throws IOException naming every tensor that is missing or of another shape
     */
    public void load(TensorSource source) throws IOException {
        Checkpoint.loadParameters(source, parameters.all(), stream, "", Parameter::value);
    }

    /** Gives the encoder fresh weights. */
    public void initialise(long seed) {
        parameters.initialise(kernels, seed);
    }

    /** Takes over the weights of a model in training, on the same device. */
    public void copyFrom(ViCMae model) {
        model.stream().synchronize();
        for (Parameter p : parameters.all()) {
            stream.copy(p.value(), model.parameters().get(p.name()).value());
        }
        stream.synchronize();
    }

    /**
     * Computes the pooled features of {@code count} images.
     *
     * @param images normalised, [count, C, H, W], from its position 0 on; left as it is
     * @param features [count, dim], written from its position 0 on
     * @throws IllegalArgumentException if a buffer is too small
     */
    public void extract(FloatBuffer images, FloatBuffer features, int count) {
        int size = config.channels() * config.height() * config.width();
        require(images.limit() >= (long) count * size, "images", (long) count * size, images.limit());
        require(
                features.limit() >= (long) count * config.dim(),
                "features",
                (long) count * config.dim(),
                features.limit());
        int done = 0;
        while (done < count) {
            Plan plan = count - done == 1 ? single : many;
            int part = Math.min(plan.batch, count - done);
            plan.input.floats().put(0, images, done * size, part * size);
            plan.run();
            features.put(done * config.dim(), plan.output.floats(), 0, part * config.dim());
            done += part;
        }
    }

    private static void require(boolean holds, String what, long wanted, long found) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "The buffer of " + what + " needs " + wanted + " floats but has " + found);
        }
    }

    @Override
    public void close() {
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream, many == single ? null : many, single, parameters);
    }
}
