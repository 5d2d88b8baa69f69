package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.BatchNormKernels;
import io.github.vicmae.kernel.oracle.BatchNormOracle;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/** Batch normalisation of rows x width with statistics of the batch, without the ReLU that this library's kernels can add. */
public class BatchNorm extends KernelBenchmark {
    static final float EPS = 1e-5f;
    static final float MOMENTUM = 0.1f;

    /** rows x width */
    @Param({"256x4096", "32x512"})
    public String shape;

    /** forward, backward or both. */
    @Param({"forward", "backward", "both"})
    public String pass;

    private int rows;
    private int width;
    private float[] x;
    private float[] gamma;
    private float[] beta;
    private float[] dy;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 2);
        rows = size[0];
        width = size[1];
        x = b.normal(rows * width, 1);
        gamma = b.normal(width, 1);
        beta = b.normal(width, 1);
        dy = b.normal(rows * width, 1);
        return who == Implementation.DJL ? torch() : own(b, who == Implementation.CUDNN);
    }

    private Workload own(Bench b, boolean cudnn) {
        Tensor xt = b.floats("x", x, rows, width);
        Tensor gt = b.floats("gamma", gamma, width);
        Tensor bt = b.floats("beta", beta, width);
        Tensor dyt = b.floats("dy", dy, rows, width);
        Tensor y = b.resultFloats("y", rows, width);
        Tensor mean = b.arena().floats("mean", width);
        Tensor rstd = b.arena().floats("rstd", width);
        Tensor runningMean = b.arena().floats("running mean", width);
        Tensor runningVar = b.arena().floats("running var", width);
        Tensor dx = b.resultFloats("dx", rows, width);
        Tensor dgamma = b.resultFloats("dgamma", width);
        Tensor dbeta = b.resultFloats("dbeta", width);
        if (cudnn) {
            CudnnBatchNorm peer = new CudnnBatchNorm(rows, width);
            b.closeToo(peer);
            return new OnDefaultStream(b.run(
                    pass,
                    () -> peer.forward(y, xt, gt, bt, runningMean, runningVar, mean, rstd),
                    () -> peer.backward(dx, dgamma, dbeta, dyt, xt, gt, mean, rstd)));
        }
        BatchNormKernels k = b.kernels().batchNorm();
        return b.run(
                pass,
                () -> k.forward(
                        y, mean, rstd, runningMean, runningVar, xt, gt, bt, 1, rows, width, EPS, MOMENTUM, false),
                () -> k.backward(dx, dgamma, dbeta, dyt, y, xt, gt, mean, rstd, 1, rows, width, false));
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        boolean gradient = pass.equals("both");
        NDArray xt = t.input("x", x, gradient, rows, width);
        NDArray gt = t.input("gamma", gamma, gradient, width);
        NDArray bt = t.input("beta", beta, gradient, width);
        NDArray mean = t.input("running mean", new float[width], false, width);
        NDArray variance = t.input("running var", new float[width], false, width);
        Supplier<NDArray> forward =
                () -> ai.djl.nn.norm.BatchNorm.batchNorm(xt, mean, variance, gt, bt, 1, MOMENTUM, EPS, true)
                        .singletonOrThrow();
        return gradient ? t.both("y", forward, dy, rows, width) : t.forward("y", forward);
    }

    @Override
    List<Expected> expected() {
        double[] values = doubles(x);
        double[] y = BatchNormOracle.forward(
                new double[width],
                new double[width],
                values,
                doubles(gamma),
                doubles(beta),
                rows,
                width,
                EPS,
                MOMENTUM,
                false);
        Expected output = new Expected("y", y, 1e-5);
        if (pass.equals("forward")) {
            return List.of(output);
        }
        double[] dgamma = new double[width];
        double[] dbeta = new double[width];
        double[] dx = BatchNormOracle.backward(
                dgamma, dbeta, doubles(dy), y, values, doubles(gamma), rows, width, EPS, false);
        return List.of(
                output,
                new Expected("dx", dx, 1e-5),
                new Expected("dgamma", dgamma, 1e-5),
                new Expected("dbeta", dbeta, 1e-5));
    }

    @Override
    Cost cost() {
        double size = 4.0 * rows * width;
        return Cost.ofPass(pass, new Cost(2 * size, 0), new Cost(3 * size, 0));
    }
}
