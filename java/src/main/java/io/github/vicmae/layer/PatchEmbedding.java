package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.patch.PatchEmbedKernels;

/**
 * Embeds the patches that the mask keeps (all of them if there is no mask), adds the fixed positions and puts the class token in front. The
 * other patches are never touched, which gives the same result as embedding all and dropping some.
 */
public final class PatchEmbedding {
    /** The images' and patches' sizes. */
    public record Geometry(int samples, int channels, int height, int width, int patch, int kept) {
        public int rows() {
            return height / patch;
        }

        public int columns() {
            return width / patch;
        }

        /** Patches of an image. */
        public int patches() {
            return rows() * columns();
        }

        /** Patches that are kept, of all samples. */
        int rowsOfPatches() {
            return Math.multiplyExact(samples, kept);
        }

        /** Values of a patch. */
        public int patchSize() {
            return Math.multiplyExact(patch * patch, channels);
        }
    }

    private final Context context;
    private final Geometry g;
    private final int dim;
    private final Linear proj;
    private final Parameter projBias;
    private final Parameter cls;
    private final Parameter positions;
    private final Tensor patches;
    private final Tensor embedded;

    public PatchEmbedding(Context context, Geometry geometry, int dim) {
        this.context = context;
        this.g = geometry;
        this.dim = dim;
        cls = context.parameters().trained("cls_token", new Init.Normal(0.02), 1, 1, dim);
        positions = context.parameters()
                .buffer("pos_embed", new Init.Table(SinCos.table(dim, g.rows(), g.columns())), 1, 1 + g.patches(), dim);
        int in = g.patchSize();
        Parameter weight = context.parameters()
                .trained("patch_embed.proj.weight", Init.Uniform.xavier(in, dim), dim, g.channels, g.patch, g.patch);
        projBias = context.parameters().trained("patch_embed.proj.bias", new Init.Uniform(1 / Math.sqrt(in)), dim);
        proj = new Linear(context, weight, projBias, in, dim, g.rowsOfPatches());
        patches = context.activation("patches", g.rowsOfPatches(), in);
        embedded = context.activation("patch_embed", g.rowsOfPatches(), dim);
        if (context.training()) {
            context.scratch().need(PatchEmbedKernels.scratchSize(context.stream(), dim));
        }
    }

    /**
     * @param tokens [samples, 1 + kept, dim], written
     * @param images [samples, channels, height, width]
     * @param keep [samples, kept] patch numbers, or null for all patches in order
     */
    public void forward(Tensor tokens, Tensor images, Tensor keep) {
        var k = context.kernels().patchEmbed();
        k.gather(patches, images, keep, g.samples, g.channels, g.height, g.width, g.patch, g.kept);
        proj.multiply(embedded, patches);
        k.assemble(tokens, embedded, projBias.value(), cls.value(), positions.value(), keep, g.samples, g.kept, dim);
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
                        g.samples,
                        g.kept,
                        dim,
                        context.scratch().tensor());
        proj.backwardWeight(embedded, patches);
    }
}
