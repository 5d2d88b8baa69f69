package io.github.vicmae.objective;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.util.Arrays;

/**
 * The settings of a published checkpoint (MAE's or ViC-MAE's), read off its tensors. What shapes do not tell is taken from the standard sizes:
 * images are square, the encoder's heads are those of the vision transformer of that width, and the decoder's are 32 wide.
 */
final class PublishedConfig {
    private PublishedConfig() {}

    /**
     * @param heads of the encoder; 0 for those of the standard size of its width
     */
    static ModelConfig infer(TensorSource source, int heads) throws IOException {
        long[] patchWeight = shape(source, "patch_embed.proj.weight", 4);
        int dim = Math.toIntExact(patchWeight[0]);
        int channels = Math.toIntExact(patchWeight[1]);
        int patch = Math.toIntExact(patchWeight[2]);
        long patches = shape(source, "pos_embed", 3)[1] - 1;
        int side = (int) Math.round(Math.sqrt(patches));
        if ((long) side * side != patches) {
            throw new IOException(source.path() + " has positions for " + patches
                    + " patches, which is no square; its image size is unknown");
        }
        int hidden = Math.toIntExact(shape(source, "blocks.0.mlp.fc1.weight", 2)[0]);
        boolean decoder = source.contains("decoder_embed.weight");
        int decoderDim = decoder ? Math.toIntExact(shape(source, "decoder_embed.weight", 2)[0]) : 0;
        Variant variant = source.contains("predictor.0.weight") ? Variant.PAPER : Variant.RELEASE;
        String head = variant == Variant.PAPER ? "predictor" : "projector";
        boolean hasHead = source.contains(head + ".0.weight");
        try {
            ObjectNode tree = Presets.model(
                    ModelSize.B16, hasHead ? ViCMaeConfig.Published.NAME : MaeConfig.Published.NAME, variant);
            double mlpRatio = hidden / (double) dim;
            SettingTree.put(
                    tree,
                    "trunk",
                    new TrunkConfig(
                            side * patch,
                            side * patch,
                            channels,
                            patch,
                            dim,
                            depth(source, "blocks."),
                            heads > 0 ? heads : standardHeads(source, dim),
                            mlpRatio));
            if (decoder) {
                SettingTree.put(tree, "decoder.dim", decoderDim);
                SettingTree.put(tree, "decoder.depth", depth(source, "decoder_blocks."));
                SettingTree.put(tree, "decoder.heads", Math.max(1, decoderDim / 32));
            }
            SettingTree.put(tree, "decoder.mlpRatio", mlpRatio);
            if (hasHead) {
                SettingTree.put(tree, "objective.headHidden", shape(source, head + ".0.weight", 2)[0]);
                SettingTree.put(tree, "objective.headOut", shape(source, head + ".6.weight", 2)[0]);
            }
            return SettingTree.build(tree, ModelConfig.class);
        } catch (IllegalArgumentException e) {
            throw new IOException(source.path() + " holds a model that cannot be run: " + e.getMessage(), e);
        }
    }

    private static int standardHeads(TensorSource source, int dim) throws IOException {
        for (ModelSize size : ModelSize.values()) {
            if (size.dim == dim) {
                return size.heads;
            }
        }
        throw new IOException(source.path() + " holds an encoder of width " + dim
                + ", which is no standard size, and does not say how many heads it has: give the number (--heads)");
    }

    private static int depth(TensorSource source, String prefix) {
        int depth = 0;
        while (source.contains(prefix + depth + ".norm1.weight")) {
            depth++;
        }
        return depth;
    }

    private static long[] shape(TensorSource source, String name, int rank) throws IOException {
        if (!source.contains(name)) {
            throw new IOException(source.path() + " is no checkpoint of a vision transformer: it has no " + name);
        }
        long[] shape = source.info(name).shape();
        if (shape.length != rank || Arrays.stream(shape).anyMatch(d -> d < 1 || d > 1 << 24)) {
            throw new IOException(source.path() + ": " + name + " has the shape " + Arrays.toString(shape));
        }
        return shape;
    }
}
