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
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.UserLoss;
import io.github.vicmae.optim.AdamW;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * ViC-MAE in training (Hernandez, Villegas and Ordonez, ECCV 2024, arXiv 2303.12001): two views of each sample are masked, encoded with shared
 * weights, reconstructed, and their pooled features pulled together by InfoNCE, or another contrastive loss.
 *
 * <p>One step, top to bottom: an {@link #input} is filled, {@link #forwardBackward} uploads it, runs both passes and adds to the gradients, and
 * the optimizer uses them. Whoever wants uploads and steps to overlap calls {@link #enqueue} instead. All memory is taken when the model is made;
 * a step takes none. For one thread at a time.
 */
public final class ViCMae implements AutoCloseable {
    /** Views of each sample. */
    public static final int VIEWS = 2;

    private static final int LOSSES = VIEWS + 1;

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
    private final ContrastiveLoss contrastive;

    private final StepInput[] inputs;
    private final Tensor restore;
    private final Tensor keep;
    private final Tensor pooled;
    private final Tensor argmax;
    private final Tensor losses;
    private Tensor reconstructionLosses;
    private Tensor contrastiveLoss;
    private final Tensor dpooled;
    private final Tensor dencoded;
    private final Tensor dtokens;
    private final Tensor dpredictor;
    private final Tensor dtarget;
    private HostBuffer lossesHost;
    private long headCalls;
    private double lastReconstructionWeight;
    private double lastContrastiveWeight;

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
        this(device, config, batch, execution, true);
    }

    /** A model without memory, which can say how much it would take. */
    static ViCMae planned(Device device, ModelConfig config, int batch, Execution execution) {
        return new ViCMae(device, config, batch, execution, false);
    }

    private ViCMae(Device device, ModelConfig config, int batch, Execution execution, boolean allocate) {
        if (batch < 2) {
            throw new IllegalArgumentException("A batch of " + batch
                    + " is too small: the heads' BatchNorm and the contrastive loss need at least 2 samples");
        }
        this.config = config;
        this.batch = batch;
        inputs = new StepInput[execution.inputs()];
        kernels = Kernels.onNewStream(device);
        stream = kernels.stream();
        try {
            int n = Math.multiplyExact(VIEWS, batch);
            int tokens = 1 + config.kept();
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, parameters, arena, scratch, true, execution.precision());

            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = new StepInput(config, batch);
            }
            restore = arena.tensor("restore", DType.I32, n, config.patches());
            keep = arena.tensor("keep", DType.I32, n, config.kept());
            encoder = new VisionTransformer(context, config, n, config.kept(), execution.recompute());
            pooled = context.activation("pooled", n, config.dim());
            argmax = arena.tensor("argmax", DType.I32, n, config.dim());
            decoder = new Decoder(context, config, n, execution.recompute());
            boolean paper = config.variant() == Variant.PAPER;
            predictor = head(context, paper ? "predictor" : "projector");
            target = paper ? head(context, "target") : predictor;
            float temperature = (float) config.temperature();
            ContrastiveShape shape =
                    new ContrastiveShape(n, n, config.headOut(), temperature, !paper, execution.precision());
            contrastive = config.contrastiveLoss().create(kernels, arena, scratch, shape);
            losses = arena.floats("losses", LOSSES);
            dpooled = arena.floats("d pooled", n, config.dim());
            dencoded = arena.floats("d norm", n, tokens, config.dim());
            dtokens = arena.floats("d tokens", n, tokens, config.dim());
            dpredictor = arena.floats("d predictor", n, config.headOut());
            dtarget = paper ? arena.floats("d target", n, config.headOut()) : dpredictor;
            scratch.plan(arena);
            parameters.plan(true, execution.precision());

            if (allocate) {
                allocate(device);
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private void allocate(Device device) {
        parameters.allocate(device, stream);
        arena.allocate(device);
        for (StepInput input : inputs) {
            input.allocate(device);
        }
        lossesHost = newLossesBuffer();
        contrastive.prepare(stream);
        if (UserLoss.isFile(config.contrast())) {
            forget(dpredictor);
            forget(dtarget);
        }
        reconstructionLosses = losses.slice("reconstruction losses", 0, VIEWS);
        contrastiveLoss = losses.slice("contrastive loss", VIEWS, 1);
    }

    /** What a user's loss leaves unwritten shows in the first step, as a value that is not finite. */
    private void forget(Tensor gradient) {
        float[] nothing = new float[Math.toIntExact(gradient.size())];
        Arrays.fill(nothing, Float.NaN);
        stream.write(gradient, nothing);
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

    /** The inputs that the model was made with, from 0. */
    public StepInput input(int index) {
        return inputs[index];
    }

    /** How many {@linkplain #input inputs} there are. */
    public int inputCount() {
        return inputs.length;
    }

    /** The first input's host memory; see {@link StepInput#host()}. */
    public HostBuffer inputs() {
        return inputs[0].host();
    }

    /** The place of the noise in {@link #inputs()}, in floats. */
    public int noiseOffset() {
        return inputs[0].noiseOffset();
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
     * Uploads the first input, runs both passes on it and adds the gradients of the weighted sum of the losses.
     * Returns when {@link #losses()} are known.
     */
    public void forwardBackward(double reconstructionWeight, double contrastiveWeight) {
        inputs[0].weights(reconstructionWeight, contrastiveWeight);
        inputs[0].upload(stream);
        enqueue(inputs[0], lossesHost);
        stream.synchronize();
        countHeadCalls();
        lastReconstructionWeight = reconstructionWeight;
        lastContrastiveWeight = contrastiveWeight;
    }

    /**
     * Gives both passes on an uploaded input to the stream, and the download of the losses; nothing is waited for, and the launches are the same
     * every time.
     *
     * @param lossesTo receives what {@link #losses(HostBuffer, double, double)} reads
     */
    public void enqueue(StepInput input, HostBuffer lossesTo) {
        forward(input);
        backward(input);
        stream.download(lossesTo, 0, losses);
    }

    /** Notes that a step was run: call once for each time that what {@link #enqueue} gave was run. */
    public void countHeadCalls() {
        headCalls += VIEWS;
    }

    /** Host memory for a step's losses. */
    public HostBuffer newLossesBuffer() {
        return stream.device().hostBuffer(losses.bytes());
    }

    /** A step's losses, once its download is done. */
    public Losses losses(HostBuffer from, double reconstructionWeight, double contrastiveWeight) {
        double reconstruction =
                0.5 * ((double) from.floats().get(0) + from.floats().get(1));
        double contrastive = from.floats().get(VIEWS);
        return new Losses(
                reconstructionWeight * reconstruction + contrastiveWeight * contrastive, reconstruction, contrastive);
    }

    /** The losses of the last {@link #forwardBackward}. */
    public Losses losses() {
        return losses(lossesHost, lastReconstructionWeight, lastContrastiveWeight);
    }

    private void forward(StepInput input) {
        int n = VIEWS * batch;
        Pooling pooling = config.pooling();
        if (input.drawsMasks()) {
            kernels.masking().draw(input.noise(), input.keys(), n, config.patches());
        }
        kernels.masking().rank(restore, keep, input.noise(), n, config.patches(), config.kept());
        encoder.forward(input.images(), keep);
        kernels.pool()
                .forward(pooled, argmax, encoder.output(), pooling, config.grid(), n, config.kept(), config.dim());
        predictor.forward(pooled);
        if (target != predictor) {
            target.forward(pooled);
        }
        contrastive.forward(contrastiveLoss, predictor.output(), target.output());
        decoder.forward(encoder.output(), restore);
        decoder.loss(reconstructionLosses, input.images(), restore, VIEWS, input.reconstructionWeight());
    }

    private void backward(StepInput input) {
        int n = VIEWS * batch;
        decoder.backward(dencoded, encoder.output(), restore, keep);
        contrastive.backward(dpredictor, dtarget, input.contrastiveWeight());
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
                        config.grid(),
                        n,
                        config.kept(),
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

    /** The device memory that training takes, this model's and its optimizer's. */
    public MemoryPlan memory() {
        long inputBytes = 0;
        for (StepInput input : inputs) {
            inputBytes += input.bytes();
        }
        return MemoryPlan.of(parameters, arena, AdamW.bytes(stream), inputBytes);
    }

    /**
     * Names the first tensor that holds a value that is not finite: images, parameters, and activations in the order of the computation, then
     * gradients, the contrastive loss's first, then buffers; gradients before activations if the losses are finite.
     *
     * @return its name, or null if all are finite
     */
    public String firstNonFinite() {
        return firstNonFinite(inputs[0]);
    }

    /** The same after a step on this input. */
    public String firstNonFinite(StepInput input) {
        List<Tensor> order = new ArrayList<>();
        order.add(input.images());
        parameters.all().stream().filter(Parameter::isTrained).forEach(p -> order.add(p.value()));
        List<Tensor> activations = new ArrayList<>();
        List<Tensor> gradients = new ArrayList<>();
        for (Tensor t : arena.tensors()) {
            (t.name().startsWith(MemoryPlan.GRADIENT) ? gradients : activations).add(t);
        }
        Collections.reverse(gradients); // as they are computed: those of the contrastive loss are declared last
        // Behind finite losses the backward pass went wrong, which leaves gradients in the place of some activations.
        boolean backward = !hasNonFinite(losses);
        order.addAll(backward ? gradients : activations);
        order.addAll(backward ? activations : gradients);
        parameters.all().stream().filter(Parameter::isTrained).forEach(p -> order.add(p.gradient()));
        // Running statistics take over what the activations had.
        parameters.all().stream().filter(p -> !p.isTrained()).forEach(p -> order.add(p.value()));
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
        Closing.all(stream, this::closeInputs, lossesHost, arena, parameters);
    }

    private void closeInputs() {
        Closing.all(inputs);
    }
}
