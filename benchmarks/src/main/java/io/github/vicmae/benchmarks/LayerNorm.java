package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.LayerNormKernels;
import io.github.vicmae.kernel.oracle.LayerNormOracle;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** Layer normalisation of rows x width. */
public class LayerNorm extends KernelBenchmark {
    private static final float EPS = 1e-6f;

    /** rows x width */
    @Param({"1576x768", "4160x192"})
    public String shape;

    /** forward, backward or both. */
    @Param({"forward", "backward", "both"})
    public String pass;

    private int rows;
    private int width;
    private Bench bench;
    private float[] x;
    private float[] gamma;
    private float[] beta;
    private float[] dy;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 2);
        rows = size[0];
        width = size[1];
        bench = b;
        x = b.normal(rows * width, 2);
        gamma = b.normal(width, 1);
        beta = b.normal(width, 1);
        dy = b.normal(rows * width, 1);
        return who == Implementation.DJL ? torch() : own(b);
    }

    private Workload own(Bench b) {
        Tensor xt = b.floats("x", x, rows, width);
        Tensor gt = b.floats("gamma", gamma, width);
        Tensor bt = b.floats("beta", beta, width);
        Tensor y = b.resultActivations("y", rows, width);
        Tensor mean = b.arena().floats("mean", rows);
        Tensor rstd = b.arena().floats("rstd", rows);
        Tensor dyt = b.activations("dy", dy, rows, width);
        Tensor dx = b.resultFloats("dx", rows, width);
        Tensor dgamma = b.resultFloats("dgamma", width);
        Tensor dbeta = b.resultFloats("dbeta", width);
        Tensor scratch = b.scratch(LayerNormKernels.scratchSize(b.stream(), width));
        LayerNormKernels k = b.kernels().layerNorm();
        return b.run(
                pass,
                () -> k.forward(y, mean, rstd, xt, gt, bt, rows, width, EPS),
                () -> k.backward(dx, null, dgamma, dbeta, dyt, xt, gt, mean, rstd, rows, width, false, scratch));
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        boolean gradient = pass.equals("both");
        NDArray xt = t.input("x", x, gradient, rows, width);
        NDArray gt = t.input("gamma", gamma, gradient, width);
        NDArray bt = t.input("beta", beta, gradient, width);
        java.util.function.Supplier<NDArray> forward = () ->
                JniUtils.layerNorm((PtNDArray) xt, TorchWorkload.shape(width), (PtNDArray) gt, (PtNDArray) bt, EPS);
        return gradient ? t.both("y", forward, dy, rows, width) : t.forward("y", forward);
    }

    @Override
    List<Expected> expected() {
        double[] y = new double[rows * width];
        double[] dx = new double[rows * width];
        double[] dgamma = new double[width];
        double[] dbeta = new double[width];
        LayerNormOracle.layerNorm(
                y, dx, dgamma, dbeta, doubles(x), doubles(gamma), doubles(beta), doubles(dy), rows, width, EPS);
        Expected output = new Expected("y", y, 1e-5 + bench.rounding());
        return pass.equals("forward")
                ? List.of(output)
                : List.of(
                        output,
                        new Expected("dx", dx, 1e-5),
                        new Expected("dgamma", dgamma, 1e-4),
                        new Expected("dbeta", dbeta, 1e-4));
    }

    @Override
    Cost cost() {
        double size = (double) rows * width;
        double act = bench.activationBytes();
        return Cost.ofPass(pass, new Cost(size * (4 + act), 0), new Cost(size * (4 + 4 + act), 0));
    }
}
