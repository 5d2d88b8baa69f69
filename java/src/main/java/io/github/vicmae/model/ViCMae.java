package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.ProjectionHead;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.loss.InfoNce;
import java.util.ArrayList;
import java.util.List;

/**
 * ViC-MAE in training (Hernandez, Villegas and Ordonez, ECCV 2024, arXiv 2303.12001): two views of each sample are masked, encoded with shared
 * weights, reconstructed, and their pooled features pulled together by InfoNCE.
 *
 * <p>One step, top to bottom: {@link #inputs()} is filled, {@link #forwardBackward} uploads it, runs both passes and adds to the gradients, and
 * the optimizer uses them. All memory is taken when the model is made; a step takes none. For one thread at a time.
 */
public final class ViCMae implements AutoCloseable {
    /** Views of each sample. */
    public static final int VIEWS = 2;

    private static final int LOSSES = VIEWS + 1;
    /** With which the names of activations' gradients begin. */
    private static final String GRADIENT = "d ";

    private final ModelConfig config;
    private final int batch;
    private final Stream stream;
    private final Kernels kernels;
    private final Parameters parameters = new Parameters();
    private final Arena arena = new Arena("activations");
    private final VisionTransformer encoder;
    private final Decoder decoder;
    private final ProjectionHead predictor;
    private final ProjectionHead target;
    private final InfoNce infoNce;

    private final Tensor images;
    private final Tensor noise;
    private final Tensor weights;
    private final Tensor restore;
    private final Tensor keep;
    private final Tensor pooled;
    private final Tensor argmax;
    private final Tensor losses;
    private final Tensor reconstructionLosses;
    private final Tensor contrastiveLoss;
    private final Tensor reconstructionWeightTensor;
    private final Tensor contrastiveWeightTensor;
    private final Tensor dpooled;
    private final Tensor dencoded;
    private final Tensor dtokens;
    private final Tensor dpredictor;
    private final Tensor dtarget;
    private HostBuffer inputs;
    private HostBuffer weightsHost;
    private HostBuffer lossesHost;
    private long headCalls;
    private double total;
    private double reconstruction;
    private double contrastive;

    /** {@link #ViCMae(Device, ModelConfig, int, Execution)} in floats, with all activations kept. */
    public ViCMae(Device device, ModelConfig config, int batch) {
        this(device, config, batch, Execution.DEFAULT);
    }

    /**
     * Makes the model and takes its memory; parameters are not initialised.
     *
     * @param batch samples of a step, at least 2: BatchNorm needs more than one row
     * @throws IllegalArgumentException if the batch is too small
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public ViCMae(Device device, ModelConfig config, int batch, Execution execution) {
        if (batch < 2) {
            throw new IllegalArgumentException("A batch of " + batch
                    + " is too small: the heads' BatchNorm and the contrastive loss need at least 2 samples");
        }
        this.config = config;
        this.batch = batch;
        kernels = Kernels.onNewStream(device);
        stream = kernels.stream();
        try {
            int n = VIEWS * batch;
            int tokens = 1 + config.kept();
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, parameters, arena, scratch, true, execution.precision());

            images = arena.floats("images", n, config.channels(), config.height(), config.width());
            noise = arena.floats("noise", n, config.patches());
            weights = arena.floats("loss weights", 2);
            restore = arena.tensor("restore", DType.I32, n, config.patches());
            keep = arena.tensor("keep", DType.I32, n, config.kept());
            encoder = new VisionTransformer(context, config, n, config.kept(), execution.recompute());
            pooled = context.activation("pooled", n, config.dim());
            argmax = arena.tensor("argmax", DType.I32, n, config.dim());
            decoder = new Decoder(context, config, n, execution.recompute());
            boolean paper = config.variant() == Variant.PAPER;
            predictor = head(context, paper ? "predictor" : "projector");
            target = paper ? head(context, "target") : predictor;
            infoNce =
                    new InfoNce(kernels, arena, scratch, !paper, batch, config.headOut(), (float) config.temperature());
            losses = arena.floats("losses", LOSSES);
            dpooled = arena.floats("d pooled", n, config.dim());
            dencoded = arena.floats("d norm", n, tokens, config.dim());
            dtokens = arena.floats("d tokens", n, tokens, config.dim());
            dpredictor = arena.floats("d predictor", n, config.headOut());
            dtarget = paper ? arena.floats("d target", n, config.headOut()) : dpredictor;
            scratch.plan(arena);
            parameters.plan(true, execution.precision());

            parameters.allocate(device, stream);
            arena.allocate(device);
            inputs = device.hostBuffer(images.bytes() + noise.bytes());
            weightsHost = device.hostBuffer(weights.bytes());
            lossesHost = device.hostBuffer(losses.bytes());
            infoNce.prepare(stream);
            reconstructionLosses = losses.slice("reconstruction losses", 0, VIEWS);
            contrastiveLoss = losses.slice("contrastive loss", VIEWS, 1);
            reconstructionWeightTensor = weights.slice("reconstruction weight", 0, 1);
            contrastiveWeightTensor = weights.slice("contrastive weight", 1, 1);
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private ProjectionHead head(Context context, String name) {
        return new ProjectionHead(context, name, VIEWS, batch, config.dim(), config.headHidden(), config.headOut());
    }

    public ModelConfig config() {
        return config;
    }

    /** Samples of a step. */
    public int batch() {
        return batch;
    }

    public Stream stream() {
        return stream;
    }

    public Kernels kernels() {
        return kernels;
    }

    public Parameters parameters() {
        return parameters;
    }

    /**
     * Where a step's input is written: the views [2, batch, C, H, W], then the masking noise [2, batch, L], all floats.
     */
    public HostBuffer inputs() {
        return inputs;
    }

    /** The place of the noise in {@link #inputs()}, in floats. */
    public int noiseOffset() {
        return Math.toIntExact(images.size());
    }

    /** How often each head was called, once for each view: BatchNorm's num_batches_tracked. */
    public long headCalls() {
        return headCalls;
    }

    /** Sets {@link #headCalls()} when a checkpoint is loaded. */
    void setHeadCalls(long calls) {
        headCalls = calls;
    }

    /**
     * Runs both passes on {@link #inputs()} and adds the gradients of the weighted sum of the losses.
     * Returns when {@link #losses()} are known.
     */
    public void forwardBackward(double reconstructionWeight, double contrastiveWeight) {
        weightsHost.floats().put(0, (float) reconstructionWeight);
        weightsHost.floats().put(1, (float) contrastiveWeight);
        stream.upload(images, inputs, 0);
        stream.upload(noise, inputs, images.bytes());
        stream.upload(weights, weightsHost, 0);
        forward();
        backward();
        stream.download(lossesHost, 0, losses);
        stream.synchronize();
        reconstruction =
                0.5 * ((double) lossesHost.floats().get(0) + lossesHost.floats().get(1));
        contrastive = lossesHost.floats().get(VIEWS);
        total = reconstructionWeight * reconstruction + contrastiveWeight * contrastive;
    }

    /** The losses of the last step. */
    public Losses losses() {
        return new Losses(total, reconstruction, contrastive);
    }

    private void forward() {
        int n = VIEWS * batch;
        Pooling pooling = config.pooling();
        kernels.masking().rank(restore, keep, noise, n, config.patches(), config.kept());
        encoder.forward(images, keep);
        kernels.pool().forward(pooled, argmax, encoder.output(), pooling, n, 1 + config.kept(), config.dim());
        predictor.forward(pooled);
        if (target != predictor) {
            target.forward(pooled);
        }
        headCalls += VIEWS;
        infoNce.forward(contrastiveLoss, predictor.output(), target.output());
        decoder.forward(encoder.output(), restore);
        decoder.loss(reconstructionLosses, images, restore, VIEWS, reconstructionWeightTensor);
    }

    private void backward() {
        int n = VIEWS * batch;
        decoder.backward(dencoded, encoder.output(), restore, keep);
        infoNce.backward(dpredictor, dtarget, contrastiveWeightTensor);
        predictor.backward(dpooled, dpredictor, pooled, false);
        if (target != predictor) {
            target.backward(dpooled, dtarget, pooled, true);
        }
        kernels.pool()
                .backward(
                        dencoded,
                        dpooled,
                        pooled,
                        argmax,
                        encoder.output(),
                        config.pooling(),
                        n,
                        1 + config.kept(),
                        config.dim());
        encoder.backward(dtokens, dencoded);
    }

    /** [2 * batch, dim]: the pooled features of the last step, first views first. */
    public Tensor pooled() {
        return pooled;
    }

    /** [2 * batch, 1 + L, p * p * C]: the last step's predictions; row 0 of each sample means nothing. */
    public Tensor prediction() {
        return decoder.prediction();
    }

    /** [2 * batch, L] integers: the rank of each patch's noise; a patch is masked if its rank is at least {@link ModelConfig#kept()}. */
    public Tensor restore() {
        return restore;
    }

    /** Bytes of device memory: parameters with gradients and moments, and activations. */
    public long bytes() {
        return parameters.bytes() + arena.bytes();
    }

    /**
     * Names the first tensor that holds a value that is not finite: parameters, inputs and activations in the order of the computation, then
     * gradients.
     *
     * @return its name, or null if all are finite
     */
    public String firstNonFinite() {
        List<Tensor> order = new ArrayList<>();
        parameters.all().forEach(p -> order.add(p.value()));
        arena.tensors().stream().filter(t -> !t.name().startsWith(GRADIENT)).forEach(order::add);
        arena.tensors().stream().filter(t -> t.name().startsWith(GRADIENT)).forEach(order::add);
        parameters.all().stream().filter(Parameter::isTrained).forEach(p -> order.add(p.gradient()));
        for (Tensor t : order) {
            if (t.dtype().isFloating() && !t.name().equals(Scratch.NAME) && hasNonFinite(t)) {
                return t.name();
            }
        }
        return null;
    }

    private boolean hasNonFinite(Tensor t) {
        for (float v : stream.read(t)) {
            if (!Float.isFinite(v)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream, inputs, weightsHost, lossesHost, arena, parameters);
    }
}
