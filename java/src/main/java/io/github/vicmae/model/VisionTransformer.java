package io.github.vicmae.model;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.BlockStack;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.PatchEmbedding;

/** The encoder: patch embedding, blocks and final norm, over the class token and the visible patches. */
public final class VisionTransformer {
    private final PatchEmbedding embedding;
    private final BlockStack blocks;

    /**
     * @param samples images of a batch, all views together
     * @param kept visible patches of each
     * @param recompute see {@link Execution}
     */
    public VisionTransformer(Context context, TrunkConfig c, int samples, int kept, boolean recompute) {
        embedding = new PatchEmbedding(context, c.grid(), samples, c.channels(), kept, c.dim());
        blocks = new BlockStack(
                context,
                "blocks",
                "norm",
                c.depth(),
                samples,
                c.grid().tokens(kept),
                c.dim(),
                c.heads(),
                c.hidden(),
                recompute);
    }

    /** [samples, 1 + kept, dim] of the last forward pass. */
    public Tensor output() {
        return blocks.output();
    }

    /** Runs the encoder; keep [samples, kept] or null for all patches. */
    public void forward(Tensor images, Tensor keep) {
        embedding.forward(blocks.input(), images, keep);
        blocks.forward();
    }

    /** Adds all gradients; dinput is scratch of the output's shape. */
    public void backward(Tensor dinput, Tensor doutput) {
        blocks.backward(dinput, doutput);
        embedding.backward(dinput);
    }
}
