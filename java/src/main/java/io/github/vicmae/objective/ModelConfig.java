package io.github.vicmae.objective;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.StateDict;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.util.List;

/**
 * Everything that fixes a model's shape and losses.
 *
 * @param trunk the encoder
 * @param decoder the decoder and its target; null for a classifier
 * @param objective what the two are trained for
 */
public record ModelConfig(
        TrunkConfig trunk,
        @JsonInclude(JsonInclude.Include.NON_NULL) DecoderConfig decoder,
        ObjectiveConfig objective) {
    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public ModelConfig {
        if (trunk == null || objective == null) {
            throw new IllegalArgumentException("A model needs settings of its trunk and its objective");
        }
        if (objective.hasDecoder()) {
            check(trunk, decoder);
        } else if (trunk.registers() > 0) {
            throw new IllegalArgumentException(
                    "An encoder with register tokens gives features, and cannot be trained here;"
                            + " take its form without them, or train a linear classifier on its features (probe)");
        }
        List<ViewBatch> batches = objective.batches(trunk, 1);
        for (int i = 0; i < batches.size(); i++) {
            int taken = objective.viewSettings(trunk, i).frames();
            if (taken != batches.get(i).frames()) {
                throw new IllegalArgumentException("The views of the method " + objective.method() + " have " + taken
                        + (taken == 1 ? " frame" : " frames") + ", not "
                        + batches.get(i).frames());
            }
        }
    }

    private static void check(TrunkConfig trunk, DecoderConfig decoder) {
        if (decoder == null) {
            throw new IllegalArgumentException("A model needs settings of its decoder");
        }
        if (decoder.normPix() && trunk.patchSize() < 2) {
            throw new IllegalArgumentException(
                    "Patches of a single value cannot be normalised; use larger patches or --norm-pix false");
        }
        decoder.target(trunk.grid(), null);
    }

    /** Patches that the encoder sees of each view of the step's first batch. */
    public int kept() {
        return objective.batches(trunk, 1).get(0).kept();
    }

    /**
     * The same with one setting changed.
     *
     * @param key such as {@code trunk.patch}
     * @throws IllegalArgumentException if there is no such setting, or the value is refused
     */
    public ModelConfig with(String key, Object value) {
        return SettingTree.with(this, key, value);
    }

    /** As one line of JSON, the form in which a checkpoint holds it. */
    public String json() {
        return SettingTree.json(this);
    }

    /**
     * Reads settings of any version of this library.
     *
     * @throws IOException if the text holds none, or they are refused
     */
    public static ModelConfig ofJson(String text) throws IOException {
        ObjectNode tree = SettingTree.parse(text);
        FormerLayout.upgradeModel(tree);
        try {
            return SettingTree.build(tree, ModelConfig.class);
        } catch (IllegalArgumentException e) {
            throw new IOException("The model's settings cannot be read: " + e.getMessage(), e);
        }
    }

    /** A file's model settings, from our metadata or, in a published checkpoint, from the tensors' shapes. */
    public static ModelConfig of(TensorSource source) throws IOException {
        return of(source, 0);
    }

    /**
     * The same for a published checkpoint of no standard width, whose shapes do not tell the number of the encoder's heads.
     *
     * @param heads of the encoder; 0 for those of the standard size of its width
     */
    public static ModelConfig of(TensorSource source, int heads) throws IOException {
        if (source.metadata().containsKey(Checkpoint.CONFIG)) {
            return ofJson(source.metadata().get(Checkpoint.CONFIG));
        }
        return PublishedConfig.infer(StateDict.of(source), heads);
    }
}
