package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * The trained encoder for use: unmasked images in, pooled features out, in batches of up to a fixed size. Memory is taken once. May be shared by
 * several threads: a call waits until the one before it is done.
 */
public final class FeatureExtractor implements AutoCloseable {
    private final TrunkConfig trunk;
    private final PatchGrid grid;
    private final Pooling pooling;
    private final Precision precision;
    private final Kernels kernels;
    private final Stream stream;
    private final Parameters parameters = new Parameters();
    private Plan single;
    private Plan many;
    /** Null until clips are asked for. */
    private Plan clips;

    private boolean closed;

    /** The layers and activations for views of one form and one batch size. */
    private final class Plan implements AutoCloseable {
        private final int batch;
        private final Arena arena = new Arena("features");
        private final VisionTransformer encoder;
        private final Kernels kernels;
        private final PatchGrid grid;
        private final Tensor views;
        /** The encoder's tokens as floats. */
        private final Tensor tokens;

        private final Tensor pooled;
        private final Tensor argmax;
        /** Null where there is no class token. */
        private final Tensor classToken;

        private HostBuffer input;
        private HostBuffer output;
        private HostBuffer classOutput;

        /** @param frames of a view: 1 for images, which are repeated for all frames of the grid */
        Plan(
                Kernels kernels,
                Parameters declared,
                int batch,
                PatchGrid grid,
                int frames,
                Device device,
                Runnable beforeAllocation) {
            this.kernels = kernels;
            this.batch = batch;
            this.grid = grid;
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, declared, arena, scratch, false, precision);
            views = frames == 1
                    ? arena.floats("images", batch, trunk.channels(), trunk.height(), trunk.width())
                    : arena.floats("clips", batch, trunk.channels(), frames, trunk.height(), trunk.width());
            encoder = new VisionTransformer(context, trunk, grid, batch, grid.patches(), false);
            tokens = precision == Precision.FP32
                    ? encoder.output()
                    : arena.floats("tokens", batch, grid.tokens(grid.patches()), trunk.dim());
            pooled = arena.floats("pooled", batch, trunk.dim());
            argmax = arena.tensor("argmax", DType.I32, batch, trunk.dim());
            classToken = grid.classToken() ? arena.floats("class token", batch, trunk.dim()) : null;
            scratch.plan(arena);
            beforeAllocation.run();
            try {
                arena.allocate(device);
                input = device.hostBuffer(views.bytes());
                output = device.hostBuffer(pooled.bytes());
                classOutput = classToken == null ? null : device.hostBuffer(classToken.bytes());
            } catch (RuntimeException | Error e) {
                Closing.after(e, this);
                throw e;
            }
        }

        /** Runs the views of the input buffer; the class tokens are left where they are unless they are asked for. */
        void run(boolean pools, boolean takesClassTokens) {
            stream.upload(views, input, 0);
            encoder.forward(views, null);
            if (tokens != encoder.output()) {
                kernels.pointwise().convert(tokens, encoder.output());
            }
            if (pools) {
                pool(pooled, pooling);
                stream.download(output, 0, pooled);
            }
            if (takesClassTokens) {
                pool(classToken, Pooling.CLS);
                stream.download(classOutput, 0, classToken);
            }
            stream.synchronize();
        }

        private void pool(Tensor row, Pooling how) {
            kernels.pool()
                    .forward(row, argmax, tokens, how, grid, trunk.registers(), batch, grid.patches(), trunk.dim());
        }

        @Override
        public void close() {
            Closing.all(input, output, classOutput, arena);
        }
    }

    /**
     * Makes the encoder of a model.
     *
     * @param pooling how the tokens of an image become its features
     * @param batch images that are run at once by {@link #extract}, at least 1
     */
    public FeatureExtractor(Device device, TrunkConfig trunk, Pooling pooling, int batch) {
        this(device, trunk, pooling, batch, Precision.FP32);
    }

    /**
     * The same in another precision.
     *
     * @param precision of activations and products; features are floats in any case
     */
    public FeatureExtractor(Device device, TrunkConfig trunk, Pooling pooling, int batch, Precision precision) {
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least one image, not " + batch);
        }
        this.trunk = trunk;
        grid = trunk.positions() == PositionKind.SINUSOID ? trunk.imageGrid() : trunk.grid();
        this.pooling = pooling;
        this.precision = precision;
        kernels = Kernels.onNewStream(device);
        stream = kernels.stream();
        try {
            single = new Plan(kernels, parameters, 1, grid, 1, device, () -> {
                parameters.plan(false, precision);
                parameters.allocate(device, stream);
                parameters.allocatePacked(device, precision);
            });
            many = batch == 1 ? single : new Plan(kernels, parameters.shared(), batch, grid, 1, device, () -> {});
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /**
     * The device memory that an encoder takes, in bytes, whether there is such a device or not.
     *
     * @param batch images that are run at once
     */
    public static long plannedBytes(Device.Kind kind, TrunkConfig trunk, int batch) {
        Kernels kernels = Kernels.onNewStream(new PlanningDevice(kind));
        PatchGrid grid = trunk.positions() == PositionKind.SINUSOID ? trunk.imageGrid() : trunk.grid();
        Parameters parameters = new Parameters();
        long bytes = 0;
        for (int images : batch == 1 ? new int[] {1} : new int[] {1, batch}) {
            Arena arena = new Arena("features");
            Scratch scratch = new Scratch();
            Parameters declared = bytes == 0 ? parameters : parameters.shared();
            Context context = new Context(kernels, declared, arena, scratch, false, Precision.FP32);
            arena.floats("images", images, trunk.channels(), trunk.height(), trunk.width());
            new VisionTransformer(context, trunk, grid, images, grid.patches(), false);
            arena.floats("pooled", images, trunk.dim());
            arena.tensor("argmax", DType.I32, images, trunk.dim());
            if (grid.classToken()) {
                arena.floats("class token", images, trunk.dim());
            }
            scratch.plan(arena);
            bytes += arena.bytes();
        }
        parameters.plan(false, Precision.FP32);
        return bytes
                + parameters.bytes()
                + parameters.packedBytes(kernels.stream().device(), Precision.FP32);
    }

    /** The encoder's shape. */
    public TrunkConfig trunk() {
        return trunk;
    }

    /** Images that are run at once. */
    public int batch() {
        return many.batch;
    }

    /**
     * Loads the encoder's weights. Wrappers around the names, such as {@code module.}, are taken off.
     *
     * @return what else the file holds besides the parts of the published models, by name; it is passed over
     * @throws IOException naming every tensor that is missing, of another shape, or changes what is computed in a way that this encoder does not
     *     have, such as a LayerScale
     */
    public synchronized List<String> load(TensorSource file) throws IOException {
        checkOpen();
        TensorSource source = StateDict.of(file);
        Checkpoint.loadParameters(source, parameters.all(), stream, "", Parameter::value);
        prepare();
        return OtherTensors.passedOver(source, parameters.all());
    }

    /** Gives the encoder fresh weights. */
    public synchronized void initialise(long seed) {
        checkOpen();
        parameters.initialise(kernels, seed);
        prepare();
    }

    /** Takes over the weights of a model in training, on the same device. */
    public synchronized void copyFrom(ModelState model) {
        checkOpen();
        model.stream().synchronize();
        for (Parameter p : parameters.all()) {
            stream.copy(p.value(), model.parameters().get(p.name()).value());
        }
        prepare();
        stream.synchronize();
    }

    /** Brings what products read up to the weights. */
    private void prepare() {
        parameters.round(kernels);
        parameters.pack(stream);
    }

    /**
     * Computes the pooled features of {@code count} images.
     *
     * <p>Buffers may be direct or on the heap, and of either byte order; direct ones in native order are the fastest.
     *
     * @param images normalised, [count, C, H, W], from index 0 on, whatever the position; left as it is
     * @param features [count, dim], written from index 0 on
     * @param count at least 0
     * @throws IllegalArgumentException if the count is negative, a buffer ends before its last value, or the features' buffer is read-only
     * @throws IllegalStateException if this or its device is closed
     */
    public void extract(FloatBuffer images, FloatBuffer features, int count) {
        extract(images, features, null, count);
    }

    /**
     * The same, and the images' class tokens behind the encoder's last norm.
     *
     * @param pooled the pooled features, [count, dim]; null to leave them out
     * @param classTokens [count, dim]; null to leave them out
     * @throws IllegalArgumentException also if the encoder has no class token, and one is asked for
     */
    public synchronized void extract(FloatBuffer images, FloatBuffer pooled, FloatBuffer classTokens, int count) {
        checkOpen();
        run(single, many, trunk.imageSize(), images, pooled, classTokens, count);
    }

    /**
     * Takes the memory that {@link #extractClips} needs.
     *
     * @param batch clips that are run at once, at least 1
     * @throws IllegalStateException if the encoder takes images alone, or this was called before
     */
    public synchronized void planClips(int batch) {
        checkOpen();
        if (trunk.frames() == 1 || clips != null || batch < 1) {
            throw new IllegalStateException(
                    trunk.frames() == 1
                            ? "This encoder takes images, not clips"
                            : "Batches of clips are planned once, with at least one clip");
        }
        clips = new Plan(kernels, parameters.shared(), batch, trunk.grid(), trunk.frames(), stream.device(), () -> {});
    }

    /**
     * Computes the features of clips, once {@link #planClips} was called.
     *
     * @param views normalised, [count, C, T, H, W], from index 0 on
     * @param pooled the pooled features, [count, dim]; null to leave them out
     * @param classTokens [count, dim]; null to leave them out
     * @throws IllegalArgumentException as {@link #extract}
     */
    public synchronized void extractClips(FloatBuffer views, FloatBuffer pooled, FloatBuffer classTokens, int count) {
        checkOpen();
        if (clips == null) {
            throw new IllegalStateException("No memory was taken for clips");
        }
        int size = Math.multiplyExact(trunk.imageSize(), trunk.frames());
        run(clips, clips, size, views, pooled, classTokens, count);
    }

    /** @param last runs a single view that is left over */
    private void run(
            Plan last, Plan all, int size, FloatBuffer views, FloatBuffer pooled, FloatBuffer classTokens, int count) {
        if (count < 0) {
            throw new IllegalArgumentException("The number of images must be 0 or more, not " + count);
        }
        if (classTokens != null && !trunk.classToken()) {
            throw new IllegalArgumentException("This encoder has no class token; take its pooled features");
        }
        require("images", views, count, size);
        requireWritable(pooled, count);
        requireWritable(classTokens, count);
        int done = 0;
        while (done < count) {
            Plan plan = count - done == 1 ? last : all;
            int part = Math.min(plan.batch, count - done);
            plan.input.floats().put(0, views, done * size, part * size);
            plan.run(pooled != null, classTokens != null);
            if (pooled != null) {
                pooled.put(done * trunk.dim(), plan.output.floats(), 0, part * trunk.dim());
            }
            if (classTokens != null) {
                classTokens.put(done * trunk.dim(), plan.classOutput.floats(), 0, part * trunk.dim());
            }
            done += part;
        }
    }

    private void requireWritable(FloatBuffer features, int count) {
        if (features == null) {
            return;
        }
        if (features.isReadOnly()) {
            throw new IllegalArgumentException(
                    "The buffer of features is read-only; it must be one that can be written");
        }
        require("features", features, count, trunk.dim());
    }

    private static void require(String what, FloatBuffer buffer, int count, int size) {
        long wanted = (long) count * size;
        if (buffer.limit() < wanted) {
            throw new IllegalArgumentException("The buffer of " + what + " needs " + wanted + " floats (" + count
                    + " times " + size + "), but its limit is " + buffer.limit());
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("The encoder is used after it was closed");
        }
    }

    /** Frees the encoder's memory, once a call in progress in another thread is done. Closing it again does nothing. */
    @Override
    public synchronized void close() {
        closed = true;
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream, clips, many == single ? null : many, single, parameters);
    }
}
