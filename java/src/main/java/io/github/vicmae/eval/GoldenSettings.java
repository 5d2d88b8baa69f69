package io.github.vicmae.eval;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.IntStream;

/** The settings in a golden file's metadata. */
final class GoldenSettings {
    private final Path path;
    private final JsonNode settings;

    private GoldenSettings(Path path, JsonNode settings) {
        this.path = path;
        this.settings = settings;
    }

    static GoldenSettings read(Path path, String json) throws IOException {
        return new GoldenSettings(path, new ObjectMapper().readTree(json));
    }

    /** The method's name. */
    String method() {
        return settings.path("method").asText("vicmae");
    }

    /**
     * The model.
     *
     * @param shape of the views of its last batch
     * @throws IOException if a setting is missing or refused
     */
    ModelConfig config(long[] shape) throws IOException {
        boolean classifies = method().startsWith("classify");
        int rank = shape.length;
        ObjectNode tree = Presets.model(
                ModelSize.TI8,
                classifies ? ClassifierConfig.FineTuning.NAME : method(),
                Variant.of(settings.path("variant").asText("paper")));
        put(tree, "trunk.channels", shape[1]);
        put(tree, "trunk.height", shape[rank - 2]);
        put(tree, "trunk.width", shape[rank - 1]);
        for (String name : new String[] {"patch", "dim", "depth", "heads"}) {
            put(tree, "trunk." + name, integer(name));
        }
        if (rank == 5) {
            put(tree, "trunk.frames", shape[2]);
            put(tree, "trunk.tube", integer("tube"));
        }
        put(tree, "trunk.mlpRatio", number("mlpRatio"));
        if (classifies) {
            putClassifier(tree);
        } else {
            putDecoder(tree);
        }
        try {
            return SettingTree.build(tree, ModelConfig.class);
        } catch (IllegalArgumentException e) {
            throw new IOException(path + " has settings that cannot be used: " + e.getMessage(), e);
        }
    }

    private void putClassifier(ObjectNode tree) throws IOException {
        put(
                tree,
                "objective.classes",
                IntStream.range(0, integer("classes"))
                        .mapToObj(Integer::toString)
                        .toList());
        put(tree, "objective.layerDecay", number("layerDecay"));
        put(tree, "objective.dropPath", 0);
    }

    private void putDecoder(ObjectNode tree) throws IOException {
        for (String name : new String[] {"dim", "depth", "heads"}) {
            put(
                    tree,
                    "decoder." + name,
                    integer("decoder" + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1)));
        }
        put(tree, "decoder.mlpRatio", number("mlpRatio"));
        if (settings.has("normPix")) {
            put(tree, "decoder.normPix", settings.get("normPix"));
        }
        if (settings.has("targetFrames")) {
            put(tree, "decoder.targetFrames", integer("targetFrames"));
        }
        for (String name : new String[] {
            "maskRatio",
            "imageMaskRatio",
            "videoMaskRatio",
            "imageBatch",
            "pooling",
            "headHidden",
            "headOut",
            "temperature"
        }) {
            if (settings.has(name)) {
                put(tree, "objective." + name, settings.get(name));
            }
        }
        if (tree.at("/objective/repeat").isNumber()) {
            put(tree, "objective.repeat", 1);
        }
    }

    private static void put(ObjectNode tree, String key, Object value) {
        SettingTree.put(tree, key, value);
    }

    private int integer(String name) throws IOException {
        return (int) number(name);
    }

    /**
     * A number.
     *
     * @param name of the setting, with a slash after the group that it is in
     */
    double number(String name) throws IOException {
        JsonNode value = settings.at("/" + name);
        if (!value.isNumber()) {
            throw new IOException(path + ": the setting '" + name + "' is missing or no number");
        }
        return value.asDouble();
    }
}
