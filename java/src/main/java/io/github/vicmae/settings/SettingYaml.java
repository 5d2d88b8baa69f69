package io.github.vicmae.settings;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.representer.Representer;
import org.yaml.snakeyaml.resolver.Resolver;

/** Trees of settings as YAML; JSON is a part of it. Plain values are typed as YAML 1.2 has it: {@code 1e-4} is a number, {@code no} a text. */
public final class SettingYaml {
    private static final int MOST_CHARACTERS = 1 << 20;
    private static final int DEEPEST = 16;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private SettingYaml() {}

    /** YAML 1.2's core types. SnakeYAML's own are those of 1.1, where {@code 1e-4} is a text and {@code 010} is 8. */
    private static final class Types extends Resolver {
        @Override
        protected void addImplicitResolvers() {
            addImplicitResolver(Tag.NULL, EMPTY, null);
            addImplicitResolver(Tag.NULL, Pattern.compile("~|null"), "~n");
            addImplicitResolver(Tag.BOOL, Pattern.compile("true|false"), "tf");
            addImplicitResolver(Tag.INT, Pattern.compile("-?(0|[1-9][0-9]{0,17})"), "-0123456789");
            addImplicitResolver(
                    Tag.FLOAT,
                    Pattern.compile("-?(0|[1-9][0-9]*)?(\\.[0-9]+)?([eE][-+]?[0-9]+)?(?<=[0-9])"),
                    "-.0123456789");
        }
    }

    /** A tree as YAML text that {@link #read} gives back. */
    public static String write(ObjectNode tree) {
        DumperOptions form = new DumperOptions();
        form.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
        form.setSplitLines(false);
        Yaml yaml = new Yaml(new SafeConstructor(limits()), new Representer(form), form, limits(), new Types());
        return yaml.dump(MAPPER.convertValue(tree, Map.class));
    }

    /**
     * Reads a tree.
     *
     * @throws IOException if the text is no YAML, or no map of settings; the message says at which line
     */
    public static ObjectNode read(String text) throws IOException {
        DumperOptions form = new DumperOptions();
        Yaml yaml = new Yaml(new SafeConstructor(limits()), new Representer(form), form, limits(), new Types());
        Object value;
        try {
            value = yaml.load(text);
        } catch (MarkedYAMLException e) {
            Mark at = Optional.ofNullable(e.getProblemMark()).orElse(e.getContextMark());
            throw new IOException(
                    (at == null ? "" : "line " + (at.getLine() + 1) + ", column " + (at.getColumn() + 1) + ": ")
                            + e.getProblem(),
                    e);
        } catch (YAMLException e) {
            throw new IOException(String.valueOf(e.getMessage()), e);
        }
        if (value == null) {
            return MAPPER.createObjectNode();
        }
        if (!(value instanceof Map)) {
            throw new IOException("there is no map of settings, such as 'schedule: {epochs: 30}'");
        }
        try {
            return MAPPER.valueToTree(value);
        } catch (IllegalArgumentException e) {
            throw new IOException("a key or a value is none of a setting: " + e.getMessage(), e);
        }
    }

    /** A file comes from anywhere: keys are not repeated, references cannot grow without bound, and nesting has an end. */
    private static LoaderOptions limits() {
        LoaderOptions limits = new LoaderOptions();
        limits.setAllowDuplicateKeys(false);
        limits.setMaxAliasesForCollections(0);
        limits.setNestingDepthLimit(DEEPEST);
        limits.setCodePointLimit(MOST_CHARACTERS);
        return limits;
    }
}
