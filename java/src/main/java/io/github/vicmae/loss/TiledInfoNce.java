package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;

/**
 * {@link InfoNce} in its general form also where the columns are the rows: both sides' gradients are computed and added, without use of the
 * logits' symmetry. The baseline for what the symmetric form saves.
 */
final class TiledInfoNce implements ContrastiveLoss {
    private final Kernels kernels;
    private final InfoNce general;
    /** Null where columns have a gradient of their own. */
    private final Tensor columnGradient;

    TiledInfoNce(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        this.kernels = kernels;
        general = new InfoNce(kernels, arena, scratch, shape.twoSided());
        columnGradient = shape.symmetric() ? arena.floats("d columns", shape.columns(), shape.width()) : null;
    }

    @Override
    public void prepare(Stream stream) {
        general.prepare(stream);
    }

    @Override
    public void forward(Tensor loss, Tensor rows, Tensor columns) {
        general.forward(loss, rows, columns);
    }

    @Override
    public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
        if (columnGradient == null) {
            general.backward(drows, dcolumns, weight);
        } else {
            general.backward(drows, columnGradient, weight);
            kernels.reduce().add(drows, columnGradient, 1, Math.toIntExact(drows.size()));
        }
    }
}
