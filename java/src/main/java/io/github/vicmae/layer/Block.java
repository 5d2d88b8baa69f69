package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.AttentionKernels;

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
        static Activations plan(Arena arena, Geometry g, String name) {
            int rows = g.rows();
            return new Activations(
                    arena.floats(name + ".norm1", rows, g.dim),
                    arena.floats(name + ".norm1.mean", rows),
                    arena.floats(name + ".norm1.rstd", rows),
                    arena.floats(name + ".attn.qkv", rows, 3 * g.dim),
                    arena.floats(name + ".attn", rows, g.dim),
                    arena.floats(name + ".attn.logsumexp", g.samples, g.heads, g.tokens),
                    arena.floats(name + ".middle", rows, g.dim),
                    arena.floats(name + ".norm2", rows, g.dim),
                    arena.floats(name + ".norm2.mean", rows),
                    arena.floats(name + ".norm2.rstd", rows),
                    arena.floats(name + ".mlp.fc1", rows, g.hidden),
                    arena.floats(name + ".mlp.gelu", rows, g.hidden));
        }
    }

    /** Gradients that live only within one block's backward pass; one set serves all blocks of a stack. */
    record Gradients(Tensor normed, Tensor attended, Tensor qkv, Tensor hidden) {
        static Gradients plan(Arena arena, Geometry g, String name) {
            return new Gradients(
                    arena.floats("d " + name + " norm", g.rows(), g.dim),
                    arena.floats("d " + name + " attended", g.rows(), g.dim),
                    arena.floats("d " + name + " qkv", g.rows(), 3 * g.dim),
                    arena.floats("d " + name + " hidden", g.rows(), g.hidden));
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

    Block(Context context, String name, Geometry geometry) {
        this.context = context;
        g = geometry;
        norm1 = new LayerNorm(context, name + ".norm1", g.rows(), g.dim);
        qkv = new Linear(context, name + ".attn.qkv", g.dim, 3 * g.dim);
        proj = new Linear(context, name + ".attn.proj", g.dim, g.dim);
        norm2 = new LayerNorm(context, name + ".norm2", g.rows(), g.dim);
        fc1 = new Linear(context, name + ".mlp.fc1", g.dim, g.hidden);
        fc2 = new Linear(context, name + ".mlp.fc2", g.hidden, g.dim);
        if (context.training()) {
            context.scratch().need(AttentionKernels.scratchSize(g.samples, g.tokens, g.heads, g.dim / g.heads));
        }
    }

    void forward(Tensor out, Tensor x, Activations a) {
        var k = context.kernels();
        int rows = g.rows();
        norm1.forward(a.norm1, a.mean1, a.rstd1, x);
        qkv.forward(a.qkv, a.norm1, rows);
        k.attention().forward(a.attended, a.logSumExp, a.qkv, g.samples, g.tokens, g.heads, g.dim / g.heads);
        proj.multiply(a.middle, a.attended, rows);
        k.pointwise().addBiasResidual(a.middle, x, a.middle, proj.bias(), rows, g.dim);
        norm2.forward(a.norm2, a.mean2, a.rstd2, a.middle);
        fc1.multiply(a.preActivation, a.norm2, rows);
        k.pointwise().biasGelu(a.hidden, a.preActivation, fc1.bias(), rows, g.hidden);
        fc2.multiply(out, a.hidden, rows);
        k.pointwise().addBiasResidual(out, a.middle, out, fc2.bias(), rows, g.dim);
    }

    /** dx comes in as the gradient of the block's output and goes out as that of its input x. */
    void backward(Tensor dx, Tensor x, Activations a, Gradients d) {
        var k = context.kernels();
        int rows = g.rows();
        fc2.backwardParameters(dx, a.hidden, rows);
        fc2.backwardInput(d.hidden, dx, rows, false);
        k.pointwise().geluBackward(d.hidden, d.hidden, a.preActivation, d.hidden.size());
        fc1.backwardParameters(d.hidden, a.norm2, rows);
        fc1.backwardInput(d.normed, d.hidden, rows, false);
        norm2.backward(dx, d.normed, a.middle, a.mean2, a.rstd2, true);

        proj.backwardParameters(dx, a.attended, rows);
        proj.backwardInput(d.attended, dx, rows, false);
        k.attention()
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
        qkv.backwardParameters(d.qkv, a.norm1, rows);
        qkv.backwardInput(d.normed, d.qkv, rows, false);
        norm1.backward(dx, d.normed, x, a.mean1, a.rstd1, true);
    }
}
