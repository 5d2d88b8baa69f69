package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Transformer blocks one after another, and the final norm, if there is one. */
public final class BlockStack {
    private final List<Block> blocks = new ArrayList<>();
    private final List<Block.Activations> activations = new ArrayList<>();
    private final List<Tensor> states = new ArrayList<>();
    private final Context context;
    /** Null without a final norm, and so are the tensors that belong to it. */
    private final LayerNorm norm;

    private final Tensor normed;
    private final Tensor mean;
    private final Tensor rstd;
    private final Block.Gradients gradients;
    private final boolean recompute;
    /** Null without it. */
    private final DropPath dropPath;

    /**
     * @param prefix the blocks' published name, as in {@code blocks}
     * @param normName the final norm's published name; null for none
     * @param hidden width of the MLP
     * @param recompute whether blocks keep only their inputs and compute the rest again for the backward pass (Chen et al. 2016): less memory,
     *     more time, the same bits
     */
    public BlockStack(
            Context context,
            String prefix,
            String normName,
            int depth,
            int samples,
            int tokens,
            int dim,
            int heads,
            int hidden,
            boolean recompute) {
        this(context, prefix, normName, depth, samples, tokens, dim, heads, hidden, recompute, false);
    }

    /** The same, with drop path if {@code drops}. */
    public BlockStack(
            Context context,
            String prefix,
            String normName,
            int depth,
            int samples,
            int tokens,
            int dim,
            int heads,
            int hidden,
            boolean recompute,
            boolean drops) {
        this.context = context;
        dropPath = drops ? new DropPath(context, prefix, depth, samples) : null;
        Block.Geometry g = new Block.Geometry(samples, tokens, dim, heads, hidden);
        this.recompute = recompute;
        Arena arena = context.activations();
        states.add(arena.floats(prefix + ".input", samples, tokens, dim));
        for (int i = 0; i < depth; i++) {
            String name = prefix + "." + i;
            blocks.add(new Block(context, name, g, dropPath, i));
            // Without a backward pass, or where it recomputes them, the blocks share one set of activations; without
            // one, two states take turns.
            boolean own = i == 0 || (context.training() && !recompute);
            activations.add(own ? Block.Activations.plan(context, g, name) : activations.get(0));
            boolean keep = i == 0 || context.training();
            states.add(keep ? arena.floats(name, samples, tokens, dim) : states.get(i - 1));
        }
        boolean norms = normName != null;
        norm = norms ? new LayerNorm(context, normName, g.rows(), dim) : null;
        normed = norms ? context.activation(normName, samples, tokens, dim) : null;
        mean = norms ? arena.floats(normName + ".mean", g.rows()) : null;
        rstd = norms ? arena.floats(normName + ".rstd", g.rows()) : null;
        gradients = context.training() ? Block.Gradients.plan(context, g, prefix, drops) : null;
    }

    /** Where the caller writes the tokens, [samples, tokens, dim] of floats. */
    public Tensor input() {
        return states.get(0);
    }

    /** The factors of the blocks' branches, to be written before each step; null without drop path. */
    public DropPath dropPath() {
        return dropPath;
    }

    /** The final norm's output, [samples, tokens, dim]; without one that of the last block, floats. */
    public Tensor output() {
        return norm == null ? states.get(blocks.size()) : normed;
    }

    /** Runs all blocks and the norm. */
    public void forward() {
        for (int i = 0; i < blocks.size(); i++) {
            blocks.get(i).forward(states.get(i + 1), states.get(i), activations.get(i));
        }
        if (norm != null) {
            norm.forward(normed, mean, rstd, states.get(blocks.size()));
        }
    }

    /**
     * Backward through the norm and all blocks.
     *
     * @param dinput the gradient with respect to {@link #input()}, floats, written
     * @param doutput the gradient with respect to {@link #output()}; without a norm {@code dinput}, which then goes from one to the other in place
     */
    public void backward(Tensor dinput, Tensor doutput) {
        if (norm == null) {
            if (gradients.rounded() != null) {
                context.kernels().pointwise().convert(gradients.rounded(), dinput);
            }
        } else {
            norm.backward(dinput, gradients.rounded(), doutput, states.get(blocks.size()), mean, rstd, false);
        }
        for (int i = blocks.size() - 1; i >= 0; i--) {
            if (recompute && i < blocks.size() - 1) { // the last block's are still there
                blocks.get(i).recompute(states.get(i), activations.get(i));
            }
            blocks.get(i).backward(dinput, states.get(i), activations.get(i), gradients);
        }
    }
}
