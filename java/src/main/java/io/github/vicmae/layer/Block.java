package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.attention.AttentionKernels;

/** A pre-norm transformer block: x += attention(norm1(x)); x += mlp(norm2(x)) (Dosovitskiy et al. 2021). */
final class Block {
    /** What a block's forward pass leaves for its backward pass, [samples * tokens] rows each. */
    record Activations(
            Tensor norm1,
            Tensor mean1,
            Tensor rstd1,
            Tensor qkv,
            Tensor attended,
            Tensor logSumExp,
            Tensor middle,
            Tensor norm2,
            Tensor mean2,
            Tensor rstd2,
            Tensor preActivation,
            Tensor hidden) {
        static Activations plan(Context context, Geometry g, String name) {
            Arena floats = context.activations();
            int rows = g.rows();
            Tensor hidden = context.activation(name + ".mlp.gelu", rows, g.hidden);
            // Without a backward pass nobody reads it.
            Tensor preActivation = context.training() ? context.activation(name + ".mlp.fc1", rows, g.hidden) : hidden;
            return new Activations(
                    context.activation(name + ".norm1", rows, g.dim),
                    floats.floats(name + ".norm1.mean", rows),
                    floats.floats(name + ".norm1.rstd", rows),
                    context.activation(name + ".attn.qkv", rows, 3 * g.dim),
                    context.activation(name + ".attn", rows, g.dim),
                    floats.floats(name + ".attn.logsumexp", g.samples, g.heads, g.tokens),
                    floats.floats(name + ".middle", rows, g.dim),
                    context.activation(name + ".norm2", rows, g.dim),
                    floats.floats(name + ".norm2.mean", rows),
                    floats.floats(name + ".norm2.rstd", rows),
                    preActivation,
                    hidden);
        }
    }

    /**
     * Gradients that live only within one block's backward pass; one set serves all blocks of a stack.
     *
     * @param rounded the residual stream's gradient as the products read it, kept by the norms; null in fp32, where they read itself
     * @param scaled the same times the rows' factors; null without drop path
     */
    record Gradients(Tensor rounded, Tensor scaled, Tensor normed, Tensor attended, Tensor qkv, Tensor hidden) {
        static Gradients plan(Context context, Geometry g, String name, boolean dropPath) {
            return new Gradients(
                    context.precision() == Precision.FP32
                            ? null
                            : context.activation("d " + name + " rounded", g.rows(), g.dim),
                    dropPath ? context.activation("d " + name + " scaled", g.rows(), g.dim) : null,
                    context.activation("d " + name + " norm", g.rows(), g.dim),
                    context.activation("d " + name + " attended", g.rows(), g.dim),
                    context.activation("d " + name + " qkv", g.rows(), 3 * g.dim),
                    context.activation("d " + name + " hidden", g.rows(), g.hidden));
        }
    }

    /** The sizes of a stack of blocks. */
    record Geometry(int samples, int tokens, int dim, int heads, int hidden) {
        int rows() {
            return Math.multiplyExact(samples, tokens);
        }
    }

    private final Context context;
    private final Geometry g;
    private final LayerNorm norm1;
    private final Linear qkv;
    private final Linear proj;
    private final LayerNorm norm2;
    private final Linear fc1;
    private final Linear fc2;
    /** Null without drop path. */
    private final DropPath drop;

    private final int index;

    /**
     * @param drop null without drop path
     * @param index of the block in its stack
     */
    Block(Context context, String name, Geometry geometry, DropPath drop, int index) {
        this.context = context;
        this.drop = drop;
        this.index = index;
        g = geometry;
        norm1 = new LayerNorm(context, name + ".norm1", g.rows(), g.dim);
        qkv = new Linear(context, name + ".attn.qkv", g.dim, 3 * g.dim, g.rows());
        proj = new Linear(context, name + ".attn.proj", g.dim, g.dim, g.rows());
        norm2 = new LayerNorm(context, name + ".norm2", g.rows(), g.dim);
        fc1 = new Linear(context, name + ".mlp.fc1", g.dim, g.hidden, g.rows());
        fc2 = new Linear(context, name + ".mlp.fc2", g.hidden, g.dim, g.rows());
        if (context.training()) {
            context.scratch().need(AttentionKernels.scratchSize(g.samples, g.tokens, g.heads, g.dim / g.heads));
        }
    }

    void forward(Tensor out, Tensor x, Activations a) {
        recompute(x, a);
        if (drop == null) {
            fc2.forwardResidual(out, a.middle, a.hidden);
        } else {
            fc2.forwardScaledResidual(out, a.middle, a.hidden, drop.ofMlp(index), g.tokens);
        }
    }

    /** The forward pass but for the output: what a backward pass needs. */
    void recompute(Tensor x, Activations a) {
        norm1.forward(a.norm1, a.mean1, a.rstd1, x);
        qkv.forward(a.qkv, a.norm1);
        context.kernels()
                .attention()
                .forward(a.attended, a.logSumExp, a.qkv, g.samples, g.tokens, g.heads, g.dim / g.heads);
        if (drop == null) {
            proj.forwardResidual(a.middle, x, a.attended);
        } else {
            proj.forwardScaledResidual(a.middle, x, a.attended, drop.ofAttention(index), g.tokens);
        }
        norm2.forward(a.norm2, a.mean2, a.rstd2, a.middle);
        fc1.forwardGelu(a.hidden, a.preActivation, a.norm2);
    }

    /** dx, and d.rounded with it, comes in as the gradient of the block's output and goes out as that of its input x. */
    void backward(Tensor dx, Tensor x, Activations a, Gradients d) {
        Tensor dout = d.rounded == null ? dx : d.rounded;
        Tensor dy = drop == null ? dout : scaled(d, dout, drop.ofMlp(index));
        fc2.backwardParameters(dy, a.hidden);
        fc2.backwardInputGelu(d.hidden, dy, a.preActivation);
        fc1.backwardParameters(d.hidden, a.norm2);
        fc1.backwardInput(d.normed, d.hidden, false);
        norm2.backward(dx, d.rounded, d.normed, a.middle, a.mean2, a.rstd2, true);

        dy = drop == null ? dout : scaled(d, dout, drop.ofAttention(index));
        proj.backwardParameters(dy, a.attended);
        proj.backwardInput(d.attended, dy, false);
        context.kernels()
                .attention()
                .backward(
                        d.qkv,
                        d.attended,
                        a.qkv,
                        a.attended,
                        a.logSumExp,
                        g.samples,
                        g.tokens,
                        g.heads,
                        g.dim / g.heads,
                        context.scratch().tensor());
        qkv.backwardParameters(d.qkv, a.norm1);
        qkv.backwardInput(d.normed, d.qkv, false);
        norm1.backward(dx, d.rounded, d.normed, x, a.mean1, a.rstd1, true);
    }

    /** A branch's gradient: that of the stream times the rows' factors. */
    private Tensor scaled(Gradients d, Tensor dout, Tensor factors) {
        context.kernels().pointwise().scaleRows(d.scaled, dout, factors, g.tokens, g.rows(), g.dim);
        return d.scaled;
    }
}
