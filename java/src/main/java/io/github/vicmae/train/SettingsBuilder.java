package io.github.vicmae.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.objective.Method;
import io.github.vicmae.objective.Methods;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.settings.Definition;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.settings.SettingYaml;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Puts a run's settings together: those that are given (by a recipe, a file, and one by one; later ones win), and for all others those that the
 * method was published with, or the defaults.
 *
 * <p>Keys are those of {@link TrainSettings}, such as {@code schedule.epochs}; two more name where a model's other settings come from:
 * {@code model.size}, such as {@code b16}, and {@code model.objective.method}.
 */
public final class SettingsBuilder {
    /** The key of the model's named size. */
    public static final String SIZE = "model.size";

    /** The key of the method's name. */
    public static final String METHOD = "model.objective.method";

    /** The key of ViC-MAE's published form. */
    public static final String VARIANT = "model.objective.variant";

    /** The method where none is given. */
    public static final String DEFAULT_METHOD = "vicmae";

    /** The size where none is given. */
    public static final String DEFAULT_SIZE = "ti16";

    private static final String STRIDE = "views.stride";
    private static final String CLIP_SECONDS = "views.clipSeconds";
    private static final String OBJECTIVE = "model.objective";
    private static final String CONTRAST_HASH = "contrastHash";
    private static final String WARMUP = "schedule.warmupEpochs";
    /** Options that say where a run is made, which are no settings of it. */
    private static final Set<String> COMMAND_LINE = Set.of("out", "device", "resume", "recipe", "settings");

    private static final double SIMILAR = 0.34;

    private final ObjectNode given = SettingTree.empty();

    /**
     * Adds the settings of a recipe.
     *
     * @throws IllegalArgumentException if there is no such recipe
     */
    public SettingsBuilder recipe(String name) {
        addChecked(Recipe.named(name).settings(), "the recipe " + name);
        return this;
    }

    /**
     * Adds the settings in a file, YAML or JSON; it need not have all of them.
     *
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if there is no such setting, or a value is none of its type
     */
    public SettingsBuilder file(Path file) throws IOException {
        addChecked(read(file), file.toString());
        return this;
    }

    /**
     * Adds settings one by one.
     *
     * @param values by key, such as {@code schedule.epochs}
     * @throws IllegalArgumentException if there is no such setting, or a value is none of its type
     */
    public SettingsBuilder values(Map<String, ?> values) {
        ObjectNode tree = SettingTree.empty();
        values.forEach((key, value) -> SettingTree.put(tree, key, value));
        addChecked(tree, "the given settings");
        return this;
    }

    /** Adds settings as a tree of checked values. */
    public SettingsBuilder add(ObjectNode settings) {
        boolean renews = !SettingTree.get(settings, SIZE).isMissingNode()
                || !SettingTree.get(settings, VARIANT).isMissingNode();
        if (renews && given.get("model") instanceof ObjectNode model) {
            // What an earlier layer spelled out is that of another size or form.
            Presets.keys(method().name()).forEach(key -> SettingTree.remove(model, key));
        }
        merge(given, settings);
        return this;
    }

    /**
     * Reads a tree of settings, in the layout of today.
     *
     * @throws IOException if it cannot be read
     */
    static ObjectNode read(Path file) throws IOException {
        try {
            ObjectNode tree = SettingYaml.read(Files.readString(file));
            TrainSettings.upgradeLayout(tree);
            return tree;
        } catch (CharacterCodingException e) {
            throw FileErrors.cannot("read", file, new IOException("it is no UTF-8 text", e));
        } catch (IOException e) {
            throw FileErrors.cannot("read", file, e);
        }
    }

    private void addChecked(ObjectNode settings, String where) {
        ObjectNode typed = SettingTree.empty();
        try {
            collect("", settings, typed);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("In " + where + ": " + e.getMessage(), e);
        }
        add(typed);
    }

    /** Checks keys and types; ranges are the records' own. */
    private static void collect(String prefix, ObjectNode object, ObjectNode into) {
        for (Map.Entry<String, JsonNode> field : object.properties()) {
            String key = prefix + field.getKey();
            JsonNode value = field.getValue();
            Definition known = definition(key);
            if (known != null) {
                SettingTree.put(into, key, typed(known, value));
            } else if (value instanceof ObjectNode child && isGroup(key)) {
                collect(key + ".", child, into);
            } else if (List.of(SIZE, METHOD, OBJECTIVE + "." + CONTRAST_HASH).contains(key)) {
                SettingTree.put(into, key, value.isNull() ? null : value.asText());
            } else if (isGroup(key)) {
                throw new IllegalArgumentException(
                        "The value of '" + key + "' is a group of settings, such as " + firstOf(key));
            } else if (COMMAND_LINE.contains(key)) {
                throw new IllegalArgumentException(
                        "'" + key + "' is no setting of a run; give --" + key + " on the command line");
            } else {
                throw new IllegalArgumentException("There is no setting '" + key + "'" + similar(key));
            }
        }
    }

    private static Object typed(Definition d, JsonNode value) {
        if (d.type() == List.class) {
            if (value.isNull()) {
                return List.of();
            }
            if (!value.isArray()) {
                return List.of(value.asText());
            }
            return value.valueStream().map(JsonNode::asText).toList();
        }
        if (value.isNull() && !d.type().isPrimitive()) {
            return null;
        }
        if (!value.isValueNode() || value.isNull()) {
            throw new IllegalArgumentException("The setting '" + d.key() + "' has one value, not " + value);
        }
        return d.parse(value.asText());
    }

    /** Several methods may have a setting of the same key; all of them are of one type. */
    private static Definition definition(String key) {
        return all().filter(d -> d.key().equals(key)).findFirst().orElse(null);
    }

    private static Stream<Definition> all() {
        return Definitions.of(TrainSettings.class).stream();
    }

    private static boolean isGroup(String key) {
        return all().anyMatch(d -> d.key().startsWith(key + "."));
    }

    private static String firstOf(String group) {
        return all().map(Definition::key)
                .filter(key -> key.startsWith(group + "."))
                .findFirst()
                .orElseThrow();
    }

    /** The setting that may have been meant: one with the same last part, or one that differs in a few letters. */
    private static String similar(String key) {
        String last = key.substring(key.lastIndexOf('.') + 1);
        return all().filter(d -> d.component().equals(last))
                .map(Definition::key)
                .findFirst()
                .or(() -> all().map(Definition::key)
                        .min((a, b) -> Integer.compare(distance(a, key), distance(b, key)))
                        .filter(best -> distance(best, key) <= SIMILAR * key.length()))
                .map(best -> "; did you mean '" + best + "'?")
                .orElse("; 'vicmae pretrain --dry-run' prints them all");
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }

    /** Later values win. A clip has a stride or a length: where one of them is set anew, the other of them no longer counts. */
    private static void merge(ObjectNode into, ObjectNode from) {
        dropOther(into, from, STRIDE, CLIP_SECONDS);
        dropOther(into, from, CLIP_SECONDS, STRIDE);
        dropOther(into, from, OBJECTIVE + ".contrast", OBJECTIVE + "." + CONTRAST_HASH); // that of another file
        mergeAll(into, from);
    }

    private static void dropOther(ObjectNode into, ObjectNode from, String set, String other) {
        boolean isSet = !SettingTree.get(from, set).isMissingNode();
        if (isSet && SettingTree.get(from, other).isMissingNode()) {
            SettingTree.remove(into, other);
        }
    }

    private static void mergeAll(ObjectNode into, ObjectNode from) {
        for (Map.Entry<String, JsonNode> field : from.properties()) {
            if (field.getValue() instanceof ObjectNode child && into.get(field.getKey()) instanceof ObjectNode known) {
                mergeAll(known, child);
            } else {
                into.set(field.getKey(), field.getValue().deepCopy());
            }
        }
    }

    /** The method that is given, or ViC-MAE. */
    public Method method() {
        return Methods.named(text(METHOD, DEFAULT_METHOD));
    }

    private String text(String key, String otherwise) {
        JsonNode value = SettingTree.get(given, key);
        return value.isMissingNode() || value.isNull() ? otherwise : value.asText();
    }

    /**
     * The settings of a run.
     *
     * @param kind of the device, which makes the views where nothing else was given if it is a card
     * @throws IllegalArgumentException with one sentence, if something is missing, refused, or does not go together
     */
    public TrainSettings build(Device.Kind kind) {
        Method method = method();
        ObjectNode tree = SettingTree.defaults(TrainSettings.class);
        SettingTree.put(tree, "loading.workers", Runtime.getRuntime().availableProcessors());
        SettingTree.put(tree, "loading.deviceViews", kind == Device.Kind.CUDA);
        SettingTree.putAll(tree, method.run(), TrainSettings.class);
        merge(tree, given);
        tree.set("model", modelTree(method));
        JsonNode data = tree.path("data");
        if (data.isMissingNode() || data.isEmpty()) {
            throw new IllegalArgumentException("No data is given: name it with --data, or as 'data' in the settings");
        }
        if (SettingTree.get(tree, WARMUP).isMissingNode()) {
            double epochs = SettingTree.get(tree, "schedule.epochs").asDouble();
            SettingTree.put(tree, WARMUP, method.warmupEpochs(epochs));
        }
        return SettingTree.build(tree, TrainSettings.class);
    }

    /**
     * The model alone.
     *
     * @throws IllegalArgumentException with one sentence, if something is refused or does not go together
     */
    public ModelConfig model() {
        return SettingTree.build(modelTree(method()), ModelConfig.class);
    }

    private ObjectNode modelTree(Method method) {
        requireOwn(method);
        String variant = text(VARIANT, null);
        ObjectNode tree = Presets.model(
                ModelSize.of(text(SIZE, DEFAULT_SIZE)),
                method.name(),
                variant == null ? Variant.PAPER : Variant.of(variant));
        if (given.get("model") instanceof ObjectNode model) {
            mergeAll(tree, model);
            tree.remove("size");
        }
        if (method.settings() == ViCMaeConfig.class) {
            addHash((ObjectNode) tree.get("objective"));
        }
        return tree;
    }

    /** A user's loss is known by its content: settings that were written with another content are refused. */
    private static void addHash(ObjectNode objective) {
        String contrast = objective.path("contrast").asText();
        JsonNode written = objective.path(CONTRAST_HASH);
        String now = ViCMaeConfig.hashOf(contrast);
        if (written.isTextual() && now != null && !written.asText().equals(now)) {
            throw new IllegalArgumentException("The contrastive loss " + contrast
                    + " has changed since the settings were written: its content's hash was " + written.asText()
                    + " and is " + now + " now");
        }
        objective.put(CONTRAST_HASH, now);
    }

    /** Settings below {@code model.objective} belong to one method. */
    private void requireOwn(Method method) {
        SettingTree.get(given, OBJECTIVE).fieldNames().forEachRemaining(name -> {
            String key = OBJECTIVE + "." + name;
            boolean own = key.equals(METHOD)
                    || name.equals(CONTRAST_HASH) && method.settings() == ViCMaeConfig.class
                    || Definitions.of(method.settings()).stream()
                            .anyMatch(d -> d.key().equals(name) || d.key().startsWith(name + "."));
            if (!own) {
                throw new IllegalArgumentException(
                        "The setting " + key + " does not apply to the method " + method.name());
            }
        });
    }
}
