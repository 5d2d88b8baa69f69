package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.ProjectionHead;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * ViC-MAE (Hernandez, Villegas and Ordonez, ECCV 2024, arXiv 2303.12001): two views of each sample are masked, encoded with shared weights,
 * reconstructed, and their pooled features pulled together by InfoNCE, or another contrastive loss.
 */
final class ViCMae implements Objective {
    private static final Pattern HEAD = Pattern.compile("(projector|predictor|target)\\.");
    /** Indices of the losses and their weights. */
    private static final int RECONSTRUCTION = 0;

    private static final int CONTRASTIVE = 1;

    private final ModelConfig config;
    private final ViCMaeConfig own;
    private final Workspace workspace;
    private final MaskedAutoencoder autoencoder;
    private final ViewBatch views;
    private final int dim;
    private final boolean together;
    private final boolean symmetric;
    private final Tensor pooled;
    private final Tensor argmax;
    private final ProjectionHead predictor;
    private final ProjectionHead target;
    private final PairLoss pairs;
    private final Tensor losses;
    private final Tensor dpooled;
    private final Tensor dpredictor;
    private final Tensor dtarget;
    private Tensor reconstructionLosses;
    /** Of the views that are rows; the others are further columns. */
    private Tensor pooledRows;

    private Tensor dpooledRows;
    /** Where one head gives rows and further columns: the part of its gradient that has the rows' added. */
    private Tensor drowsOfTarget;

    /** Null where that is not so. */
    private final Tensor zeros;

    ViCMae(Workspace workspace, ModelConfig config, ViCMaeConfig own) {
        this.config = config;
        this.own = own;
        this.workspace = workspace;
        views = workspace.views().get(0);
        dim = config.trunk().dim();
        together = workspace.together() > 1;
        int n = views.samples();
        int rows = views.reconstructed().samples();
        boolean paper = own.variant() == Variant.PAPER;
        Arena arena = workspace.arena();

        autoencoder = new MaskedAutoencoder(
                workspace.context(),
                config.trunk(),
                config.decoder(),
                views,
                workspace.execution().recompute());
        pooled = workspace.context().activation("pooled", n, dim);
        dpooled = arena.floats("d pooled", n, dim);
        argmax = arena.tensor("argmax", DType.I32, n, dim);
        predictor = head(paper ? "predictor" : "projector", paper ? own.segments() : views.views());
        target = paper ? head("target", views.views()) : predictor;
        workspace.countBatchNorms();
        dpredictor = arena.floats("d predictor", rows, own.headOut());
        symmetric = !paper && own.negatives() == 0;
        dtarget = symmetric ? dpredictor : arena.floats("d target", n, own.headOut());
        PairLoss.Features features = new PairLoss.Features(
                own.segments(), own.negatives(), workspace.batch(), workspace.together(), own.headOut());
        pairs = new PairLoss(
                workspace.kernels(),
                arena,
                workspace.scratch(),
                own.contrastiveLoss(),
                features,
                features.shape(
                        (float) own.temperature(),
                        symmetric,
                        workspace.execution().precision()));
        zeros = target == predictor && !symmetric ? arena.floats("no bias", own.headOut()) : null;
        losses = workspace.declareLosses();
    }

    private ProjectionHead head(String name, int groups) {
        return new ProjectionHead(
                workspace.context(),
                name,
                groups * workspace.normParts(),
                workspace.batch() / workspace.normParts(),
                config.trunk().dim(),
                own.headHidden(),
                own.headOut());
    }

    @Override
    public void prepare() {
        int segments = own.segments();
        int rows = views.reconstructed().samples();
        pooledRows = target == predictor ? pooled : pooled.slice(pooled.name(), 0, rows, dim);
        dpooledRows = target == predictor ? dpooled : dpooled.slice(dpooled.name(), 0, rows, dim);
        reconstructionLosses = losses.slice("reconstruction losses", 0, segments);
        Tensor rowsOut = predictor.output().dim(0) == rows
                ? predictor.output()
                : predictor.output().slice(predictor.output().name(), 0, rows, own.headOut());
        Tensor contrastiveLosses = losses.slice("contrastive losses", segments, own.lossValues());
        pairs.prepare(contrastiveLosses, rowsOut, target.output(), dpredictor, dtarget);
        if (zeros != null) {
            drowsOfTarget = dtarget.slice(dtarget.name(), 0, rows, own.headOut());
            workspace.stream().zero(zeros);
        }
        if (own.hasUserLoss()) {
            pairs.lossGradients().forEach(this::fillWithNaN);
        }
    }

    /** Fills a gradient with NaN, so that elements that a user's loss does not write stop the first step. */
    private void fillWithNaN(Tensor gradient) {
        Stream stream = workspace.stream();
        float[] nothing = new float[Math.toIntExact(gradient.size())];
        Arrays.fill(nothing, Float.NaN);
        stream.write(gradient, nothing);
    }

    @Override
    public void forward(StepInput input) {
        project(input, !together);
        if (!together) {
            pairs.collect(0);
            pairs.forwardBackward(input.weight(CONTRASTIVE));
        }
        autoencoder.reconstruct(reconstructionLosses, input.batch(0), input.weight(RECONSTRUCTION));
    }

    /** Encodes the views, pools their tokens and runs the heads. */
    private void project(StepInput input, boolean countsBatch) {
        pool(input);
        predictor.forward(pooledRows, countsBatch);
        if (target != predictor) {
            target.forward(pooled, countsBatch);
        }
    }

    @Override
    public boolean pool(StepInput input) {
        autoencoder.encode(input.batch(0));
        autoencoder.pool(pooled, argmax, own.pooling());
        return true;
    }

    @Override
    public void embed(StepInput input) {
        project(input, true);
        pairs.collect(input.index());
    }

    @Override
    public void contrast(StepInput input) {
        pairs.forwardBackward(input.weight(CONTRASTIVE));
    }

    @Override
    public void backward(StepInput input) {
        autoencoder.backwardDecoder();
        pairs.handOut(together ? input.index() : 0);
        if (target == predictor) {
            if (drowsOfTarget != null) {
                workspace
                        .kernels()
                        .pointwise()
                        .addBiasResidual(
                                drowsOfTarget,
                                drowsOfTarget,
                                dpredictor,
                                zeros,
                                views.reconstructed().samples(),
                                own.headOut());
            }
            predictor.backward(dpooled, dtarget, pooled, false);
        } else {
            target.backward(dpooled, dtarget, pooled, false);
            predictor.backward(dpooledRows, dpredictor, pooledRows, true);
        }
        workspace
                .kernels()
                .pool()
                .backward(
                        autoencoder.encodedGradient(),
                        dpooled,
                        pooled,
                        argmax,
                        autoencoder.encoded(),
                        own.pooling(),
                        views.grid(),
                        views.samples(),
                        views.kept(),
                        dim);
        autoencoder.backwardEncoder();
    }

    /** Each head is called once for each of its views. */
    @Override
    public void countStep() {
        workspace.counters().add("predictor.", own.segments());
        workspace.counters().add("target.", views.views());
        workspace.counters().add("projector.", views.views());
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public Workspace workspace() {
        return workspace;
    }

    @Override
    public MaskedAutoencoder autoencoder(int batch) {
        return autoencoder;
    }

    @Override
    public Tensor pooled() {
        return pooled;
    }

    @Override
    public boolean isOptional(String parameter) {
        return HEAD.matcher(parameter).lookingAt();
    }
}
