package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import io.github.vicmae.device.Precision;
import io.github.vicmae.loss.ContrastiveShape;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/** VICReg of two views of R / 2 samples, with the weights 25, 25 and 1 of the paper (arXiv 2105.04906). */
public class VicReg extends LossBenchmark {
    /** rows x width */
    @Param({"1024x128", "256x512"})
    public String shape;

    @Override
    String name(Implementation who) {
        return "vicreg";
    }

    @Override
    ContrastiveShape shape(Precision precision) {
        int[] size = sizes(shape, 2);
        return ContrastiveShape.of(size[0], size[1], (float) TEMPERATURE, true);
    }

    @Override
    Supplier<NDArray> torch(TorchWorkload t, NDArray x, NDArray y) {
        int half = sizes(shape, 2)[0] / 2;
        NDArray eye = t.manager().eye(sizes(shape, 2)[1]);
        NDArray rest = eye.neg().add(1);
        return () -> {
            NDArray first = x.get(new NDIndex(":{}", half));
            NDArray second = y.get(new NDIndex("{}:", half));
            NDArray distance = first.sub(second).square().mean().mul(25);
            return distance.add(spread(first, eye, rest)).add(spread(second, eye, rest));
        };
    }

    /** Half of the variance term, and the covariance term, of one view. */
    private static NDArray spread(NDArray view, NDArray eye, NDArray rest) {
        NDArray centred = view.sub(view.mean(new int[] {0}));
        NDArray covariances =
                centred.transpose().matMul(centred).div(view.getShape().get(0) - 1);
        NDArray deviations = covariances.mul(eye).sum(new int[] {1}).add(1e-4f).sqrt();
        NDArray hinge = deviations.neg().add(1).maximum(0).mean().mul(12.5f);
        return hinge.add(covariances.mul(rest).square().sum().div(eye.getShape().get(0)));
    }

    /** The covariances, and their gradient times the rows. */
    @Override
    double[] flops(ContrastiveShape s) {
        double product = 2.0 * s.rows() * s.width() * s.width();
        return new double[] {product, product};
    }
}
