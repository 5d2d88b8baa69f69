package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.ProjectionHead;
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.model.Decoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.VisionTransformer;
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
    private final PatchGrid grid;
    private final int kept;
    private final int dim;
    private final Tensor restore;
    private final Tensor keep;
    private final VisionTransformer encoder;
    private final Tensor pooled;
    private final Tensor argmax;
    private final Decoder decoder;
    private final ProjectionHead predictor;
    private final ProjectionHead target;
    private final ContrastiveLoss contrastive;
    private final Tensor losses;
    private final Tensor dpooled;
    private final Tensor dencoded;
    private final Tensor dtokens;
    private final Tensor dpredictor;
    private final Tensor dtarget;
    private Tensor reconstructionLosses;
    private Tensor contrastiveLoss;

    ViCMae(Workspace workspace, ModelConfig config, ViCMaeConfig own) {
        this.config = config;
        this.own = own;
        this.workspace = workspace;
        int n = workspace.samples();
        grid = config.trunk().grid();
        kept = config.kept();
        int tokens = grid.tokens(kept);
        dim = config.trunk().dim();
        boolean recompute = workspace.execution().recompute();
        boolean paper = own.variant() == Variant.PAPER;
        Arena arena = workspace.arena();

        restore = arena.tensor("restore", DType.I32, n, config.trunk().patches());
        keep = arena.tensor("keep", DType.I32, n, config.kept());
        encoder = new VisionTransformer(workspace.context(), config.trunk(), n, config.kept(), recompute);
        pooled = workspace.context().activation("pooled", n, dim);
        argmax = arena.tensor("argmax", DType.I32, n, dim);
        decoder = new Decoder(workspace.context(), config.trunk(), config.decoder(), n, config.kept(), recompute);
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
        dencoded = arena.floats("d norm", n, tokens, dim);
        dtokens = arena.floats("d tokens", n, tokens, dim);
        dpredictor = arena.floats("d predictor", n, own.headOut());
        dtarget = paper ? arena.floats("d target", n, own.headOut()) : dpredictor;
    }

    private ProjectionHead head(String name) {
        return new ProjectionHead(
                workspace.context(),
                name,
                own.views(),
                workspace.batch(),
                config.trunk().dim(),
                own.headHidden(),
                own.headOut());
    }

    @Override
    public void prepare() {
        reconstructionLosses = losses.slice("reconstruction losses", 0, own.views());
        contrastiveLoss = losses.slice("contrastive loss", own.views(), 1);
        contrastive.prepare(workspace.stream());
        if (own.hasUserLoss()) {
            fillWithNaN(dpredictor);
            fillWithNaN(dtarget);
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
        Kernels kernels = workspace.kernels();
        input.rankPatches(kernels, restore, keep);
        encoder.forward(input.images(), keep);
        kernels.pool().forward(pooled, argmax, encoder.output(), own.pooling(), grid, workspace.samples(), kept, dim);
        predictor.forward(pooled);
        if (target != predictor) {
            target.forward(pooled);
        }
        contrastive.forward(contrastiveLoss, predictor.output(), target.output());
        decoder.forward(encoder.output(), restore);
        decoder.loss(reconstructionLosses, input.images(), restore, own.views(), input.weight(RECONSTRUCTION));
    }

    @Override
    public void backward(StepInput input) {
        Kernels kernels = workspace.kernels();
        decoder.backward(dencoded, encoder.output(), restore, keep);
        contrastive.backward(dpredictor, dtarget, input.weight(CONTRASTIVE));
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
                        own.pooling(),
                        grid,
                        workspace.samples(),
                        kept,
                        dim);
        encoder.backward(dtokens, dencoded);
    }

    /** Each head is called once for each view. */
    @Override
    public void countStep() {
        workspace.counters().addToAll(own.views());
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
    public Tensor prediction() {
        return decoder.prediction();
    }

    @Override
    public Tensor restore() {
        return restore;
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
