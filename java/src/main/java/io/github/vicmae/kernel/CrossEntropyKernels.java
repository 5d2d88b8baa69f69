package io.github.vicmae.kernel;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Softmax cross-entropy with soft targets, loss and gradient in one launch (cuda/cross_entropy.cu). */
public final class CrossEntropyKernels {
    private static final int THREADS = 256;

    private final Stream stream;
    private final TypedKernel kernel;

    public CrossEntropyKernels(Stream stream) {
        this.stream = stream;
        kernel = TypedKernel.of(stream.device(), "cross_entropy", "cross_entropy", "pppppii");
    }

    /**
     * loss_i = -sum_j t_ij log softmax(l_i)_j, and the gradient of {@code weight} times the mean loss.
     *
     * @param dlogits [rows, columns], floats or bfloat16, written
     * @param losses [rows], written
     * @param logits [rows, columns]
     * @param targets [rows, columns], at least 0; a row usually adds up to 1
     * @param weight [1], on the device
     */
    public void lossAndGradient(
            Tensor dlogits, Tensor losses, Tensor logits, Tensor targets, Tensor weight, int rows, int columns) {
        Shapes.typed("crossEntropy", "dlogits", dlogits, dlogits.dtype(), rows, columns);
        Shapes.floats("crossEntropy", "losses", losses, rows);
        Shapes.floats("crossEntropy", "logits", logits, rows, columns);
        Shapes.floats("crossEntropy", "targets", targets, rows, columns);
        Shapes.floats("crossEntropy", "weight", weight, 1);
        stream.begin(kernel.form(dlogits)).arg(dlogits).arg(losses).arg(logits).arg(targets);
        stream.arg(weight).arg(rows).arg(columns).launch(rows, THREADS);
    }
}
