package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PatchEmbedKernels;

/**
 * Embeds the patches that the mask keeps (all of them if there is no mask), adds the fixed positions and puts the class token in front. The
 * other patches are never touched, which gives the same result as embedding all and dropping some.
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
    private final Parameter positions;
    private final Tensor patches;
    private final Tensor embedded;

    /**
     * @param grid how images are cut into patches
     * @param kept patches of each image that are embedded
     * @param dim width of a token
     */
    public PatchEmbedding(Context context, PatchGrid grid, int samples, int channels, int kept, int dim) {
        this.context = context;
        this.grid = grid;
        this.samples = samples;
        this.channels = channels;
        this.kept = kept;
        this.dim = dim;
        cls = context.parameters().trained("cls_token", new Init.Normal(0.02), 1, 1, dim);
        positions = context.parameters()
                .buffer(
                        "pos_embed",
                        new Init.Table(SinCos.table(dim, grid.rows(), grid.columns())),
                        1,
                        grid.tokens(),
                        dim);
        int in = grid.patchSize(channels);
        int rows = Math.multiplyExact(samples, kept);
        Parameter weight = context.parameters()
                .trained(
                        "patch_embed.proj.weight",
                        Init.Uniform.xavier(in, dim),
                        dim,
                        channels,
                        grid.patch(),
                        grid.patch());
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
     * @param images [samples, channels, height, width]
     * @param keep [samples, kept] patch numbers, or null for all patches in order
     */
    public void forward(Tensor tokens, Tensor images, Tensor keep) {
        var k = context.kernels().patchEmbed();
        k.gather(patches, images, keep, grid, samples, channels, kept);
        proj.multiply(embedded, patches);
        k.assemble(tokens, embedded, projBias.value(), cls.value(), positions.value(), keep, grid, samples, kept, dim);
    }

    /** Adds the parameters' gradients. The forward pass's embeddings are overwritten by their gradient. */
    public void backward(Tensor dtokens) {
        context.kernels()
                .patchEmbed()
                .backward(
                        embedded,
                        cls.gradient(),
                        projBias.gradient(),
                        dtokens,
                        grid,
                        samples,
                        kept,
                        dim,
                        context.scratch().tensor());
        proj.backwardWeight(embedded, patches);
    }
}
