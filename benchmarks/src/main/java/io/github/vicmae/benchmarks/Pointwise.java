package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PointwiseKernels;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.oracle.GeluOracle;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** What follows a matrix product where that is not done in its pass, and the sum over rows. */
public class Pointwise extends KernelBenchmark {
    /** rows x width */
    @Param({"400x3072", "1088x768"})
    public String shape;

    /** bias, bias-residual, bias-gelu, gelu-backward, column-sum, to-bf16 or to-float. */
    @Param({"bias", "bias-residual", "bias-gelu", "gelu-backward", "column-sum", "to-bf16", "to-float"})
    public String pass;

    private int rows;
    private int width;
    private Bench bench;
    private float[] x;
    private float[] other;
    private float[] bias;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 2);
        rows = size[0];
        width = size[1];
        bench = b;
        x = b.normal(rows * width, 1);
        other = b.normal(rows * width, 1);
        bias = b.normal(width, 1);
        return who == Implementation.DJL ? torch() : own(b);
    }

    private Workload own(Bench b) {
        boolean floats = pass.equals("bias-residual");
        Tensor xt = floats ? b.floats("x", x, rows, width) : b.activations("x", x, rows, width);
        Tensor residual =
                floats ? b.floats("residual", other, rows, width) : b.activations("other", other, rows, width);
        Tensor bt = b.floats("bias", bias, width);
        Tensor y = floats ? b.resultFloats("y", rows, width) : b.resultActivations("y", rows, width);
        Tensor sums = b.resultFloats("sums", width);
        Tensor scratch = b.scratch(Reduce.scratchSize(b.stream(), width));
        b.result(xt);
        Tensor wide = b.result(
                pass.equals("to-bf16")
                        ? b.floats("wide", x, rows, width)
                        : b.arena().floats("wide", rows, width));
        Tensor half = b.result(b.halves("half", pass.equals("to-float") ? x : null, rows, width));
        PointwiseKernels k = b.kernels().pointwise();
        long count = (long) rows * width;
        return b.run(
                switch (pass) {
                    case "bias" -> () -> k.addBias(xt, bt, rows, width);
                    case "bias-residual" -> () -> k.addBiasResidual(y, residual, xt, bt, rows, width);
                    case "bias-gelu" -> () -> k.biasGelu(y, xt, bt, rows, width);
                    case "gelu-backward" -> () -> k.geluBackward(y, residual, xt, count);
                    case "column-sum" -> () -> b.kernels().reduce().columnSum(sums, xt, rows, width, scratch);
                    case "to-bf16" -> () -> k.convert(half, wide);
                    case "to-float" -> () -> k.convert(wide, half);
                    default -> throw new IllegalArgumentException("There is no pass '" + pass + "'");
                });
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        NDArray xt = t.input("x", x, false, rows, width);
        NDArray ot = t.input("other", other, false, rows, width);
        NDArray bt = t.input("bias", bias, false, width);
        return switch (pass) {
            case "bias" -> t.forward("x", () -> xt.add(bt));
            case "bias-residual" -> t.forward("y", () -> ot.add(xt).addi(bt));
            case "bias-gelu" -> t.forward("y", () -> Activation.gelu(xt.add(bt)));
            case "column-sum" -> t.forward("sums", () -> xt.sum(new int[] {0}));
            default -> throw new IllegalArgumentException("libtorch through DJL has no pass '" + pass + "'");
        };
    }

    @Override
    List<Expected> expected() {
        double[] y = new double[rows * width];
        double[] sums = new double[width];
        for (int i = 0; i < y.length; i++) {
            double sum = (double) x[i] + bias[i % width];
            sums[i % width] += x[i];
            y[i] = switch (pass) {
                case "bias" -> sum;
                case "bias-residual" -> other[i] + sum;
                case "bias-gelu" -> GeluOracle.gelu(sum);
                default -> other[i] * GeluOracle.slope(x[i]);
            };
        }
        return switch (pass) {
            case "column-sum" -> List.of(new Expected("sums", sums, 1e-5));
            case "to-bf16" -> List.of(new Expected("half", doubles(x), 4e-3));
            case "to-float" -> List.of(new Expected("wide", doubles(x), 4e-3));
            case "bias" -> List.of(new Expected("x", y, 1e-6 + bench.rounding()));
            default -> List.of(new Expected("y", y, 1e-6 + bench.rounding()));
        };
    }

    @Override
    Cost cost() {
        double size = (double) rows * width;
        double act = bench.activationBytes();
        return new Cost(
                switch (pass) {
                    case "bias" -> 2 * act * size;
                    case "bias-residual" -> 12 * size;
                    case "column-sum" -> act * size;
                    case "to-bf16", "to-float" -> 6 * size;
                    default -> 3 * act * size;
                },
                0);
    }
}
