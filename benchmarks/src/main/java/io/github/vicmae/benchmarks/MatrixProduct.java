package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import ai.djl.nn.core.Linear;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.matmul.MatMul;
import io.github.vicmae.kernel.oracle.EpilogueOracle;
import io.github.vicmae.kernel.oracle.GeluOracle;
import io.github.vicmae.kernel.oracle.MatMulOracle;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/**
 * A linear map with bias and GELU, the first of a transformer block's MLP: y = gelu(x W' + b), and its gradients. Unfused, bias and GELU are
 * a kernel of their own, and so is the sum over rows that the bias's gradient is.
 */
public class MatrixProduct extends KernelBenchmark {
    /** Rows of the result that the oracle computes: all of it would take longer than the benchmark. */
    private static final int CHECKED_ROWS = 4;

    /** rows x inputs x outputs */
    @Param({"400x768x3072", "1088x192x768"})
    public String shape;

    /** forward, backward or both. */
    @Param({"forward", "backward", "both"})
    public String pass;

    private int rows;
    private int in;
    private int out;
    private Bench bench;
    private float[] x;
    private float[] w;
    private float[] bias;
    private float[] dy;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 3);
        rows = size[0];
        in = size[1];
        out = size[2];
        bench = b;
        x = b.normal(rows * in, 1);
        w = b.normal(out * in, 1 / Math.sqrt(in));
        bias = b.normal(out, 1);
        dy = b.normal(rows * out, 1);
        return who == Implementation.DJL ? torch() : own(b, who == Implementation.UNFUSED);
    }

    private Workload own(Bench b, boolean unfused) {
        Tensor xt = b.activations("x", x, rows, in);
        Tensor wt = b.activations("w", w, out, in);
        Tensor bt = b.floats("bias", bias, out);
        Tensor dyt = b.activations("dy", dy, rows, out);
        Tensor y = b.resultActivations("y", rows, out);
        Tensor pre = b.arena().tensor("pre", b.activations(), rows, out);
        Tensor dpre = b.arena().tensor("dpre", b.activations(), rows, out);
        Tensor dx = b.resultActivations("dx", rows, in);
        Tensor dw = b.resultFloats("dw", out, in);
        Tensor dbias = b.resultFloats("dbias", out);
        Tensor scratch = b.scratch(MatMul.scratchSize(b.stream(), b.activations(), out, in, rows));
        MatMul m = b.kernels().matMul();
        Product product = new Product();
        Runnable backward = () -> {
            b.kernels().pointwise().geluBackward(dpre, dyt, pre, (long) rows * out);
            product.of(dpre, true, xt, false, out, in, rows).scratch(scratch);
            if (unfused) {
                m.multiply(product.to(Epilogue.ADD, dw));
                b.kernels().reduce().columnSum(dbias, dpre, rows, out, scratch);
            } else {
                m.multiply(product.to(Epilogue.ADD_ROW_SUMS, dw, dbias, null));
            }
            m.multiply(product.of(dpre, false, wt, false, rows, in, out).to(Epilogue.WRITE, dx));
        };
        Runnable forward = () -> {
            product.of(xt, false, wt, true, rows, out, in);
            if (unfused) {
                m.multiply(product.to(Epilogue.WRITE, pre));
                b.kernels().pointwise().biasGelu(y, pre, bt, rows, out);
            } else {
                m.multiply(product.to(Epilogue.BIAS_GELU, y, bt, pre));
            }
        };
        return b.run(pass, forward, backward);
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        boolean gradient = pass.equals("both");
        NDArray xt = t.input("x", x, gradient, rows, in);
        NDArray wt = t.input("w", w, gradient, out, in);
        NDArray bt = t.input("bias", bias, gradient, out);
        Supplier<NDArray> forward =
                () -> Activation.gelu(Linear.linear(xt, wt, bt).singletonOrThrow());
        return gradient ? t.both("y", forward, dy, rows, out) : t.forward("y", forward);
    }

    @Override
    List<Expected> expected() {
        int some = Math.min(CHECKED_ROWS, rows);
        double[] pre = new double[some * out];
        MatMulOracle.multiply(pre, doubles(Arrays.copyOf(x, some * in)), doubles(w), false, true, some, out, in);
        double[] y = pre.clone();
        EpilogueOracle.finish(Epilogue.BIAS_GELU, y, null, doubles(bias), pre, null, out);
        Expected output = new Expected("y", y, 1e-5 + bench.rounding());
        if (pass.equals("forward")) {
            return List.of(output);
        }
        double[] dpre = new double[some * out];
        for (int i = 0; i < dpre.length; i++) {
            dpre[i] = dy[i] * GeluOracle.slope(pre[i]);
        }
        double[] dx = new double[some * in];
        MatMulOracle.multiply(dx, dpre, doubles(w), false, false, some, in, out);
        // The weights' gradient sums over all rows: its own first row is checked, against all of them.
        double[] column = new double[rows];
        double dbias = 0;
        for (int r = 0; r < rows; r++) {
            double sum = bias[0];
            for (int i = 0; i < in; i++) {
                sum += (double) x[r * in + i] * w[i];
            }
            column[r] = dy[r * out] * GeluOracle.slope(sum);
            dbias += column[r];
        }
        double[] dw = new double[in];
        MatMulOracle.multiply(dw, column, doubles(x), false, false, 1, in, rows);
        double spread = 3 * bench.rounding();
        return List.of(
                output,
                new Expected("dx", dx, 1e-5 + spread),
                new Expected("dw", dw, 1e-5 + spread),
                new Expected("dbias", 0, new double[] {dbias}, 1e-5 + spread, Math.sqrt(rows)));
    }

    @Override
    Cost cost() {
        double act = bench.activationBytes();
        double flops = 2.0 * rows * in * out;
        double operands = act * ((double) rows * in + (double) in * out);
        Cost forward = new Cost(operands + 2 * act * rows * out, flops);
        Cost backward = new Cost(operands + 2 * act * rows * out + act * rows * in + 8.0 * in * out, 2 * flops);
        return Cost.ofPass(pass, forward, backward);
    }
}
