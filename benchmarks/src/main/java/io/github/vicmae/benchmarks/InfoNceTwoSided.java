package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import io.github.vicmae.device.Precision;
import io.github.vicmae.loss.ContrastiveShape;
import org.openjdk.jmh.annotations.Param;

/**
 * The contrastive loss of R rows of one head against K columns of another, as two heads or extra negatives want it, with the L2 normalisation
 * before it; at temperature 0.1. {@link InfoNce} is the form in which columns are the rows.
 */
public class InfoNceTwoSided extends LossBenchmark {
    /** rows x columns x width */
    @Param("1024x1024x128")
    public String shape;

    @Override
    String name(Implementation who) {
        return who == Implementation.UNFUSED ? "infonce-naive" : "infonce";
    }

    @Override
    ContrastiveShape shape(Precision precision) {
        int[] size = sizes(shape, 3);
        return new ContrastiveShape(size[0], size[1], size[2], (float) TEMPERATURE, false, precision);
    }

    @Override
    NDArray torch(TorchWorkload t, NDArray x, NDArray y) {
        int rows = sizes(shape, 3)[0];
        int columns = sizes(shape, 3)[1];
        NDArray positives = t.manager()
                .arange(rows)
                .add(rows / 2)
                .mod(rows)
                .toType(DataType.INT64, false)
                .reshape(rows, 1);
        NDArray logits = unit(x).div((float) TEMPERATURE)
                .matMul(unit(y).transpose())
                .addi(t.manager().eye(rows, columns, 0, DataType.FLOAT32).muli(-1e9f));
        return logits.logSoftmax(1).gather(positives, 1).mean().neg();
    }

    private static NDArray unit(NDArray rows) {
        return rows.div(rows.norm(new int[] {1}, true));
    }

    /** The logits, all of them again for the gradient, and those times both sides. */
    @Override
    double[] flops(ContrastiveShape s) {
        double product = 2.0 * s.rows() * s.columns() * s.width();
        return new double[] {product, 3 * product};
    }
}
