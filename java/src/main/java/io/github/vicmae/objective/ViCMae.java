package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.ProjectionHead;
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveShape;
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
    /** Of the losses' weights. */
    private static final int RECONSTRUCTION = 0;

    private static final int CONTRASTIVE = 1;

    private final ModelConfig config;
    private final ViCMaeConfig own;
    private final Workspace workspace;
    private final MaskedAutoencoder autoencoder;
    private final ViewBatch views;
    private final int dim;
    private final Tensor pooled;
    private final Tensor argmax;
    private final ProjectionHead predictor;
    private final ProjectionHead target;
    private final ContrastiveLoss contrastive;
    private final Tensor losses;
    private final Tensor dpooled;
    private final Tensor dpredictor;
    private final Tensor dtarget;
    private Tensor reconstructionLosses;
    private Tensor contrastiveLoss;

    ViCMae(Workspace workspace, ModelConfig config, ViCMaeConfig own) {
        this.config = config;
        this.own = own;
        this.workspace = workspace;
        views = workspace.views().get(0);
        int n = views.samples();
        dim = config.trunk().dim();
        boolean paper = own.variant() == Variant.PAPER;
        Arena arena = workspace.arena();

        autoencoder = new MaskedAutoencoder(
                workspace.context(),
                config.trunk(),
                config.decoder(),
                views,
                workspace.execution().recompute());
        pooled = workspace.context().activation("pooled", n, dim);
        argmax = arena.tensor("argmax", DType.I32, n, dim);
        predictor = head(paper ? "predictor" : "projector");
        target = paper ? head("target") : predictor;
        workspace.countBatchNorms();
        ContrastiveShape shape = new ContrastiveShape(
                n,
                n,
                own.headOut(),
                (float) own.temperature(),
                !paper,
                workspace.execution().precision());
        contrastive = own.contrastiveLoss().create(workspace.kernels(), arena, workspace.scratch(), shape);
        losses = workspace.declareLosses();
        dpooled = arena.floats("d pooled", n, dim);
        dpredictor = arena.floats("d predictor", n, own.headOut());
        dtarget = paper ? arena.floats("d target", n, own.headOut()) : dpredictor;
    }

    private ProjectionHead head(String name) {
        return new ProjectionHead(
                workspace.context(),
                name,
                views.views(),
                workspace.batch(),
                config.trunk().dim(),
                own.headHidden(),
                own.headOut());
    }

    @Override
    public void prepare() {
        autoencoder.decoder().prepare(viewSettings(0).deviation());
        reconstructionLosses = losses.slice("reconstruction losses", 0, views.views());
        contrastiveLoss = losses.slice("contrastive loss", views.views(), 1);
        contrastive.prepare(workspace.stream());
        if (own.hasUserLoss()) {
            fillWithNaN(dpredictor);
            fillWithNaN(dtarget);
        }
    }

    /** What a user's loss leaves unwritten shows in the first step, as a value that is not finite. */
    private void fillWithNaN(Tensor gradient) {
        Stream stream = workspace.stream();
        float[] nothing = new float[Math.toIntExact(gradient.size())];
        Arrays.fill(nothing, Float.NaN);
        stream.write(gradient, nothing);
    }

    @Override
    public void forward(StepInput input) {
        autoencoder.encode(input.batch(0));
        workspace
                .kernels()
                .pool()
                .forward(
                        pooled,
                        argmax,
                        autoencoder.encoded(),
                        own.pooling(),
                        views.grid(),
                        views.samples(),
                        views.kept(),
                        dim);
        predictor.forward(pooled);
        if (target != predictor) {
            target.forward(pooled);
        }
        contrastive.forward(contrastiveLoss, predictor.output(), target.output());
        autoencoder.reconstruct(reconstructionLosses, input.batch(0), input.weight(RECONSTRUCTION));
    }

    @Override
    public void backward(StepInput input) {
        autoencoder.backwardDecoder();
        contrastive.backward(dpredictor, dtarget, input.weight(CONTRASTIVE));
        predictor.backward(dpooled, dpredictor, pooled, false);
        if (target != predictor) {
            target.backward(dpooled, dtarget, pooled, true);
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

    /** Each head is called once for each view. */
    @Override
    public void countStep() {
        workspace.counters().addToAll(views.views());
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
