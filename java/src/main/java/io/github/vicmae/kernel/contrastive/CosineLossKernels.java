package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;
import io.github.vicmae.kernel.WarpRows;

/** SimSiam's negative cosine, its target held constant (cuda/cosine_loss.cu; Chen and He 2021). */
public final class CosineLossKernels {
    private final Stream stream;
    private final Kernel forward;
    private final Kernel backward;

    public CosineLossKernels(Stream stream) {
        this.stream = stream;
        forward = stream.device().kernel("cosine_loss", "cosine_loss", "ppppii");
        backward = stream.device().kernel("cosine_loss", "cosine_loss_gradient", "pppii");
    }

    /**
     * The loss of each row and the column half of the rows further on.
     *
     * @param gradient [rows, width], written: that of the loss with weight 1 with respect to the rows
     * @param losses [rows], written: minus the cosine, over the number of rows
     * @param x [rows, width]
     * @param columns [rows, width]; may be x
     */
    public void forward(Tensor gradient, Tensor losses, Tensor x, Tensor columns, int rows, int width) {
        Shapes.floats("cosineLoss", "gradient", gradient, rows, width);
        Shapes.atLeast("cosineLoss", "losses", losses, rows);
        Shapes.floats("cosineLoss", "x", x, rows, width);
        Shapes.floats("cosineLoss", "columns", columns, rows, width);
        stream.begin(forward)
                .arg(gradient)
                .arg(losses)
                .arg(x)
                .arg(columns)
                .arg(rows)
                .arg(width);
        stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * dx = weight * gradient.
     *
     * @param dx [rows, width], written
     * @param gradient [rows, width], as {@link #forward} left it
     * @param weight [1], on the device
     */
    public void backward(Tensor dx, Tensor gradient, Tensor weight, int rows, int width) {
        Shapes.floats("cosineLoss", "dx", dx, rows, width);
        Shapes.floats("cosineLoss", "gradient", gradient, rows, width);
        Shapes.floats("cosineLoss", "weight", weight, 1);
        stream.begin(backward).arg(dx).arg(gradient).arg(weight).arg(rows).arg(width);
        stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }
}
