package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import io.github.vicmae.device.Precision;
import io.github.vicmae.loss.ContrastiveShape;
import java.util.function.Supplier;
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
    Supplier<NDArray> torch(TorchWorkload t, NDArray x, NDArray y) {
        return materialised(t, x, y);
    }

    /** The loss through its logits, of which each row's own is masked. */
    static Supplier<NDArray> materialised(TorchWorkload t, NDArray x, NDArray y) {
        int rows = (int) x.getShape().get(0);
        int columns = (int) y.getShape().get(0);
        NDArray positives = t.manager()
                .arange(rows)
                .add(rows / 2)
                .mod(rows)
                .toType(DataType.INT64, false)
                .reshape(rows, 1);
        NDArray mask = t.manager().eye(rows, columns, 0, DataType.FLOAT32).muli(-1e9f);
        return () -> {
            NDArray left = unit(x);
            NDArray right = y == x ? left : unit(y);
            NDArray logits =
                    left.div((float) TEMPERATURE).matMul(right.transpose()).addi(mask);
            return logits.logSoftmax(1).gather(positives, 1).mean().neg();
        };
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
