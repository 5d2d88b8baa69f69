package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.model.Decoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.VisionTransformer;

/** MAE (He et al., CVPR 2022, arXiv 2111.06377): one view of each sample is masked, encoded and reconstructed. */
final class Mae implements Objective {
    private final ModelConfig config;
    private final Workspace workspace;
    private final Tensor restore;
    private final Tensor keep;
    private final VisionTransformer encoder;
    private final Decoder decoder;
    private final Tensor losses;
    private final Tensor dencoded;
    private final Tensor dtokens;

    Mae(Workspace workspace, ModelConfig config) {
        this.config = config;
        this.workspace = workspace;
        int n = workspace.samples();
        int tokens = config.trunk().grid().tokens(config.kept());
        int dim = config.trunk().dim();
        boolean recompute = workspace.execution().recompute();
        Arena arena = workspace.arena();
        restore = arena.tensor("restore", DType.I32, n, config.trunk().patches());
        keep = arena.tensor("keep", DType.I32, n, config.kept());
        encoder = new VisionTransformer(workspace.context(), config.trunk(), n, config.kept(), recompute);
        decoder = new Decoder(workspace.context(), config.trunk(), config.decoder(), n, config.kept(), recompute);
        losses = workspace.declareLosses();
        dencoded = arena.floats("d norm", n, tokens, dim);
        dtokens = arena.floats("d tokens", n, tokens, dim);
    }

    @Override
    public void forward(StepInput input) {
        Kernels kernels = workspace.kernels();
        input.rankPatches(kernels, restore, keep);
        encoder.forward(input.images(), keep);
        decoder.forward(encoder.output(), restore);
        decoder.loss(losses, input.images(), restore, 1, input.weight(0));
    }

    @Override
    public void backward(StepInput input) {
        decoder.backward(dencoded, encoder.output(), restore, keep);
        encoder.backward(dtokens, dencoded);
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
}
