package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PatchEmbedKernels;

/**
 * Embeds the patches that the mask keeps (all of them if there is no mask), adds positions and puts the class token, if there is one, in front.
 * The other patches are never touched, which gives the same result as embedding all and dropping some.
 */
public final class PatchEmbedding {
    private final Context context;
    private final PatchGrid grid;
    private final int samples;
    private final int channels;
    private final int kept;
    private final int dim;
    private final Linear proj;
    private final Parameter projBias;
    private final Parameter cls;
    private final Positions positions;
    private final Tensor patches;
    private final Tensor embedded;

    /**
     * @param grid how views are cut into patches
     * @param positions of its tokens
     * @param kept patches of each view that are embedded
     * @param dim width of a token
     * @param weightShape the published shape of the weight, that of a convolution in two or three dimensions
     */
    public PatchEmbedding(
            Context context,
            PatchGrid grid,
            Positions.Kind positions,
            int samples,
            int channels,
            int kept,
            int dim,
            int... weightShape) {
        this.context = context;
        this.grid = grid;
        this.samples = samples;
        this.channels = channels;
        this.kept = kept;
        this.dim = dim;
        cls = grid.classToken() ? context.parameters().trained("cls_token", new Init.Normal(0.02), 1, 1, dim) : null;
        this.positions = positions.declare(context, "pos_embed", grid, dim);
        int in = grid.patchSize(channels);
        int rows = Math.multiplyExact(samples, kept);
        Parameter weight =
                context.parameters().trained("patch_embed.proj.weight", Init.Uniform.xavier(in, dim), weightShape);
        projBias = context.parameters().trained("patch_embed.proj.bias", new Init.Uniform(1 / Math.sqrt(in)), dim);
        proj = new Linear(context, weight, projBias, in, dim, rows);
        patches = context.activation("patches", rows, in);
        embedded = context.activation("patch_embed", rows, dim);
        if (context.training()) {
            context.scratch().need(PatchEmbedKernels.scratchSize(context.stream(), dim));
        }
    }

    /**
     * @param tokens [samples, grid.tokens(kept), dim], written
     * @param images [samples, channels, frames, height, width], or [samples, channels, height, width] that are repeated for all frames
     * @param keep [samples, kept] patch numbers, or null for all patches in order
     */
    public void forward(Tensor tokens, Tensor images, Tensor keep) {
        var k = context.kernels().patchEmbed();
        k.gather(patches, images, keep, grid, samples, channels, kept);
        proj.multiply(embedded, patches);
        Tensor classToken = cls == null ? null : cls.value();
        k.assemble(tokens, embedded, projBias.value(), classToken, positions.values(), keep, grid, samples, kept, dim);
    }

    /**
     * Adds the parameters' gradients. The forward pass's embeddings are overwritten by their gradient.
     *
     * @param restore [samples, patches], each patch's rank, of which those below {@code kept} were embedded; null if all were
     */
    public void backward(Tensor dtokens, Tensor restore) {
        Tensor scratch = context.scratch().tensor();
        Tensor dcls = cls == null ? null : cls.gradient();
        var k = context.kernels().patchEmbed();
        k.backward(embedded, dcls, projBias.gradient(), dtokens, grid, samples, kept, dim, scratch);
        positions.backward(dtokens, restore, samples, kept);
        proj.backwardWeight(embedded, patches);
    }
}
