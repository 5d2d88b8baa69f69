package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.attention.AttentionKernels;
import io.github.vicmae.kernel.oracle.AttentionOracle;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/** Multi-head self-attention on the fused projections of queries, keys and values. libtorch through DJL holds the scores in memory. */
public class Attention extends KernelBenchmark {
    /** samples x tokens x heads x head dimension */
    @Param({"8x50x12x64", "8x197x16x32", "64x17x3x64", "64x65x3x32"})
    public String shape;

    /** forward, backward or both. */
    @Param({"forward", "backward", "both"})
    public String pass;

    private int samples;
    private int tokens;
    private int heads;
    private int headDim;
    private Bench bench;
    private float[] qkv;
    private float[] dout;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 4);
        samples = size[0];
        tokens = size[1];
        heads = size[2];
        headDim = size[3];
        bench = b;
        int width = heads * headDim;
        qkv = b.normal(samples * tokens * 3 * width, 1);
        dout = b.normal(samples * tokens * width, 1);
        if (who == Implementation.DJL) {
            return torch(width);
        }
        Tensor qkvt = b.activations("qkv", qkv, samples, tokens, 3 * width);
        Tensor doutt = b.activations("dout", dout, samples, tokens, width);
        Tensor out = b.resultActivations("out", samples, tokens, width);
        Tensor lse = b.arena().floats("lse", samples, heads, tokens);
        Tensor dqkv = b.resultActivations("dqkv", samples, tokens, 3 * width);
        Tensor scratch = b.scratch(AttentionKernels.scratchSize(samples, tokens, heads, headDim));
        AttentionKernels k = b.kernels().attention();
        return b.run(
                pass,
                () -> k.forward(out, lse, qkvt, samples, tokens, heads, headDim),
                () -> k.backward(dqkv, doutt, qkvt, out, lse, samples, tokens, heads, headDim, scratch));
    }

    private Workload torch(int width) {
        TorchWorkload t = new TorchWorkload();
        boolean gradient = pass.equals("both");
        NDArray all = t.input("qkv", qkv, gradient, samples, tokens, 3 * width);
        float scale = (float) (1 / Math.sqrt(headDim));
        Supplier<NDArray> forward = () -> {
            NDArray parts = all.reshape(samples, tokens, 3, heads, headDim).transpose(2, 0, 3, 1, 4);
            NDArray scores = parts.get(0).mul(scale).matMul(parts.get(1).transpose(0, 1, 3, 2));
            NDArray y = scores.softmax(-1).matMul(parts.get(2));
            return y.transpose(0, 2, 1, 3).reshape(samples, tokens, width);
        };
        return gradient ? t.both("out", forward, dout, samples, tokens, width) : t.forward("out", forward);
    }

    /** Samples are independent: the oracle computes only the first. */
    @Override
    List<Expected> expected() {
        int width = heads * headDim;
        double[] out = new double[tokens * width];
        double[] dqkv = new double[tokens * 3 * width];
        AttentionOracle oracle = new AttentionOracle(1, tokens, heads, headDim);
        double[] values = doubles(Arrays.copyOf(qkv, dqkv.length));
        oracle.forward(out, new double[heads * tokens], values);
        oracle.backward(dqkv, doubles(Arrays.copyOf(dout, out.length)), values);
        double spread = 3 * bench.rounding();
        Expected output = new Expected("out", out, 1e-5 + spread);
        return pass.equals("forward") ? List.of(output) : List.of(output, new Expected("dqkv", dqkv, 1e-5 + spread));
    }

    @Override
    Cost cost() {
        double act = bench.activationBytes();
        double row = (double) samples * tokens * heads * headDim;
        double lse = 4.0 * samples * tokens * heads;
        double product = 2.0 * samples * heads * tokens * tokens * headDim;
        return Cost.ofPass(
                pass,
                new Cost(act * 4 * row + lse, 2 * product),
                new Cost(act * (3 + 1 + 1 + 3) * row + lse, 5 * product));
    }
}
