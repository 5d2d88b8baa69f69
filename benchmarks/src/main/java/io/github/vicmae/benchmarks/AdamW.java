package io.github.vicmae.benchmarks;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.AdamWKernels;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** The AdamW update of parameters with two moments in floats, which clears the gradients; with a rounded copy in bfloat16. */
public class AdamW extends KernelBenchmark {
    private static final double[] SCALARS = {1e-3, 0.9, 0.95, 1e-8, 0.05, 0.1, 0.05};

    /** parameters */
    @Param({"1000000", "20000000"})
    public String shape;

    private int size;
    private Bench bench;
    private float[] p;
    private float[] g;

    @Override
    Workload open(Bench b, Implementation who) {
        size = sizes(shape, 1)[0];
        bench = b;
        p = b.normal(size, 1);
        g = b.normal(size, 1);
        Tensor pt = b.result(b.floats("p", p, size));
        Tensor gt = b.floats("g", g, size);
        Tensor mt = b.resultFloats("m", size);
        Tensor vt = b.resultFloats("v", size);
        Tensor rounded = b.activations() == DType.BF16 ? b.resultActivations("rounded", size) : null;
        float[] scalars = new float[8];
        for (int i = 0; i < SCALARS.length; i++) {
            scalars[i] = (float) SCALARS[i];
        }
        Tensor st = b.floats("scalars", scalars, 8);
        Tensor clip = b.floats("clip", new float[] {1, 1}, 2);
        AdamWKernels k = b.kernels().adamW();
        return b.run(() -> k.step(pt, rounded, gt, mt, vt, null, size / 2, size, st, clip));
    }

    @Override
    List<Expected> expected() {
        double[] ep = new double[size];
        double[] em = new double[size];
        double[] ev = new double[size];
        for (int i = 0; i < size; i++) {
            em[i] = (1 - SCALARS[1]) * g[i];
            ev[i] = (1 - SCALARS[2]) * g[i] * g[i];
            double decay = i < size / 2 ? 1 - SCALARS[0] * SCALARS[4] : 1;
            ep[i] = decay * p[i] - SCALARS[0] * (em[i] / SCALARS[5]) / (Math.sqrt(ev[i] / SCALARS[6]) + SCALARS[3]);
        }
        return List.of(new Expected("p", ep, 1e-6), new Expected("m", em, 2e-6), new Expected("v", ev, 2e-6));
    }

    @Override
    Cost cost() {
        // Reads and writes four tensors (parameter, gradient, two moments), and writes the copy.
        return new Cost(size * (32.0 + (bench.activations() == DType.BF16 ? 2 : 0)), 0);
    }
}
