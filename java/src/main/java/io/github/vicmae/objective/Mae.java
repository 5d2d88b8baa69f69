package io.github.vicmae.objective;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.Context;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * Masked autoencoding and nothing else: MAE (He et al., CVPR 2022, arXiv 2111.06377) of images, ST-MAE (Feichtenhofer et al., NeurIPS 2022, arXiv
 * 2205.09113) of clips, OmniMAE (Girdhar et al., CVPR 2023, arXiv 2206.08356) of a batch of each through the same weights. What differs is in
 * the settings of trunk and decoder.
 */
final class Mae implements Objective {
    private final ModelConfig config;
    private final Workspace workspace;
    private final List<MaskedAutoencoder> batches = new ArrayList<>();
    private final Tensor pooled;
    private final Tensor losses;
    private final List<Tensor> lossOf = new ArrayList<>();

    Mae(Workspace workspace, ModelConfig config) {
        this.config = config;
        this.workspace = workspace;
        boolean recompute = workspace.execution().recompute();
        for (ViewBatch views : workspace.views()) {
            Context context = batches.isEmpty()
                    ? workspace.context()
                    : workspace.context().sharing();
            batches.add(new MaskedAutoencoder(context, config.trunk(), config.decoder(), views, recompute));
        }
        pooled = workspace
                .context()
                .activation("pooled", last().views().samples(), config.trunk().dim());
        losses = workspace.declareLosses();
    }

    @Override
    public void prepare() {
        int at = 0;
        for (int i = 0; i < batches.size(); i++) {
            int views = batches.get(i).views().views();
            lossOf.add(losses.slice("losses of batch " + i, at, views));
            at += views;
        }
    }

    /** Of images and clips, the clips. */
    private MaskedAutoencoder last() {
        return batches.get(batches.size() - 1);
    }

    @Override
    public void forward(StepInput input) {
        for (int i = 0; i < batches.size(); i++) {
            batches.get(i).encode(input.batch(i));
            batches.get(i).reconstruct(lossOf.get(i), input.batch(i), input.weight(i));
        }
        last().pool(pooled, null, config.objective().pooling());
    }

    @Override
    public void backward(StepInput input) {
        for (int i = 0; i < batches.size(); i++) {
            batches.get(i).backwardDecoder();
            batches.get(i).backwardEncoder();
        }
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
        return batches.get(batch);
    }

    @Override
    public boolean pool(StepInput input) {
        last().encode(input.batch(batches.size() - 1));
        last().pool(pooled, null, config.objective().pooling());
        return true;
    }

    @Override
    public Tensor pooled() {
        return pooled;
    }
}
