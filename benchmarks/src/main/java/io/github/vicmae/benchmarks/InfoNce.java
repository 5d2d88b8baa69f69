package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.ContrastiveShape;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/**
 * The contrastive loss of R rows with the L2 normalisation before it, at temperature 0.1, in its symmetric form: fused by this library, or
 * materialised as R x R logits by this library's products (unfused) and by libtorch. Above 1024 rows the gradient is checked in its first rows,
 * and above 8192, where the oracle would take minutes, the same implementation is checked with the first 8192 rows before it is timed.
 */
public class InfoNce extends KernelBenchmark {
    private static final double TEMPERATURE = 0.1;
    private static final int WHOLE_ORACLE = 1024;
    private static final int MOST_CHECKED = 8192;
    private static final int CHECKED_ROWS = 16;

    /** rows x width */
    @Param({"1024x128", "8192x128"})
    public String shape;

    /** forward, backward or both. */
    @Param({"forward", "both"})
    public String pass;

    private int rows;
    private int width;
    private Bench bench;
    private float[] x;

    /** libtorch holds logits, probabilities and their gradient at once. Told before it is tried: Linux would end the process, without a word. */
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
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 2);
        rows = size[0];
        width = size[1];
        bench = b;
        if (rows > MOST_CHECKED) {
            checkSmaller();
        }
        x = b.normal(rows * width, 1);
        return who == Implementation.DJL ? torch() : own(b, who);
    }

    private void checkSmaller() {
        InfoNce smaller = new InfoNce();
        smaller.shape = MOST_CHECKED + "x" + width;
        smaller.pass = pass;
        smaller.device = device;
        smaller.precision = precision;
        smaller.implementation = implementation;
        smaller.setUp();
        smaller.tearDown();
    }

    private Workload own(Bench b, Implementation who) {
        Stream stream = b.stream();
        Scratch scratch = new Scratch();
        Tensor xt = b.floats("x", x, rows, width);
        Tensor loss = b.resultFloats("loss", 1);
        Tensor dx = b.resultFloats("dx", rows, width);
        Tensor weight = b.floats("weight", new float[] {1}, 1);
        ContrastiveLoss nce = ContrastiveLosses.named(who == Implementation.UNFUSED ? "infonce-naive" : "infonce")
                .create(
                        b.kernels(),
                        b.arena(),
                        scratch,
                        new ContrastiveShape(rows, rows, width, (float) TEMPERATURE, true, b.precision()));
        scratch.plan(b.arena());
        b.prepare(() -> nce.prepare(stream));
        return b.run(pass, () -> nce.forward(loss, xt, xt), () -> nce.backward(dx, dx, weight));
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        boolean gradient = pass.equals("both");
        NDArray xt = t.input("x", x, gradient, rows, width);
        NDArray positives = t.manager()
                .arange(rows)
                .add(rows / 2)
                .mod(rows)
                .toType(DataType.INT64, false)
                .reshape(rows, 1);
        NDArray mask = t.manager().eye(rows).muli(-1e9f);
        Supplier<NDArray> forward = () -> {
            NDArray unit = xt.div(xt.norm(new int[] {1}, true));
            NDArray logits =
                    unit.div((float) TEMPERATURE).matMul(unit.transpose()).addi(mask);
            return logits.logSoftmax(1).gather(positives, 1).mean().neg();
        };
        return gradient ? t.both("loss", forward, null) : t.forward("loss", forward);
    }

    @Override
    List<Expected> expected() {
        int[] other = new int[rows];
        int[] own = new int[rows];
        for (int i = 0; i < rows; i++) {
            other[i] = (i + rows / 2) % rows;
            own[i] = i;
        }
        double spread = bench.precision() == io.github.vicmae.device.Precision.BF16 ? 2e-3 : 0;
        if (rows > MOST_CHECKED) {
            return List.of();
        }
        if (rows > WHOLE_ORACLE) {
            LargeInfoNce large = new LargeInfoNce(doubles(x), rows, width, TEMPERATURE);
            Expected loss = new Expected("loss", new double[] {large.loss()}, 1e-5 + spread);
            return pass.equals("forward")
                    ? List.of(loss)
                    : List.of(loss, new Expected("dx", large.gradient(CHECKED_ROWS), 1e-4 + 4 * spread));
        }
        InfoNceOracle oracle = new InfoNceOracle(rows, rows, width, TEMPERATURE, other, own);
        double[] values = doubles(x);
        double loss = oracle.loss(new double[rows], values, values);
        double[] dx = new double[rows * width];
        double[] terms = oracle.backward(dx, dx, values, values, 1);
        Expected output = new Expected("loss", new double[] {loss}, 1e-5 + spread);
        return pass.equals("forward")
                ? List.of(output)
                : List.of(output, new Expected("dx", 0, dx, 1e-5 + 2 * spread, terms[0]));
    }

    @Override
    Cost cost() {
        double product = 2.0 * rows * rows * width;
        double features = 4.0 * rows * width;
        // Half of the logits and all of them again for the gradient, times the rows.
        return Cost.ofPass(pass, new Cost(features, 0.5 * product), new Cost(2 * features, 2 * product));
    }
}
