package io.github.vicmae.settings;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Map;

/** Settings as trees of records, and as JSON text: records by their components' names, enums in lower case. */
public final class SettingTree {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(SerializationFeature.WRITE_ENUMS_USING_TO_STRING)
            .enable(DeserializationFeature.READ_ENUMS_USING_TO_STRING)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private SettingTree() {}

    /** A record as one line of JSON. */
    public static String json(Object settings) {
        try {
            return MAPPER.writeValueAsString(settings);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The settings cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** A record as indented JSON, for people. */
    public static String prettyJson(Object settings) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(settings);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The settings cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** A record as a tree of JSON. */
    public static ObjectNode tree(Object settings) {
        return MAPPER.valueToTree(settings);
    }

    /**
     * JSON text as a tree.
     *
     * @throws IOException if the text is no JSON object
     */
    public static ObjectNode parse(String text) throws IOException {
        try {
            if (MAPPER.readTree(text) instanceof ObjectNode object) {
                return object;
            }
            throw new IOException("The settings cannot be read: a JSON object was expected");
        } catch (JsonProcessingException e) {
            throw new IOException("The settings cannot be read: " + e.getOriginalMessage(), e);
        }
    }

    /** An empty tree to {@linkplain #put put} values into. */
    public static ObjectNode empty() {
        return MAPPER.createObjectNode();
    }

    /** A tree with the defaults of all settings that have one. */
    public static ObjectNode defaults(Class<?> type) {
        ObjectNode tree = empty();
        for (Definition d : Definitions.of(type)) {
            if (!d.setting().value().isEmpty()) {
                put(tree, d.key(), d.parse(d.setting().value()));
            }
        }
        return tree;
    }

    /** Sets a value by its key, such as {@code model.trunk.patch}; objects on the way are made. */
    public static void put(ObjectNode tree, String key, Object value) {
        int dot = key.indexOf('.');
        if (dot < 0) {
            tree.set(key, MAPPER.valueToTree(value));
            return;
        }
        String first = key.substring(0, dot);
        ObjectNode child = tree.get(first) instanceof ObjectNode known ? known : tree.putObject(first);
        put(child, key.substring(dot + 1), value);
    }

    /** Takes a value out, if it is there. */
    public static void remove(ObjectNode tree, String key) {
        int dot = key.lastIndexOf('.');
        JsonNode owner = dot < 0 ? tree : get(tree, key.substring(0, dot));
        if (owner instanceof ObjectNode object) {
            object.remove(key.substring(dot + 1));
        }
    }

    /** Sets several values by their keys. */
    public static void putAll(ObjectNode tree, Map<String, ?> values) {
        values.forEach((key, value) -> put(tree, key, value));
    }

    /**
     * Sets several values by their keys, which must be those of settings or of what is in them.
     *
     * @throws IllegalArgumentException if there is no such setting
     */
    public static void putAll(ObjectNode tree, Map<String, ?> values, Class<?> root) {
        for (String key : values.keySet()) {
            if (Definitions.of(root).stream().noneMatch(d -> d.key().equals(key))) {
                throw new IllegalArgumentException("There is no setting '" + key + "' in " + root.getSimpleName());
            }
        }
        putAll(tree, values);
    }

    /** The value of a key, a missing node if there is none. */
    public static JsonNode get(JsonNode tree, String key) {
        return tree.at("/" + key.replace('.', '/'));
    }

    /** Fills in settings that the tree lacks with their {@linkplain Setting#former former values}, if they have one. */
    public static void addFormer(ObjectNode tree, Class<?> type) {
        for (Definition d : Definitions.of(type)) {
            String former = d.setting().former();
            if (!former.isEmpty() && get(tree, d.key()).isMissingNode() && hasOwner(tree, d)) {
                try {
                    put(tree, d.key(), MAPPER.readTree(former));
                } catch (JsonProcessingException e) {
                    throw new IllegalStateException("The former value of " + d.key() + " is no JSON: " + former, e);
                }
            }
        }
    }

    /** Whether the tree has the object that the setting belongs to. */
    private static boolean hasOwner(ObjectNode tree, Definition d) {
        int dot = d.key().lastIndexOf('.');
        JsonNode object = dot < 0 ? tree : get(tree, d.key().substring(0, dot));
        return object.isObject() && Definitions.isOf(object, d.owner());
    }

    /**
     * Builds a record from a tree; what older files lack has its former value.
     *
     * @throws IllegalArgumentException with one sentence, if a value is missing, of the wrong type, or refused by the record
     */
    public static <T> T build(ObjectNode tree, Class<T> type) {
        ObjectNode complete = tree.deepCopy();
        addFormer(complete, type);
        try {
            return MAPPER.treeToValue(complete, type);
        } catch (JsonProcessingException e) {
            // A record's own refusal is the cause; its sentence is what matters.
            Throwable cause = e.getCause();
            throw new IllegalArgumentException(
                    cause instanceof IllegalArgumentException ? cause.getMessage() : e.getOriginalMessage(), e);
        }
    }

    /**
     * Reads a record from JSON text.
     *
     * @throws IOException if the text is no such record, or its values are refused
     */
    public static <T> T read(String text, Class<T> type) throws IOException {
        try {
            return build(parse(text), type);
        } catch (IllegalArgumentException e) {
            throw new IOException("The settings cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * The same record with one setting changed.
     *
     * @param key its place in the record, such as {@code trunk.patch}
     * @throws IllegalArgumentException if the record has no such setting, or refuses the value
     */
    public static <T extends Record> T with(T settings, String key, Object value) {
        ObjectNode tree = tree(settings);
        if (get(tree, key).isMissingNode()) {
            throw new IllegalArgumentException("There is no setting '" + key + "' in "
                    + settings.getClass().getSimpleName());
        }
        put(tree, key, value);
        @SuppressWarnings("unchecked")
        Class<T> type = (Class<T>) settings.getClass();
        return build(tree, type);
    }
}
