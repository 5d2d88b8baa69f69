package io.github.vicmae.objective;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.RegisterTokens;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.util.Arrays;

/**
 * The settings of a published checkpoint (MAE's, ST-MAE's, OmniMAE's or ViC-MAE's), read off its tensors. What shapes do not tell is taken from the standard sizes:
 * images are square, the encoder's heads are those of the vision transformer of that width, and the decoder's are 32 wide.
 */
final class PublishedConfig {
    private static final String PATCH_WEIGHT = "patch_embed.proj.weight";
    /** Clips of 16 frames in tubes of 2; one table holds all positions, so the shapes do not tell. */
    private static final int OMNIMAE_TIMES = 8;

    private static final int OMNIMAE_DECODER_HEADS = 16;
    private static final String REGISTERS = RegisterTokens.NAME;
    private static final String DISTILLATION = "dist_token";

    private PublishedConfig() {}

    /**
     * @param heads of the encoder; 0 for those of the standard size of its width
     */
    static ModelConfig infer(TensorSource source, int heads) throws IOException {
        if (source.contains(DISTILLATION)) {
            throw new IOException(source.path() + " holds an encoder with a distillation token (" + DISTILLATION
                    + "), which changes what is computed, and this encoder does not have it");
        }
        long[] weight = shape(source, PATCH_WEIGHT, source.contains(PATCH_WEIGHT) ? rank(source) : 4);
        boolean clips = weight.length == 5;
        int dim = Math.toIntExact(weight[0]);
        int patch = Math.toIntExact(weight[weight.length - 1]);
        int tube = clips ? Math.toIntExact(weight[2]) : 1;
        boolean learned = source.contains("pos_embed_spatial");
        boolean classToken = source.contains("cls_token");
        long places;
        long times = 1;
        if (learned) {
            places = shape(source, "pos_embed_spatial", 3)[1];
            times = shape(source, "pos_embed_temporal", 3)[1];
        } else {
            times = clips ? OMNIMAE_TIMES : 1;
            long positions = shape(source, "pos_embed", 3)[1] - (classToken ? 1 : 0);
            places = positions % times == 0 ? positions / times : -1;
        }
        int side = (int) Math.round(Math.sqrt(Math.max(0, places)));
        if ((long) side * side != places) {
            throw new IOException(source.path() + " has positions for "
                    + (places < 0
                            ? "other clips than of " + times * tube + " frames"
                            : places + " patches, which is no square")
                    + "; its image size is unknown");
        }
        int hidden = Math.toIntExact(shape(source, "blocks.0.mlp.fc1.weight", 2)[0]);
        Variant variant = source.contains("predictor.0.weight") ? Variant.PAPER : Variant.RELEASE;
        String head = variant == Variant.PAPER ? "predictor" : "projector";
        boolean hasHead = source.contains(head + ".0.weight");
        String method = learned
                ? StMaeConfig.Published.NAME
                : clips
                        ? OmniMaeConfig.Published.NAME
                        : hasHead ? ViCMaeConfig.Published.NAME : MaeConfig.Published.NAME;
        try {
            ObjectNode tree = Presets.model(ModelSize.B16, method, variant);
            double mlpRatio = hidden / (double) dim;
            SettingTree.put(tree, "trunk.height", side * patch);
            SettingTree.put(tree, "trunk.width", side * patch);
            SettingTree.put(tree, "trunk.channels", weight[1]);
            SettingTree.put(tree, "trunk.patch", patch);
            SettingTree.put(tree, "trunk.dim", dim);
            SettingTree.put(tree, "trunk.depth", depth(source, "blocks."));
            SettingTree.put(tree, "trunk.heads", heads > 0 ? heads : standardHeads(source, dim));
            SettingTree.put(tree, "trunk.mlpRatio", mlpRatio);
            SettingTree.put(tree, "trunk.frames", times * tube);
            SettingTree.put(tree, "trunk.tube", tube);
            SettingTree.put(tree, "trunk.classToken", classToken);
            SettingTree.put(tree, "trunk.registers", source.contains(REGISTERS) ? shape(source, REGISTERS, 3)[1] : 0);
            if (source.contains("decoder_embed.weight")) {
                int decoderDim = Math.toIntExact(shape(source, "decoder_embed.weight", 2)[0]);
                boolean published = clips && !learned && decoderDim % OMNIMAE_DECODER_HEADS == 0;
                SettingTree.put(tree, "decoder.dim", decoderDim);
                SettingTree.put(tree, "decoder.depth", depth(source, "decoder_blocks."));
                SettingTree.put(
                        tree, "decoder.heads", published ? OMNIMAE_DECODER_HEADS : Math.max(1, decoderDim / 32));
                long frame = (long) patch * patch * weight[1];
                long predicted = shape(source, "decoder_pred.weight", 2)[0];
                if (clips && predicted != tube * frame) {
                    SettingTree.put(tree, "decoder.targetFrames", predicted / frame * times);
                } else {
                    SettingTree.put(tree, "decoder.targetFrames", 0);
                }
            } else if (clips) {
                SettingTree.put(tree, "decoder.targetFrames", 0);
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

    private static int rank(TensorSource source) throws IOException {
        return source.info(PATCH_WEIGHT).shape().length == 5 ? 5 : 4;
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
