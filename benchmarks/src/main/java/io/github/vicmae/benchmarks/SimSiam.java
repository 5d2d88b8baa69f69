package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import io.github.vicmae.device.Precision;
import io.github.vicmae.loss.ContrastiveShape;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/** SimSiam's negative cosine of each row and the other view's, which counts as a constant (arXiv 2011.10566). */
public class SimSiam extends LossBenchmark {
    /** rows x width */
    @Param("8192x128")
    public String shape;

    @Override
    String name(Implementation who) {
        return "simsiam";
    }

    @Override
    ContrastiveShape shape(Precision precision) {
        int[] size = sizes(shape, 2);
        return ContrastiveShape.of(size[0], size[1], (float) TEMPERATURE, true);
    }

    @Override
    Supplier<NDArray> torch(TorchWorkload t, NDArray x, NDArray y) {
        int half = sizes(shape, 2)[0] / 2;
        return () -> {
            NDArray constant = y.stopGradient();
            NDArray other = constant.get(new NDIndex("{}:", half)).concat(constant.get(new NDIndex(":{}", half)), 0);
            NDArray cosines =
                    x.mul(other).sum(new int[] {1}).div(x.norm(new int[] {1}).mul(other.norm(new int[] {1})));
            return cosines.mean().neg();
        };
    }

    @Override
    double[] flops(ContrastiveShape s) {
        return new double[2];
    }
}
