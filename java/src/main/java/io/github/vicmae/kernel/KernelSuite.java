package io.github.vicmae.kernel;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.attention.AttentionKernels;
import io.github.vicmae.kernel.contrastive.InfoNcePairs;
import io.github.vicmae.kernel.contrastive.InfoNceShape;
import io.github.vicmae.kernel.contrastive.InfoNceState;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Single kernels on one's own numbers: InfoNCE, attention, layer normalisation, AdamW and the matrix product, without a model around them.
 *
 * <pre>{@code
 * try (Device device = Device.auto(); KernelSuite suite = KernelSuite.on(device)) {
 *     Tensor x = suite.tensor("x", values, rows, width);
 *     KernelSuite.InfoNce loss = suite.infoNceOfTwoViews(x, 0.1f, Precision.FP32);
 *     float[] gradient = suite.read(loss.dRows());
 * }
 * }</pre>
 *
 * <p>Every tensor is dense, row-major, and the suite's own: it is made by {@link #tensor} or is a kernel's result, and its memory is given back by
 * {@link #release} or {@link #close()}. Other tensors, released ones, and other shapes than a kernel's are refused with an
 * {@link IllegalArgumentException} that says what was wanted and what was given; after {@link #close()} every call throws an
 * {@link IllegalStateException}. Methods return when the work is given to the device; {@link #read} waits for it.
 *
 * <p>Calls from several threads are done one after the other. Each result takes new memory; {@link #kernels()}, which all of this is built on,
 * launches on memory that is planned once.
 */
public final class KernelSuite implements AutoCloseable {
    /**
     * A loss and its gradients.
     *
     * @param loss [1]
     * @param dRows [R, D], the gradient with respect to the rows
     * @param dColumns [K, D], the same for the columns; the rows' gradient where the columns are the rows
     */
    public record InfoNce(Tensor loss, Tensor dRows, Tensor dColumns) {}

    /**
     * Attention's results.
     *
     * @param out [samples, tokens, heads * headDim], of qkv's type
     * @param lse [samples, heads, tokens], the logarithm of the sum of the exponentials of each row's scaled scores
     */
    public record Attention(Tensor out, Tensor lse) {}

    /**
     * Layer normalisation's results.
     *
     * @param y [rows, width]
     * @param mean [rows]
     * @param rstd [rows], 1 / sqrt(variance + eps)
     */
    public record LayerNorm(Tensor y, Tensor mean, Tensor rstd) {}

    /**
     * The gradients of layer normalisation.
     *
     * @param dx [rows, width]
     * @param dgamma [width]
     * @param dbeta [width]
     */
    public record LayerNormGradient(Tensor dx, Tensor dgamma, Tensor dbeta) {}

    private static final String SAME = "the parameters' shape";
    private final Kernels kernels;
    private final SuiteMemory memory;

    private KernelSuite(Kernels kernels) {
        this.kernels = kernels;
        memory = new SuiteMemory(kernels.stream());
    }

    /**
     * Loads the kernels on a stream of their own.
     *
     * @param device stays the caller's, and must be closed after the suite
     * @throws io.github.vicmae.device.DeviceException if a kernel cannot be loaded
     */
    public static KernelSuite on(Device device) {
        return new KernelSuite(Kernels.onNewStream(device));
    }

    /** All kernels of the library on the suite's stream, for memory that is planned by the caller. */
    public Kernels kernels() {
        return kernels;
    }

    /**
     * A tensor of floats with these values; the name is for messages.
     *
     * @throws IllegalArgumentException if there are more or fewer values than the shape says
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public synchronized Tensor tensor(String name, float[] values, int... shape) {
        return tensor(DType.F32, name, FloatBuffer.wrap(values), shape);
    }

    /**
     * The same of another type.
     *
     * @param dtype {@link DType#F32}, or {@link DType#BF16}: the values are rounded to the nearest
     */
    public synchronized Tensor tensor(DType dtype, String name, float[] values, int... shape) {
        return tensor(dtype, name, FloatBuffer.wrap(values), shape);
    }

    /** The same with the values between a buffer's position and its limit, which do not move; the buffer may be direct. */
    public synchronized Tensor tensor(DType dtype, String name, FloatBuffer values, int... shape) {
        if (!dtype.isFloating()) {
            throw new IllegalArgumentException("'" + name + "' is of floats or bfloat16, not of " + dtype);
        }
        Tensor tensor = memory.take(dtype, name, shape);
        try {
            memory.write(tensor, values);
            return tensor;
        } catch (RuntimeException | Error e) {
            Closing.after(e, () -> memory.release(tensor));
            throw e;
        }
    }

    /** A tensor of floats that are all 0. */
    public synchronized Tensor zeros(String name, int... shape) {
        Tensor tensor = memory.floats(name, shape);
        kernels.stream().zero(tensor);
        return tensor;
    }

    /** Writes the values between a buffer's position and its limit, which do not move, into a tensor. */
    public synchronized void write(Tensor to, FloatBuffer values) {
        memory.write(to, values);
    }

    /** The same from an array. */
    public synchronized void write(Tensor to, float[] values) {
        memory.write(to, FloatBuffer.wrap(values));
    }

    /** A tensor's values, once all that was given to the device is done. */
    public synchronized float[] read(Tensor from) {
        return memory.read(from);
    }

    /** The same into a buffer, from its position to its limit, which do not move. */
    public synchronized void read(Tensor from, FloatBuffer into) {
        memory.read(from, into);
    }

    /** Gives tensors' memory back before the suite is closed; the device finishes its work first. */
    public synchronized void release(Tensor... tensors) {
        memory.release(tensors);
    }

    /**
     * The matrix product C = op(A) op(B), through the device's library where there is one (cuda/matmul.cu and cuda/matmul_mma.cu elsewhere).
     *
     * @param a [m, k], or [k, m] if {@code transA}; floats or bfloat16
     * @param b [k, n], or [n, k] if {@code transB}; of A's type
     * @return C [m, n], floats
     */
    public synchronized Tensor product(Tensor a, boolean transA, Tensor b, boolean transB) {
        memory.require("product", "A", a, transA ? "[k, m]" : "[m, k]", 0, 0);
        int m = a.dim(transA ? 1 : 0);
        int k = a.dim(transA ? 0 : 1);
        memory.require("product", "B", b, transB ? "[n, k]" : "[k, n]", transB ? 0 : k, transB ? k : 0);
        if (a.dtype() != b.dtype()) {
            throw new IllegalArgumentException("product wants A and B of one type, but was given " + a + " and " + b);
        }
        int n = b.dim(transB ? 0 : 1);
        Tensor c = memory.floats("product", m, n);
        kernels.matMul()
                .multiply(new Product().of(a, transA, b, transB, m, n, k).to(Epilogue.WRITE, c));
        return c;
    }

    /**
     * y = (x - mean) / sqrt(variance + eps) * gamma + beta for each row, with the biased variance (cuda/layer_norm.cu; Ba, Kiros and Hinton
     * 2016).
     *
     * @param x [rows, width], floats
     * @param gamma [width], floats
     * @param beta [width], floats
     * @param eps above 0
     */
    public synchronized LayerNorm layerNorm(Tensor x, Tensor gamma, Tensor beta, float eps) {
        memory.requireFloats("layerNorm", "x", x, "[rows, width]", 0, 0);
        int rows = x.dim(0);
        int width = x.dim(1);
        memory.requireFloats("layerNorm", "gamma", gamma, "[width]", width);
        memory.requireFloats("layerNorm", "beta", beta, "[width]", width);
        if (!(eps > 0)) {
            throw new IllegalArgumentException("layerNorm wants an eps above 0, but was given " + eps);
        }
        LayerNorm result = new LayerNorm(
                memory.floats("y", rows, width), memory.floats("mean", rows), memory.floats("rstd", rows));
        kernels.layerNorm().forward(result.y(), result.mean(), result.rstd(), x, gamma, beta, rows, width, eps);
        return result;
    }

    /**
     * The gradients of {@link #layerNorm}.
     *
     * @param dy [rows, width], floats: the gradient with respect to y
     * @param x as it was given
     * @param gamma as it was given
     * @param forward what it returned
     */
    public synchronized LayerNormGradient layerNormGradient(Tensor dy, Tensor x, Tensor gamma, LayerNorm forward) {
        String kernel = "layerNormGradient";
        Tensor mean = forward.mean();
        Tensor rstd = forward.rstd();
        memory.requireFloats(kernel, "x", x, "[rows, width]", 0, 0);
        int rows = x.dim(0);
        int width = x.dim(1);
        memory.requireFloats(kernel, "dy", dy, "[rows, width]", rows, width);
        memory.requireFloats(kernel, "gamma", gamma, "[width]", width);
        memory.requireFloats(kernel, "the forward pass's mean", mean, "[rows]", rows);
        memory.requireFloats(kernel, "the forward pass's rstd", rstd, "[rows]", rows);
        Tensor dx = memory.floats("dx", rows, width);
        Tensor dgamma = zeros("dgamma", width); // the kernel adds to these
        Tensor dbeta = zeros("dbeta", width);
        Tensor scratch = memory.scratch(LayerNormKernels.scratchSize(kernels.stream(), width));
        try {
            kernels.layerNorm()
                    .backward(dx, null, dgamma, dbeta, dy, x, gamma, mean, rstd, rows, width, false, scratch);
        } finally {
            memory.release(scratch);
        }
        return new LayerNormGradient(dx, dgamma, dbeta);
    }

    /**
     * Multi-head self-attention, softmax(q k^T / sqrt(headDim)) v, without ever holding the scores (cuda/attention.cu, and
     * cuda/attention_mma.cu for bfloat16 on a card; Vaswani et al. 2017).
     *
     * @param qkv [samples, tokens, 3 * heads * headDim], each row q | k | v, floats or bfloat16
     * @param heads a divisor of the rows' third; the head dimension is at most {@link AttentionKernels#MAX_HEAD_DIM}
     */
    public synchronized Attention attention(Tensor qkv, int heads) {
        int headDim = headDim("attention", qkv, heads);
        int samples = qkv.dim(0);
        int tokens = qkv.dim(1);
        Tensor out = memory.take(qkv.dtype(), "out", samples, tokens, heads * headDim);
        Tensor lse = memory.floats("lse", samples, heads, tokens);
        kernels.attention().forward(out, lse, qkv, samples, tokens, heads, headDim);
        return new Attention(out, lse);
    }

    /**
     * The gradient of {@link #attention}.
     *
     * @param dout [samples, tokens, heads * headDim], of qkv's type: the gradient with respect to its output
     * @param qkv as it was given
     * @param forward what it returned
     * @return [samples, tokens, 3 * heads * headDim], of qkv's type
     */
    public synchronized Tensor attentionGradient(Tensor dout, Tensor qkv, int heads, Attention forward) {
        String kernel = "attentionGradient";
        int headDim = headDim(kernel, qkv, heads);
        int samples = qkv.dim(0);
        int tokens = qkv.dim(1);
        String form = "[samples, tokens, heads * headDim]";
        memory.require(kernel, "dout", dout, form, samples, tokens, heads * headDim);
        memory.require(kernel, "the forward pass's out", forward.out(), form, samples, tokens, heads * headDim);
        memory.requireFloats(
                kernel, "the forward pass's lse", forward.lse(), "[samples, heads, tokens]", samples, heads, tokens);
        Shapes.typed(kernel, "dout", dout, qkv.dtype(), dout.size(), 1);
        Tensor dqkv = memory.take(qkv.dtype(), "dqkv", samples, tokens, qkv.dim(2));
        Tensor scratch = memory.scratch(AttentionKernels.scratchSize(samples, tokens, heads, headDim));
        try {
            kernels.attention()
                    .backward(dqkv, dout, qkv, forward.out(), forward.lse(), samples, tokens, heads, headDim, scratch);
        } finally {
            memory.release(scratch);
        }
        return dqkv;
    }

    private int headDim(String kernel, Tensor qkv, int heads) {
        memory.require(kernel, "qkv", qkv, "[samples, tokens, 3 * heads * headDim]", 0, 0, 0);
        int headDim = heads < 1 ? 0 : qkv.dim(2) / 3 / heads;
        if (headDim < 1 || headDim > AttentionKernels.MAX_HEAD_DIM || 3L * heads * headDim != qkv.dim(2)) {
            throw new IllegalArgumentException(kernel + " wants rows of 3 * heads * headDim with head dimensions from"
                    + " 1 to " + AttentionKernels.MAX_HEAD_DIM + ", but was given " + heads + " heads and " + qkv);
        }
        return headDim;
    }

    /**
     * InfoNCE between rows and columns and its gradients, fused with the L2 normalisation in front of it, without ever holding the R x K logits
     * (cuda/info_nce.cu; van den Oord et al. 2018): mean over rows of lse_i - s_i,positive(i), where s_ij is the cosine of row i and column j
     * over the temperature and lse_i the logarithm of the sum of exp(s_ij) over all columns.
     *
     * @param rows [R, D], before their normalisation, floats, D at most {@link InfoNceShape#MAX_WIDTH}
     * @param columns [K, D], before theirs, floats
     * @param positive [R], each row's column, from 0
     * @param temperature above 0
     * @param precision of the products on a card
     */
    public synchronized InfoNce infoNce(
            Tensor rows, Tensor columns, int[] positive, float temperature, Precision precision) {
        memory.requireFloats("infoNce", "rows", rows, "[R, D]", 0, 0);
        memory.requireFloats("infoNce", "columns", columns, "[K, D]", 0, rows.dim(1));
        int[] excluded = new int[rows.dim(0)];
        Arrays.fill(excluded, -1);
        InfoNceShape shape = new InfoNceShape(rows.dim(0), columns.dim(0), rows.dim(1), temperature, false, precision);
        return infoNce(rows, columns, shape, positive, excluded);
    }

    /**
     * The same between all views of a batch (NT-Xent; Chen et al. 2020): the columns are the rows, each row leaves itself out, and its positive is
     * the row half of them further on.
     *
     * @param views [R, D], all first views and then all second views, floats
     */
    public synchronized InfoNce infoNceOfTwoViews(Tensor views, float temperature, Precision precision) {
        memory.requireFloats("infoNce", "the views", views, "[R, D]", 0, 0);
        int rows = views.dim(0);
        if (rows % 2 != 0) {
            throw new IllegalArgumentException("infoNce wants two views of each sample, but was given " + views);
        }
        int[] positive = new int[rows];
        int[] excluded = new int[rows];
        for (int i = 0; i < rows; i++) {
            positive[i] = (i + rows / 2) % rows;
            excluded[i] = i;
        }
        InfoNceShape shape = new InfoNceShape(rows, rows, views.dim(1), temperature, true, precision);
        return infoNce(views, views, shape, positive, excluded);
    }

    private InfoNce infoNce(Tensor rows, Tensor columns, InfoNceShape shape, int[] positive, int[] excluded) {
        try (Arena arena = new Arena("infonce")) {
            InfoNceState state = new InfoNceState(arena, shape);
            InfoNcePairs pairs = new InfoNcePairs(arena, shape);
            Tensor weight = arena.floats("weight", 1);
            Tensor scratch =
                    arena.floats("scratch", Math.toIntExact(kernels.infoNce().scratchSize(shape)));
            arena.allocate(kernels.stream().device());
            pairs.write(kernels.stream(), positive, excluded);
            kernels.stream().write(weight, new float[] {1});
            Tensor dRows = memory.floats("dRows", shape.rows(), shape.width());
            Tensor dColumns = shape.symmetric() ? dRows : memory.floats("dColumns", shape.columns(), shape.width());
            InfoNce result = new InfoNce(memory.floats("loss", 1), dRows, dColumns);
            kernels.infoNce().forward(result.loss(), state, pairs, rows, columns, scratch);
            kernels.infoNce().backward(dRows, dColumns, state, pairs, weight, scratch);
            kernels.stream().synchronize(); // before the arena goes
            return result;
        }
    }

    /**
     * One step of AdamW in the order of torch.optim.AdamW, decay before step, in place (cuda/adamw.cu; Loshchilov and Hutter 2019). The
     * gradients are clipped by their norm if that is asked for, and are 0 afterwards; if their norm is not finite, nothing else is touched.
     *
     * @param step counts from 1
     * @return the 2-norm of the gradients before clipping, NaN if one of them is
     */
    public synchronized float adamW(AdamWTensors tensors, AdamWNumbers numbers, long step) {
        memory.require("adamW", "parameters", tensors.parameters());
        int[] shape = tensors.parameters().shape();
        memory.requireFloats("adamW", "parameters", tensors.parameters(), "any shape", shape);
        Tensor g = tensors.gradients();
        memory.requireFloats("adamW", "gradients", g, SAME, shape);
        memory.requireFloats("adamW", "firstMoment", tensors.firstMoment(), SAME, shape);
        memory.requireFloats("adamW", "secondMoment", tensors.secondMoment(), SAME, shape);
        float[] values = numbers.scalars(step);
        Tensor scalars = memory.floats("scalars", values.length);
        Tensor clip = memory.floats("clip", 2);
        Tensor scratch = memory.scratch(GradientNorm.scratchSize(kernels.stream()));
        try {
            kernels.stream().write(scalars, values);
            kernels.gradientNorm().compute(clip, g, (float) numbers.maxNorm(), scratch);
            Tensor m = tensors.firstMoment();
            Tensor v = tensors.secondMoment();
            kernels.adamW().step(tensors.parameters(), null, g, m, v, null, g.size(), g.size(), scalars, clip);
            return memory.read(clip)[0];
        } finally {
            memory.release(scalars, clip, scratch);
        }
    }

    /** Gives all memory back, once the device is done. */
    @Override
    public synchronized void close() {
        if (!kernels.stream().isClosed()) {
            Closing.all(() -> kernels.stream().synchronize(), memory, kernels.stream());
        }
    }
}
