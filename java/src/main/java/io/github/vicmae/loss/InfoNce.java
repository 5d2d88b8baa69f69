package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.InfoNceKernels;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;

/**
 * The symmetric contrastive loss over two views of B samples (van den Oord et al. 2018), on L2-normalised rows, R = 2B of them: row i's
 * positive is the other view of its sample, and its own place is left out of the denominator.
 *
 * <p>Two forms. With one head, rows and columns are the same projections (SimCLR's NT-Xent, the published code). With a predictor and a target
 * encoder, rows are predictions and columns are targets, and gradients flow into both (the ViC-MAE paper).
 */
public final class InfoNce {
    private final Kernels kernels;
    private final Scratch scratch;
    private final int rows;
    private final int width;
    private final float temperature;
    private final boolean symmetric;
    private final Tensor unitRows;
    private final Tensor unitColumns;
    private final Tensor inverseNormRows;
    private final Tensor inverseNormColumns;
    private final Tensor logSumExp;
    private final Tensor positive;
    private final Tensor excluded;

    /**
     * @param symmetric whether rows and columns are the same tensor
     * @param batch samples B, at least 2
     * @param width of a row
     */
    public InfoNce(
            Kernels kernels, Arena arena, Scratch scratch, boolean symmetric, int batch, int width, float temperature) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.symmetric = symmetric;
        this.rows = 2 * batch;
        this.width = width;
        this.temperature = temperature;
        unitRows = arena.floats("infonce.rows", rows, width);
        inverseNormRows = arena.floats("infonce.rows.inverse_norm", rows);
        unitColumns = symmetric ? unitRows : arena.floats("infonce.columns", rows, width);
        inverseNormColumns = symmetric ? inverseNormRows : arena.floats("infonce.columns.inverse_norm", rows);
        logSumExp = arena.floats("infonce.logsumexp", rows);
        positive = arena.tensor("infonce.positive", DType.I32, rows);
        excluded = arena.tensor("infonce.excluded", DType.I32, rows);
        scratch.need(InfoNceKernels.scratchSize(kernels.stream(), rows, rows, width));
    }

    /** Writes the indices of positives and of excluded columns; once, after the arena is allocated. */
    public void prepare(Stream stream) {
        int[] other = new int[rows];
        int[] own = new int[rows];
        for (int i = 0; i < rows; i++) {
            other[i] = (i + rows / 2) % rows;
            own[i] = i;
        }
        stream.write(positive, other);
        stream.write(excluded, own);
    }

    /**
     * Writes the loss to loss [1].
     *
     * @param rowFeatures [2B, width], first view's rows first
     * @param columnFeatures the same shape; the same tensor if symmetric
     */
    public void forward(Tensor loss, Tensor rowFeatures, Tensor columnFeatures) {
        InfoNceKernels k = kernels.infoNce();
        k.normalize(unitRows, inverseNormRows, rowFeatures, rows, width);
        if (!symmetric) {
            k.normalize(unitColumns, inverseNormColumns, columnFeatures, rows, width);
        }
        k.forward(
                loss,
                logSumExp,
                unitRows,
                unitColumns,
                positive,
                excluded,
                rows,
                rows,
                width,
                temperature,
                scratch.tensor());
    }

    /**
     * Writes the gradients with respect to the features before normalisation, times weight [1].
     *
     * @param dcolumns not touched if symmetric
     */
    public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
        InfoNceKernels k = kernels.infoNce();
        if (symmetric) {
            k.backwardSymmetric(
                    drows,
                    unitRows,
                    inverseNormRows,
                    logSumExp,
                    positive,
                    rows,
                    width,
                    temperature,
                    weight,
                    scratch.tensor());
        } else {
            k.backward(
                    drows,
                    dcolumns,
                    unitRows,
                    unitColumns,
                    inverseNormRows,
                    inverseNormColumns,
                    logSumExp,
                    positive,
                    excluded,
                    rows,
                    rows,
                    width,
                    temperature,
                    weight,
                    scratch.tensor());
        }
    }
}
