package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;
import io.github.vicmae.kernel.WarpRows;

/**
 * The steps between the matrix products of an InfoNCE that holds all its logits and their gradient (cuda/softmax_loss.cu), as frameworks
 * compute it: what {@link InfoNceKernels} is measured against.
 */
public final class SoftmaxLossKernels {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel forward;
    private final Kernel gradient;
    private final Kernel unitRowsBackward;

    public SoftmaxLossKernels(Stream stream) {
        this.stream = stream;
        forward = stream.device().kernel("softmax_loss", "softmax_loss", "ppppiif");
        gradient = stream.device().kernel("softmax_loss", "softmax_loss_gradient", "ppppiif");
        unitRowsBackward = stream.device().kernel("softmax_loss", "unit_rows_backward", "pppii");
    }

    /**
     * Turns logits into probabilities: exp(l / temperature) over the sum of all but the excluded column's, which becomes 0.
     *
     * @param logits [R, K], the cosines of rows and columns; probabilities afterwards
     * @param losses [R], written: -log of the positive's probability, over R
     */
    public void forward(Tensor logits, Tensor losses, InfoNcePairs pairs) {
        InfoNceShape shape = pairs.shape();
        Shapes.floats("softmaxLoss", "logits", logits, shape.rows(), shape.columns());
        Shapes.floats("softmaxLoss", "losses", losses, shape.rows());
        stream.begin(forward).arg(logits).arg(losses).arg(pairs.table()).arg(pairs.table(), shape.rows());
        stream.arg(shape.rows()).arg(shape.columns()).arg(1 / shape.temperature());
        stream.launch(shape.rows(), THREADS);
    }

    /**
     * gradient = weight / (R * temperature) * (probabilities - 1 at the positives).
     *
     * @param gradient [R, K], written
     * @param probabilities [R, K], as {@link #forward} left them
     * @param weight [1], on the device
     */
    public void gradient(Tensor gradient, Tensor probabilities, InfoNcePairs pairs, Tensor weight) {
        InfoNceShape shape = pairs.shape();
        Shapes.floats("softmaxLoss", "gradient", gradient, shape.rows(), shape.columns());
        Shapes.floats("softmaxLoss", "probabilities", probabilities, shape.rows(), shape.columns());
        Shapes.floats("softmaxLoss", "weight", weight, 1);
        stream.begin(this.gradient)
                .arg(gradient)
                .arg(probabilities)
                .arg(pairs.table())
                .arg(weight);
        stream.arg(shape.rows()).arg(shape.columns()).arg(1 / (shape.rows() * shape.temperature()));
        stream.launch(shape.rows(), THREADS);
    }

    /**
     * The gradient through the L2 normalisation of rows, in place: dx = (dx - (dx . u) u) / |x|.
     *
     * @param dx [rows, width], the gradient of the unit rows; that of the rows afterwards
     * @param unit [rows, width], the rows of length 1
     * @param inverseNorm [rows]
     */
    public void unitRowsBackward(Tensor dx, Tensor unit, Tensor inverseNorm, int rows, int width) {
        Shapes.floats("unitRowsBackward", "dx", dx, rows, width);
        Shapes.floats("unitRowsBackward", "unit", unit, rows, width);
        Shapes.floats("unitRowsBackward", "inverseNorm", inverseNorm, rows);
        stream.begin(unitRowsBackward)
                .arg(dx)
                .arg(unit)
                .arg(inverseNorm)
                .arg(rows)
                .arg(width);
        stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }
}
