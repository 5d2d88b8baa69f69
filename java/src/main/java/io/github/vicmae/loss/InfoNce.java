package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.contrastive.InfoNceKernels;
import io.github.vicmae.kernel.contrastive.InfoNcePairs;
import io.github.vicmae.kernel.contrastive.InfoNceShape;
import io.github.vicmae.kernel.contrastive.InfoNceState;
import io.github.vicmae.layer.Scratch;

/**
 * The symmetric contrastive loss over two views of B samples (van den Oord et al. 2018), on L2-normalised rows, R = 2B of them: row i's
 * positive is the other view of its sample, and its own place is left out of the denominator.
 *
 * <p>Two forms. With one head, rows and columns are the same projections (SimCLR's NT-Xent, the published code). With a predictor and a target
 * encoder, rows are predictions and columns are targets, and gradients flow into both (the ViC-MAE paper). Columns beyond the first 2B are
 * extra negatives, and gradients flow into them as well.
 */
public final class InfoNce implements ContrastiveLoss {
    private final Kernels kernels;
    private final Scratch scratch;
    private final ContrastiveShape shape;
    private final InfoNceState state;
    private final InfoNcePairs pairs;

    /**
     * @throws IllegalArgumentException if rows are wider than the kernels take
     */
    public InfoNce(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.shape = shape;
        InfoNceShape taken = shape.infoNce();
        state = new InfoNceState(arena, taken);
        pairs = new InfoNcePairs(arena, taken);
        scratch.need(kernels.infoNce().scratchSize(taken));
    }

    /** Writes the indices of positives and of excluded columns. */
    @Override
    public void prepare(Stream stream) {
        pairs.write(stream, shape.positives(), shape.own());
    }

    @Override
    public void forward(Tensor loss, Tensor rowFeatures, Tensor columnFeatures) {
        InfoNceKernels k = kernels.infoNce();
        k.forward(loss, state, pairs, rowFeatures, columnFeatures, scratch.tensor());
    }

    @Override
    public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
        kernels.infoNce().backward(drows, dcolumns, state, pairs, weight, scratch.tensor());
    }
}
