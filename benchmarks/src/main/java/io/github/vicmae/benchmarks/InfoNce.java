package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.Precision;
import io.github.vicmae.loss.ContrastiveShape;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/**
 * The contrastive loss of R rows with the L2 normalisation before it, at temperature 0.1, in its symmetric form: fused by this library, or
 * materialised as R x R logits by this library's products (unfused) and by libtorch. Above 1024 rows the gradient is checked in its first rows,
 * and above 8192, where the oracle would take minutes, the same implementation is checked with the first 8192 rows before it is timed.
 */
public class InfoNce extends LossBenchmark {
    private static final int WHOLE_ORACLE = 1024;
    private static final int MOST_CHECKED = 8192;
    private static final int CHECKED_ROWS = 16;

    /** rows x width */
    @Param({"1024x128", "8192x128"})
    public String shape;

    /** libtorch holds logits, probabilities and their gradient at once. Checked before it is tried: Linux would kill the process silently. */
    static String tooLargeForTorch(String shape) {
        int rows = sizes(shape, 2)[0];
        double bytes = 3.0 * rows * rows * Float.BYTES;
        long available = ProcessMemory.available();
        return bytes < available
                ? null
                : "three matrices of " + rows + " x " + rows + " floats take " + Figures.bytes(bytes) + ", and "
                        + Figures.bytes((double) available) + " are free";
    }

    @Override
    String name(Implementation who) {
        return who == Implementation.UNFUSED ? "infonce-naive" : "infonce";
    }

    @Override
    ContrastiveShape shape(Precision precision) {
        int[] size = sizes(shape, 2);
        return new ContrastiveShape(size[0], size[0], size[1], (float) TEMPERATURE, true, precision);
    }

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 2);
        if (size[0] > MOST_CHECKED) {
            InfoNce smaller = alike(new InfoNce());
            smaller.shape = MOST_CHECKED + "x" + size[1];
            smaller.pass = pass;
            smaller.setUp();
            smaller.tearDown();
        }
        return super.open(b, who);
    }

    @Override
    Supplier<NDArray> torch(TorchWorkload t, NDArray x, NDArray y) {
        return InfoNceTwoSided.materialised(t, x, y);
    }

    @Override
    List<Expected> expected() {
        int rows = shape().rows();
        if (rows <= WHOLE_ORACLE) {
            return super.expected();
        } else if (rows > MOST_CHECKED) {
            return List.of();
        }
        LargeInfoNce large = new LargeInfoNce(doubles(rows()), rows, shape().width(), TEMPERATURE);
        Expected loss = new Expected("loss", new double[] {large.loss()}, 1e-5 + spread());
        return pass.equals("forward")
                ? List.of(loss)
                : List.of(loss, new Expected("dx", large.gradient(CHECKED_ROWS), 1e-4 + 4 * spread()));
    }

    /** Half of the logits, and all of them again for the gradient, times the rows. */
    @Override
    double[] flops(ContrastiveShape s) {
        double product = 2.0 * s.rows() * s.rows() * s.width();
        return new double[] {0.5 * product, 2 * product};
    }
}
