package io.github.vicmae.loss;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/**
 * A loss that pulls the features of two views of a sample together: rows are R = 2B features, the first view's first, and row i's positive is the
 * column (i + B) mod R. Columns are the rows themselves (the symmetric form, one head) or the features of another head.
 *
 * <p>Made for one shape on one stream, with all its memory declared in advance; forward and backward only enqueue launches.
 */
public interface ContrastiveLoss {
    /** One-time setup after the arena is allocated; returns when it is done. */
    void prepare(Stream stream);

    /**
     * Writes the loss to loss [1].
     *
     * @param rows [R, D], first view's rows first
     * @param columns [K, D], extra negatives last; the same tensor if symmetric
     */
    void forward(Tensor loss, Tensor rows, Tensor columns);

    /**
     * Writes the gradients of the loss that {@link #forward} computed last, times weight [1]. Its inputs must not have changed since.
     *
     * @param drows [R, D]; in the symmetric form the whole gradient
     * @param dcolumns [K, D]; not touched if symmetric
     * @param weight [1], on the device
     */
    void backward(Tensor drows, Tensor dcolumns, Tensor weight);
}
