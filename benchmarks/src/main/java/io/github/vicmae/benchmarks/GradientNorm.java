package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Tensor;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** The 2-norm of all gradients, for clipping. */
public class GradientNorm extends KernelBenchmark {
    /** parameters */
    @Param({"1000000", "20000000"})
    public String shape;

    private int size;
    private float[] g;

    @Override
    Workload open(Bench b, Implementation who) {
        size = sizes(shape, 1)[0];
        g = b.normal(size, 1);
        Tensor gt = b.floats("g", g, size);
        Tensor clip = b.resultFloats("clip", 2);
        Tensor scratch = b.scratch(io.github.vicmae.kernel.GradientNorm.scratchSize(b.stream()));
        return b.run(() -> b.kernels().gradientNorm().compute(clip, gt, 1, scratch));
    }

    @Override
    List<Expected> expected() {
        double squares = 0;
        for (float v : g) {
            squares += (double) v * v;
        }
        double norm = Math.sqrt(squares);
        return List.of(new Expected("clip", new double[] {norm, Math.min(1, 1 / (norm + 1e-6))}, 1e-6));
    }

    @Override
    Cost cost() {
        return new Cost(4.0 * size, 0);
    }
}
