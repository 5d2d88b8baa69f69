package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.contrastive.InfoNcePairs;
import io.github.vicmae.layer.Scratch;

/**
 * InfoNCE as frameworks compute it, with the R x K probabilities in memory and their gradient beside them: three matrix products with kernels in
 * between. The baseline for the time and memory of the fused forms; in floats whatever the precision.
 */
final class NaiveInfoNce implements ContrastiveLoss {
    private final Kernels kernels;
    private final ContrastiveShape shape;
    private final InfoNcePairs pairs;
    private final Tensor unitRows;
    private final Tensor unitColumns;
    private final Tensor inverseNormRows;
    private final Tensor inverseNormColumns;
    private final Tensor probabilities;
    private final Tensor logitGradient;
    private final Tensor losses;
    private final Product product = new Product();

    NaiveInfoNce(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        this.kernels = kernels;
        this.shape = shape;
        int rows = shape.rows();
        int columns = shape.columns();
        boolean same = shape.symmetric();
        pairs = new InfoNcePairs(arena, shape.infoNce());
        unitRows = arena.floats("infonce.rows", rows, shape.width());
        inverseNormRows = arena.floats("infonce.rows.inverse_norm", rows);
        unitColumns = same ? unitRows : arena.floats("infonce.columns", columns, shape.width());
        inverseNormColumns = same ? inverseNormRows : arena.floats("infonce.columns.inverse_norm", columns);
        probabilities = arena.floats("infonce.probabilities", rows, columns);
        logitGradient = arena.floats("d infonce.logits", rows, columns);
        losses = arena.floats("infonce.losses", rows);
    }

    @Override
    public void prepare(Stream stream) {
        pairs.write(stream, shape.positives(), shape.own());
    }

    @Override
    public void forward(Tensor loss, Tensor rows, Tensor columns) {
        int width = shape.width();
        kernels.infoNce().normalize(unitRows, inverseNormRows, rows, shape.rows(), width);
        if (!shape.symmetric()) {
            kernels.infoNce().normalize(unitColumns, inverseNormColumns, columns, shape.columns(), width);
        }
        kernels.matMul()
                .multiply(product.of(unitRows, false, unitColumns, true, shape.rows(), shape.columns(), width)
                        .to(Epilogue.WRITE, probabilities));
        kernels.softmaxLoss().forward(probabilities, losses, pairs);
        kernels.reduce().sum(loss, losses, shape.rows());
    }

    @Override
    public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
        int rows = shape.rows();
        int columns = shape.columns();
        int width = shape.width();
        Tensor others = shape.symmetric() ? drows : dcolumns;
        kernels.softmaxLoss().gradient(logitGradient, probabilities, pairs, weight);
        kernels.matMul()
                .multiply(product.of(logitGradient, false, unitColumns, false, rows, width, columns)
                        .to(Epilogue.WRITE, drows));
        kernels.matMul()
                .multiply(product.of(logitGradient, true, unitRows, false, columns, width, rows)
                        .to(shape.symmetric() ? Epilogue.ADD : Epilogue.WRITE, others));
        kernels.softmaxLoss().unitRowsBackward(drows, unitRows, inverseNormRows, rows, width);
        if (!shape.symmetric()) {
            kernels.softmaxLoss().unitRowsBackward(dcolumns, unitColumns, inverseNormColumns, columns, width);
        }
    }
}
