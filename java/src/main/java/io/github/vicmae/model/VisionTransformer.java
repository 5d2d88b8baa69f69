package io.github.vicmae.model;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.BlockStack;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.DropPath;
import io.github.vicmae.layer.PatchEmbedding;
import io.github.vicmae.layer.Positions;
import io.github.vicmae.layer.RegisterTokens;

/** The encoder: patch embedding, blocks and final norm, over the class token, if there is one, and the visible patches. */
public final class VisionTransformer {
    private final PatchEmbedding embedding;
    private final BlockStack blocks;
    /** Null without register tokens. */
    private final RegisterTokens registers;

    /**
     * @param grid how views are cut into patches: the encoder's own, or that of its images
     * @param samples views of a batch
     * @param kept visible patches of each
     * @param recompute see {@link Execution}
     */
    public VisionTransformer(Context context, TrunkConfig c, PatchGrid grid, int samples, int kept, boolean recompute) {
        this(context, c, grid, samples, kept, recompute, "norm", false);
    }

    /**
     * The encoder of a classifier: all patches of each view, trained positions where the trunk has them, and no final norm, so that the {@link
     * #output} is the last block's.
     *
     * @param drops whether blocks have {@linkplain #dropPath drop path}
     */
    public static VisionTransformer withoutNorm(
            Context context, TrunkConfig c, PatchGrid grid, int samples, boolean recompute, boolean drops) {
        return new VisionTransformer(context, c, grid, samples, grid.patches(), recompute, null, drops);
    }

    private VisionTransformer(
            Context context,
            TrunkConfig c,
            PatchGrid grid,
            int samples,
            int kept,
            boolean recompute,
            String norm,
            boolean drops) {
        int more = c.registers();
        registers = more == 0
                ? null
                : new RegisterTokens(context, samples, grid.tokens(kept), grid.classTokens(), c.dim(), more);
        Positions.Kind positions = c.positions().over(c.grid());
        embedding = new PatchEmbedding(
                context, grid, positions, samples, c.channels(), kept, c.dim(), c.patchWeightShape());
        blocks = new BlockStack(
                context,
                "blocks",
                norm,
                c.depth(),
                samples,
                grid.tokens(kept) + more,
                c.dim(),
                c.heads(),
                c.hidden(),
                recompute,
                drops);
    }

    /** Drop path's factors; null without it. */
    public DropPath dropPath() {
        return blocks.dropPath();
    }

    /** [samples, tokens, dim] of the last forward pass. */
    public Tensor output() {
        return blocks.output();
    }

    /** Runs the encoder; keep [samples, kept] or null for all patches. */
    public void forward(Tensor images, Tensor keep) {
        if (registers == null) {
            embedding.forward(blocks.input(), images, keep);
        } else {
            embedding.forward(registers.embedded(), images, keep);
            registers.insert(blocks.input());
        }
        blocks.forward();
    }

    /**
     * Adds all gradients.
     *
     * @param dinput scratch of the output's shape; without a final norm the output's gradient, and the same tensor as {@code doutput}
     * @param restore [samples, L], each patch's rank; null if all patches were visible
     */
    public void backward(Tensor dinput, Tensor doutput, Tensor restore) {
        blocks.backward(dinput, doutput);
        embedding.backward(dinput, restore);
    }
}
