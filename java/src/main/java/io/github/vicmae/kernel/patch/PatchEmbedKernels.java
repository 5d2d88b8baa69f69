package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.Shapes;
import io.github.vicmae.kernel.TypedKernel;
import io.github.vicmae.kernel.WarpRows;

/** The steps around the patch embedding's matrix product (cuda/patch_embed.cu; Dosovitskiy et al. 2021, He et al. 2022). */
public final class PatchEmbedKernels {
    private static final int THREADS = 256;
    /** Partial sums of the bias and class token gradients per partial block of the device: more blocks keep more loads in flight. */
    private static final int MORE_PARTS = 2;

    private final Stream stream;
    private final TypedKernel gather;
    private final TypedKernel assemble;
    private final TypedKernel backward;
    private final Reduce reduce;

    public PatchEmbedKernels(Stream stream) {
        this.stream = stream;
        gather = TypedKernel.of(stream.device(), "patch_embed", "patch_gather", "pppiiiiiiii");
        assemble = TypedKernel.of(stream.device(), "patch_embed", "patch_assemble", "ppppppppiiii");
        backward = TypedKernel.of(stream.device(), "patch_embed", "patch_backward", "pppiiii");
        reduce = new Reduce(stream);
    }

    /** Floats of scratch that {@link #backward} needs. */
    public static int scratchSize(Stream stream, int width) {
        return Math.multiplyExact(MORE_PARTS, Reduce.scratchSize(stream, 2 * width));
    }

    /**
     * @param patches [samples * kept, channels * tube * patch * patch], floats or bfloat16, written, pixels in (channel, frame, row, column)
     *     order
     * @param images [samples, channels, frames, height, width]; or images [samples, channels, height, width] that are repeated for all frames
     * @param grid how images are cut into patches
     * @param keep [samples, kept] integers, or null for all patches in order
     */
    public void gather(
            Tensor patches, Tensor images, Tensor keep, PatchGrid grid, int samples, int channels, int kept) {
        Shapes.typed(
                "patchEmbed", "patches", patches, patches.dtype(), (long) samples * kept, grid.patchSize(channels));
        int stored = Clips.storedFrames("patchEmbed", images, grid, samples, channels);
        checkKeep(keep, samples, kept);
        stream.begin(gather.form(patches)).arg(patches).arg(images).argOrNull(keep);
        stream.arg(samples).arg(channels).arg(stored).arg(grid.height()).arg(grid.width());
        stream.arg(grid.tube()).arg(grid.patch()).arg(kept);
        stream.launch(WarpRows.blocks(Math.multiplyExact(samples, kept)), WarpRows.THREADS);
    }

    /**
     * @param tokens [samples, grid.tokens(kept), width], written
     * @param embedded [samples * kept, width], floats or bfloat16, the product without bias
     * @param bias [width]
     * @param cls [width]; null if the grid has no class token
     * @param positions one for each token
     * @param keep [samples, kept] integers, or null for all patches in order
     */
    public void assemble(
            Tensor tokens,
            Tensor embedded,
            Tensor bias,
            Tensor cls,
            PositionTables positions,
            Tensor keep,
            PatchGrid grid,
            int samples,
            int kept,
            int width) {
        Shapes.floats("patchEmbed", "tokens", tokens, samples, grid.tokens(kept), width);
        Shapes.typed("patchEmbed", "embedded", embedded, embedded.dtype(), (long) samples * kept, width);
        Shapes.floats("patchEmbed", "bias", bias, width);
        checkClass("cls", cls, grid, width);
        positions.check("patchEmbed", grid, width);
        checkKeep(keep, samples, kept);
        stream.begin(assemble.form(embedded))
                .arg(tokens)
                .arg(embedded)
                .arg(bias)
                .argOrNull(cls);
        positions.pack(stream, grid, width);
        stream.argOrNull(keep).arg(samples).arg(kept).arg(width).arg(grid.places());
        stream.launch(WarpRows.blocks(Math.multiplyExact(samples, grid.tokens(kept))), WarpRows.THREADS);
    }

    /**
     * The gradients of {@link #assemble}, but for those of trained positions: see {@link PositionKernels}.
     *
     * @param dembedded [samples * kept, width], floats or bfloat16, written
     * @param dcls [width], added to; null if the grid has no class token
     * @param dbias [width], added to
     * @param dtokens [samples, grid.tokens(kept), width]
     * @param scratch at least {@link #scratchSize} floats
     */
    public void backward(
            Tensor dembedded,
            Tensor dcls,
            Tensor dbias,
            Tensor dtokens,
            PatchGrid grid,
            int samples,
            int kept,
            int width,
            Tensor scratch) {
        Shapes.typed("patchEmbed", "dembedded", dembedded, dembedded.dtype(), (long) samples * kept, width);
        checkClass("dcls", dcls, grid, width);
        Shapes.floats("patchEmbed", "dbias", dbias, width);
        Shapes.floats("patchEmbed", "dtokens", dtokens, samples, grid.tokens(kept), width);
        Shapes.atLeast("patchEmbed", "scratch", scratch, scratchSize(stream, width));
        Math.multiplyExact(samples, grid.tokens(kept)); // the kernel counts the rows
        int parts = MORE_PARTS * stream.device().partialBlocks();
        stream.begin(backward.form(dembedded)).arg(dembedded).arg(scratch).arg(dtokens);
        stream.arg(samples).arg(kept).arg(width).arg(grid.classTokens());
        stream.launch(parts, Reduce.strips(stream, width, THREADS, dtokens.dtype()), 1, THREADS, 0);
        if (grid.classToken()) {
            reduce.finish(dcls, dbias, scratch, parts, width);
        } else {
            reduce.finish(dbias, scratch, parts, width);
        }
    }

    private static void checkClass(String name, Tensor cls, PatchGrid grid, int width) {
        if (grid.classToken()) {
            Shapes.floats("patchEmbed", name, cls, width);
        } else if (cls != null) {
            throw new IllegalArgumentException("patchEmbed was given " + name + ", but there is no class token");
        }
    }

    private static void checkKeep(Tensor keep, int samples, int kept) {
        if (keep != null) {
            Shapes.ints("patchEmbed", "keep", keep, samples, kept);
        }
    }
}
