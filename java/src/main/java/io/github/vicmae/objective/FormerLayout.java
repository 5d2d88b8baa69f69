package io.github.vicmae.objective;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.settings.SettingTree;
import java.util.LinkedHashMap;
import java.util.Map;

/** The layout of settings before 0.2, when ViC-MAE was the only method: all of a model's settings beside each other. */
public final class FormerLayout {
    private static final Map<String, String> MODEL = new LinkedHashMap<>();

    static {
        for (String name : new String[] {"height", "width", "channels", "patch", "dim", "depth", "heads", "mlpRatio"}) {
            MODEL.put(name, "trunk." + name);
        }
        MODEL.put("decoderDim", "decoder.dim");
        MODEL.put("decoderDepth", "decoder.depth");
        MODEL.put("decoderHeads", "decoder.heads");
        MODEL.put("normPix", "decoder.normPix");
        for (String name : new String[] {
            "variant", "headHidden", "headOut", "temperature", "maskRatio", "pooling", "contrast", "contrastHash"
        }) {
            MODEL.put(name, "objective." + name);
        }
    }

    private FormerLayout() {}

    /** Brings a model's settings into today's layout, in place; settings that have it already are left alone. */
    public static void upgradeModel(ObjectNode model) {
        if (!model.has("variant")) {
            return;
        }
        SettingTree.put(model, "objective.method", "vicmae");
        SettingTree.put(model, "decoder.mlpRatio", model.path("mlpRatio"));
        move(model, MODEL);
        ObjectNode objective = (ObjectNode) model.get("objective");
        if (!objective.hasNonNull("contrast")) {
            objective.put("contrast", ContrastiveLosses.DEFAULT);
        }
        if (!objective.has("reconstructionWeight")) { // a checkpoint: the run's weights were in its settings alone
            objective.put("reconstructionWeight", 1.0);
            SettingTree.put(objective, "contrastiveWeight", ViCMaeConfig.PAPER_WEIGHT);
        }
    }

    /**
     * Moves values to other keys of the same tree.
     *
     * @param places maps each old key to the new one
     */
    public static void move(ObjectNode tree, Map<String, String> places) {
        places.forEach((from, to) -> {
            JsonNode value = tree.remove(from);
            if (value != null) {
                SettingTree.put(tree, to, value);
            }
        });
    }
}
