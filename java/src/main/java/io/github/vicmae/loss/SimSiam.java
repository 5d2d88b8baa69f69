package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;

/**
 * SimSiam's negative cosine (Chen and He, CVPR 2021): each row, a prediction, against the other view's column, through which no gradient flows.
 *
 * <p>With two heads the columns' gradient is 0, so that the target head is not trained, and only what the encoder gets through the predictor
 * moves it. In the symmetric form the other view's row counts as a constant all the same: the gradient is then half of the mean cosine's own,
 * and since there is no predictor, nothing keeps all rows from becoming one.
 */
final class SimSiam implements ContrastiveLoss {
    private final Kernels kernels;
    private final ContrastiveShape shape;
    private final Tensor gradient;
    private final Tensor losses;

    SimSiam(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        ContrastiveLosses.wantsNoExtraColumns("SimSiam", shape);
        this.kernels = kernels;
        this.shape = shape;
        gradient = arena.floats("simsiam.gradient", shape.rows(), shape.width());
        losses = arena.floats("simsiam.losses", shape.rows());
    }

    @Override
    public void prepare(Stream stream) {
        // Positives follow from the number of rows.
    }

    @Override
    public void forward(Tensor loss, Tensor rows, Tensor columns) {
        kernels.cosineLoss().forward(gradient, losses, rows, columns, shape.rows(), shape.width());
        kernels.reduce().sum(loss, losses, shape.rows());
    }

    @Override
    public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
        kernels.cosineLoss().backward(drows, gradient, weight, shape.rows(), shape.width());
        if (!shape.symmetric()) {
            kernels.stream().zero(dcolumns);
        }
    }
}
