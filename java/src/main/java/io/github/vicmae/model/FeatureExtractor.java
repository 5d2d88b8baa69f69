package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
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
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

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
    private final Parameters parameters;
    private final Arena arena = new Arena("features");
    private final Arena clipArena = new Arena("features of clips");
    /** By batch size, ascending. */
    private final List<ExtractionPlan> images = new ArrayList<>();
    /** Null until clips are asked for. */
    private ExtractionPlan clips;

    private boolean closed;

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
        this(device, trunk, pooling, precision, new Parameters(), sizes(batch));
        allocate();
    }

    private FeatureExtractor(
            Device device,
            TrunkConfig trunk,
            Pooling pooling,
            Precision precision,
            Parameters parameters,
            int[] batches) {
        if (batches[batches.length - 1] < 1) {
            throw new IllegalArgumentException("A batch has at least one image, not " + batches[batches.length - 1]);
        }
        this.trunk = trunk;
        this.pooling = pooling;
        this.precision = precision;
        this.parameters = parameters;
        grid = imageGrid(trunk);
        kernels = Kernels.onNewStream(device);
        stream = kernels.stream();
        declare(batches);
        if (!parameters.isShared()) {
            parameters.plan(false, precision);
        }
    }

    private void allocate() {
        Device device = stream.device();
        try {
            if (!parameters.isShared()) {
                parameters.allocate(device, stream);
                parameters.allocatePacked(device, precision);
            }
            arena.allocate(device);
            for (ExtractionPlan plan : images) {
                plan.allocate(device);
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /**
     * The same with activations for batches of 1, 2, 4 and so on up to {@code batch}, so that few images take little more time than they need. It
     * takes no more memory on the device: activations of one size lie over those of another.
     */
    public static FeatureExtractor ofAnySize(
            Device device, TrunkConfig trunk, Pooling pooling, int batch, Precision precision) {
        int[] batches = IntStream.concat(
                        IntStream.iterate(1, size -> size < batch, size -> 2 * size), IntStream.of(batch))
                .toArray();
        boolean share = device.tensorGap() == 0;
        FeatureExtractor extractor = new FeatureExtractor(
                device, trunk, pooling, precision, new Parameters(), share ? batches : sizes(batch));
        extractor.allocate();
        return extractor;
    }

    /**
     * Another one of the same weights, which may work at the same time as this, on a stream and activations of its own. The weights stay this one's:
     * it must be closed last, and not be given others while the new one works.
     *
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public FeatureExtractor another() {
        int[] batches = images.stream().mapToInt(ExtractionPlan::batch).toArray();
        FeatureExtractor other =
                new FeatureExtractor(stream.device(), trunk, pooling, precision, parameters.shared(), batches);
        other.allocate();
        return other;
    }

    /** The plans of images lie one over the other, but where a device checks accesses tensor by tensor. */
    private void declare(int[] batches) {
        Scratch scratch = new Scratch();
        Arena.Mark start = arena.mark();
        for (int batch : batches) {
            Parameters declared = images.isEmpty() ? parameters : parameters.shared();
            Context context = new Context(kernels, declared, arena, scratch, false, precision);
            if (stream.device().tensorGap() == 0) {
                arena.rewind(start);
            }
            images.add(new ExtractionPlan(context, trunk, grid, pooling, batch, 1));
        }
        scratch.plan(arena); // behind the largest, which is the last
    }

    private static int[] sizes(int batch) {
        return batch == 1 ? new int[] {1} : new int[] {1, batch};
    }

    private static PatchGrid imageGrid(TrunkConfig trunk) {
        return trunk.positions() == PositionKind.SINUSOID ? trunk.imageGrid() : trunk.grid();
    }

    /**
     * The device memory that an encoder takes, in bytes, whether there is such a device or not.
     *
     * @param batch images that are run at once
     */
    public static long plannedBytes(Device.Kind kind, TrunkConfig trunk, int batch) {
        try (FeatureExtractor planned = new FeatureExtractor(
                new PlanningDevice(kind), trunk, Pooling.MEAN, Precision.FP32, new Parameters(), sizes(batch))) {
            return planned.arena.bytes()
                    + planned.parameters.bytes()
                    + planned.parameters.packedBytes(planned.stream.device(), Precision.FP32);
        }
    }

    /** The encoder's shape. */
    public TrunkConfig trunk() {
        return trunk;
    }

    /** Patches of an image. */
    public int patches() {
        return grid.patches();
    }

    /** Images that are run at once. */
    public int batch() {
        return images.get(images.size() - 1).batch();
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
     * @param views normalised, [count, C, H, W], from index 0 on, whatever the position; left as it is
     * @param features [count, dim], written from index 0 on
     * @param count at least 0
     * @throws IllegalArgumentException if the count is negative, a buffer ends before its last value, or the features' buffer is read-only
     * @throws IllegalStateException if this or its device is closed
     */
    public void extract(FloatBuffer views, FloatBuffer features, int count) {
        extract(views, features, null, count);
    }

    /**
     * The same, and the images' class tokens behind the encoder's last norm.
     *
     * @param pooled the pooled features, [count, dim]; null to leave them out
     * @param classTokens [count, dim]; null to leave them out
     * @throws IllegalArgumentException also if the encoder has no class token, and one is asked for
     */
    public void extract(FloatBuffer views, FloatBuffer pooled, FloatBuffer classTokens, int count) {
        extract(views, new ExtractedTokens(pooled, classTokens, null), count);
    }

    /** The same for all that an encoder's output holds. */
    public synchronized void extract(FloatBuffer views, ExtractedTokens to, int count) {
        checkOpen();
        require(views, trunk.imageSize(), to, grid, count);
        for (int done = 0; done < count; ) {
            ExtractionPlan plan = planFor(count - done);
            int part = Math.min(plan.batch(), count - done);
            plan.run(views, done, part, to);
            done += part;
        }
    }

    /** The smallest that takes so many, or the largest. */
    private ExtractionPlan planFor(int count) {
        int i = 0;
        while (i < images.size() - 1 && images.get(i).batch() < count) {
            i++;
        }
        return images.get(i);
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
        Scratch scratch = new Scratch();
        Context context = new Context(kernels, parameters.shared(), clipArena, scratch, false, precision);
        clips = new ExtractionPlan(context, trunk, trunk.grid(), pooling, batch, trunk.frames());
        scratch.plan(clipArena);
        clipArena.allocate(stream.device());
        clips.allocate(stream.device());
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
        ExtractedTokens to = new ExtractedTokens(pooled, classTokens, null);
        require(views, Math.multiplyExact(trunk.imageSize(), trunk.frames()), to, trunk.grid(), count);
        for (int done = 0; done < count; done += clips.batch()) {
            clips.run(views, done, Math.min(clips.batch(), count - done), to);
        }
    }

    private void require(FloatBuffer views, int size, ExtractedTokens to, PatchGrid of, int count) {
        if (count < 0) {
            throw new IllegalArgumentException("The number of images must be 0 or more, not " + count);
        }
        if (to.classTokens() != null && !trunk.classToken()) {
            throw new IllegalArgumentException("This encoder has no class token; take its pooled features");
        }
        ExtractedTokens.requireRoom("images", views, count, size);
        to.require(count, trunk.dim(), of.patches());
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
        Closing.all(
                stream, () -> Closing.all(images.toArray(AutoCloseable[]::new)), arena, clips, clipArena, parameters);
    }
}
