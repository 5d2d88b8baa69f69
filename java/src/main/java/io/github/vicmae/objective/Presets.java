package io.github.vicmae.objective;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.settings.SettingTree;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The settings that come as a set: a method's published form in a named size. What they leave open has the default of its own definition.
 */
public final class Presets {
    private Presets() {}

    /**
     * A model's settings as a tree, for some of them to be changed.
     *
     * @param size of encoder, decoder and heads
     * @param method such as {@code vicmae}
     * @param variant of ViC-MAE; other methods have no variants
     * @throws IllegalArgumentException if there is no such method
     */
    public static ObjectNode model(ModelSize size, String method, Variant variant) {
        ObjectNode tree = SettingTree.defaults(ModelConfig.class);
        SettingTree.putAll(tree, size(size));
        SettingTree.put(tree, "objective.method", method);
        SettingTree.putAll(tree, Methods.named(method).model(size, variant), ModelConfig.class);
        if (!Methods.named(method).hasDecoder()) {
            tree.remove("decoder");
        }
        return tree;
    }

    /** ViC-MAE in a named size. */
    public static ModelConfig viCMae(ModelSize size, Variant variant) {
        return SettingTree.build(model(size, ViCMaeConfig.Published.NAME, variant), ModelConfig.class);
    }

    /** A method in a named size; of ViC-MAE, the paper's. */
    public static ModelConfig of(ModelSize size, String method) {
        return SettingTree.build(model(size, method, Variant.PAPER), ModelConfig.class);
    }

    /** The keys of a model's settings that its size and the method's published form decide. */
    public static Set<String> keys(String method) {
        Set<String> keys = new HashSet<>(size(ModelSize.TI16).keySet());
        keys.addAll(Methods.named(method).model(ModelSize.TI16, Variant.PAPER).keySet());
        return keys;
    }

    private static Map<String, Object> size(ModelSize s) {
        return Map.ofEntries(
                Map.entry("trunk.height", s.image),
                Map.entry("trunk.width", s.image),
                Map.entry("trunk.patch", s.patch),
                Map.entry("trunk.dim", s.dim),
                Map.entry("trunk.depth", s.depth),
                Map.entry("trunk.heads", s.heads),
                Map.entry("decoder.dim", s.decoderDim),
                Map.entry("decoder.depth", s.decoderDepth),
                Map.entry("decoder.heads", s.decoderHeads));
    }
}
