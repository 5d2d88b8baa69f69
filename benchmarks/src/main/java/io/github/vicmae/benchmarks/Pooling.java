package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.PoolKernels;
import io.github.vicmae.kernel.oracle.PoolOracle;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** The tokens of a sample pooled to its feature row. */
public class Pooling extends KernelBenchmark {
    /** samples x tokens x width */
    @Param({"64x50x768", "64x17x192"})
    public String shape;

    /** mean, max or gem; or the backward pass of one, as in max-backward. */
    @Param({"mean", "max", "gem", "mean-backward", "max-backward", "gem-backward"})
    public String pass;

    private int samples;
    private int tokens;
    private int width;
    private float[] x;
    private float[] dpooled;

    private io.github.vicmae.kernel.Pooling pooling() {
        return io.github.vicmae.kernel.Pooling.of(pass.replace("-backward", ""));
    }

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 3);
        samples = size[0];
        tokens = size[1];
        width = size[2];
        x = b.normal(samples * tokens * width, 1);
        dpooled = b.normal(samples * width, 1);
        return who == Implementation.DJL ? torch() : own(b);
    }

    private Workload own(Bench b) {
        Tensor xt = b.floats("x", x, samples, tokens, width);
        Tensor dt = b.floats("dpooled", dpooled, samples, width);
        Tensor pooled = b.resultFloats("pooled", samples, width);
        Tensor argmax = b.arena().tensor("argmax", DType.I32, samples, width);
        Tensor dx = b.resultFloats("dx", samples, tokens, width);
        PoolKernels k = b.kernels().pool();
        io.github.vicmae.kernel.Pooling how = pooling();
        PatchGrid grid = PatchGrid.ofImage(1, tokens - 1, 1);
        Tensor places = how == io.github.vicmae.kernel.Pooling.MAX ? argmax : null;
        return b.run(
                pass.endsWith("-backward") ? "backward" : "forward",
                () -> k.forward(pooled, places, xt, how, grid, samples, tokens - 1, width),
                () -> k.backward(dx, dt, pooled, places, xt, how, grid, samples, tokens - 1, width));
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        NDArray xt = t.input("x", x, false, samples, tokens, width);
        return switch (pass) {
            case "mean" -> t.forward("pooled", () -> xt.get(":,1:").mean(new int[] {1}));
            case "max" -> t.forward("pooled", () -> xt.get(":,1:").max(new int[] {1}));
            case "gem" ->
                t.forward("pooled", () -> xt.get(":,1:")
                        .maximum(1e-6f)
                        .pow(3)
                        .mean(new int[] {1})
                        .pow(1f / 3));
            default -> throw new IllegalArgumentException("libtorch through DJL has no pass '" + pass + "'");
        };
    }

    @Override
    List<Expected> expected() {
        double[] values = doubles(x);
        if (pass.endsWith("-backward")) {
            double[] dx = new double[values.length];
            double[] pooled = PoolOracle.pool(values, pooling(), 1, samples, tokens, width);
            PoolOracle.gradient(dx, doubles(dpooled), pooled, values, pooling(), 1, samples, tokens, width);
            return List.of(new Expected("dx", dx, 1e-5));
        }
        return List.of(new Expected("pooled", PoolOracle.pool(values, pooling(), 1, samples, tokens, width), 1e-5));
    }

    /** Class tokens are left alone; a backward pass adds to what is there, and that of max to one element a column. */
    @Override
    Cost cost() {
        double row = 4.0 * samples * width;
        double others = row * (tokens - 1);
        return new Cost(
                switch (pass) {
                    case "max" -> others + 2 * row;
                    case "mean-backward" -> 2 * others + row;
                    case "max-backward" -> 4 * row;
                    case "gem-backward" -> 3 * others + 2 * row;
                    default -> others + row;
                },
                0);
    }
}
