package io.github.vicmae.optim;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.AdamWKernels;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.ParameterPart;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.List;

/**
 * AdamW (Loshchilov and Hutter 2019) over a model's flat buffers, in torch's order: decay, moments, step. The gradient's norm is computed, and
 * clipped if wanted, on the device.
 */
public final class AdamW implements AutoCloseable {
    /** AdamW's numbers but for the learning rate. */
    public record Settings(
            @Setting(description = "decay of the gradients' mean", value = "0.9", range = "[0, 1)")
            double beta1,

            @Setting(
                    flag = "--beta2",
                    description = "decay of the gradients' mean square",
                    value = "0.95",
                    range = "[0, 1)")
            double beta2,

            @Setting(description = "added to the root of the mean square", value = "1e-8", range = "(0, inf)")
            double eps,

            @Setting(
                    flag = "--weight-decay",
                    description = "weight decay of parameters with more than one dimension, biases excepted",
                    value = "0.05",
                    range = "[0, inf)")
            double weightDecay,

            @Setting(
                    flag = "--clip",
                    description = "largest gradient norm that is not scaled down, 0 for no clipping",
                    value = "0",
                    shownDefault = "the method's",
                    range = "[0, inf)")
            double clipNorm) {
        /** The paper's: betas 0.9 and 0.95, weight decay 0.05, no clipping. */
        public static final Settings DEFAULT = new Settings(0.9, 0.95, 1e-8, 0.05, 0);

        public Settings {
            Definitions.check(Settings.class, beta1, beta2, eps, weightDecay, clipNorm);
        }
    }

    /** Numbers that an update needs: see {@link #prepare}. */
    public static final int SCALARS = 8;

    private final Kernels kernels;
    private final Parameters parameters;
    private final Settings settings;
    private final double averageDecay;
    private final Arena arena = new Arena("optimizer");
    private final Tensor scalars;
    private final GradientParts norms;
    /** The norm of all gradients, and the coefficient that clips them. */
    private final Tensor clip;

    private final List<Parameters.Piece> pieces;
    /** Null where all parameters have the same rate. */
    private final Tensor items;

    private HostBuffer scalarsHost;
    private HostBuffer normHost;
    private long steps;
    private float gradientNorm;

    /**
     * Takes the little memory that the update needs besides the parameters'.
     *
     * @throws io.github.vicmae.device.DeviceException if the device has not that much
     */
    public AdamW(Kernels kernels, Parameters parameters, Settings settings) {
        this(kernels, parameters, settings, 0);
    }

    /**
     * The same with the decay of the {@linkplain Parameters#average moving average} of what it updates.
     */
    public AdamW(Kernels kernels, Parameters parameters, Settings settings, double averageDecay) {
        this.averageDecay = averageDecay;
        this.kernels = kernels;
        this.parameters = parameters;
        this.settings = settings;
        Stream stream = kernels.stream();
        scalars = declareScalars(arena);
        requireLive(parameters);
        norms = new GradientParts(arena, stream, parameters);
        pieces = parameters.pieces(AdamWKernels.CHUNK);
        items = declareItems(arena, pieces);
        try {
            arena.allocate(stream.device());
            writeItems(stream);
            clip = norms.norms().slice("gradient norm", 0, 2);
            scalarsHost = stream.device().hostBuffer(scalars.bytes());
            normHost = newNormBuffer();
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private static Tensor declareScalars(Arena arena) {
        return arena.floats("AdamW's scalars", SCALARS);
    }

    private static Tensor declareItems(Arena arena, List<Parameters.Piece> pieces) {
        return pieces.isEmpty() ? null : arena.tensor("AdamW's items", DType.I32, pieces.size(), AdamWKernels.ITEM);
    }

    private void writeItems(Stream stream) {
        if (items == null) {
            return;
        }
        IntBuffer values = IntBuffer.allocate(Math.toIntExact(items.size()));
        for (Parameters.Piece piece : pieces) {
            values.put(piece.first()).put(piece.count()).put(Float.floatToRawIntBits(piece.rateScale()));
        }
        stream.write(items, values.array());
    }

    private static void requireLive(Parameters parameters) {
        if (parameters.live() == 0) {
            throw new IllegalArgumentException("All parameters are frozen: there is nothing to train");
        }
    }

    /** Bytes of device memory that an optimizer of planned parameters takes besides their own. */
    public static long bytes(Stream stream, Parameters parameters) {
        Arena arena = new Arena("optimizer");
        declareScalars(arena);
        new GradientParts(arena, stream, parameters);
        declareItems(arena, parameters.pieces(AdamWKernels.CHUNK));
        return arena.bytes();
    }

    /** Updates so far. */
    public long steps() {
        return steps;
    }

    /** Sets the number of updates, when a run is resumed. */
    public void setSteps(long done) {
        steps = done;
    }

    /**
     * Updates every parameter from its gradient and clears the gradients.
     *
     * @return false, and no parameter is touched, if the gradients' norm is not finite
     */
    public boolean step(double learningRate) {
        Stream stream = kernels.stream();
        prepare(learningRate, scalarsHost.floats(), 0);
        stream.upload(scalars, scalarsHost, 0);
        enqueue(scalars, normHost);
        stream.synchronize();
        gradientNorm = normHost.floats().get(0);
        if (!Float.isFinite(gradientNorm)) {
            steps--;
        }
        return Float.isFinite(gradientNorm);
    }

    /**
     * Counts an update and writes the {@link #SCALARS} numbers that it needs.
     *
     * @param offset where they go
     */
    public void prepare(double learningRate, FloatBuffer to, int offset) {
        steps++;
        to.put(offset, (float) learningRate);
        to.put(offset + 1, (float) settings.beta1());
        to.put(offset + 2, (float) settings.beta2());
        to.put(offset + 3, (float) settings.eps());
        to.put(offset + 4, (float) settings.weightDecay());
        to.put(offset + 5, (float) (1 - Math.pow(settings.beta1(), steps)));
        to.put(offset + 6, (float) (1 - Math.pow(settings.beta2(), steps)));
        to.put(offset + 7, 0);
    }

    /**
     * Gives an update to the stream, and the download of the gradients' norm; nothing is waited for, and the launches are the same every time. If
     * the norm is not finite the device touches no parameter. The gradients are cleared in any case.
     *
     * @param numbers [{@link #SCALARS}], as {@link #prepare} writes them
     * @param normTo receives the norms before clipping; see {@link #newNormBuffer}
     */
    public void enqueue(Tensor numbers, HostBuffer normTo) {
        Stream stream = kernels.stream();
        norms.enqueue(kernels.gradientNorm(), parameters.gradients(), (float) settings.clipNorm());
        kernels.adamW()
                .step(
                        parameters.values(),
                        parameters.rounded(),
                        parameters.gradients(),
                        parameters.firstMoments(),
                        parameters.secondMoments(),
                        items,
                        parameters.decayed(),
                        parameters.live(),
                        numbers,
                        clip);
        if (parameters.averages() != null) {
            kernels.pointwise().averageIn(parameters.averages(), parameters.values(), (float) (1 - averageDecay));
        }
        stream.download(normTo, 0, norms.norms());
    }

    /** Host memory for a step's norms: that of all gradients first, then, from {@link #place} on, those of the {@link #parts}. */
    public HostBuffer newNormBuffer() {
        return kernels.stream().device().hostBuffer(norms.norms().bytes());
    }

    /** The parts of the model that have gradients. */
    public List<ParameterPart> parts() {
        return norms.parts();
    }

    /** Where the norm of a part's gradients is in a buffer of norms. */
    public int place(int part) {
        return norms.place(part);
    }

    /** The 2-norm of all gradients together at the last {@link #step}, before clipping. */
    public float gradientNorm() {
        return gradientNorm;
    }

    @Override
    public void close() {
        Closing.all(this::waitForCopies, scalarsHost, normHost, arena);
    }

    /** A host buffer must outlive the copies that were given to the stream. */
    private void waitForCopies() {
        Stream stream = kernels.stream();
        if (!stream.isClosed() && !stream.device().isLost()) {
            stream.synchronize();
        }
    }
}
