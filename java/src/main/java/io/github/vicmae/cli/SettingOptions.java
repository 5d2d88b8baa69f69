package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.settings.Definition;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import io.github.vicmae.settings.SettingTree;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Command-line options that come from the definitions of settings: flag, default, range and description stand there alone. */
final class SettingOptions {
    private SettingOptions() {}

    /** Adds an option for each setting of a tree that has a flag and is no option of the command already. */
    static CommandSpec add(CommandSpec spec, Class<?> root) {
        for (Definition d : Definitions.of(root)) {
            Setting s = d.setting();
            if (!s.flag().isEmpty() && spec.findOption(s.flag()) == null) {
                spec.addOption(option(d));
            }
        }
        return spec;
    }

    private static OptionSpec option(Definition d) {
        Setting s = d.setting();
        OptionSpec.Builder option = OptionSpec.builder(s.flag());
        if (d.isSwitch()) {
            return option.arity("0")
                    .type(boolean.class)
                    .description(s.description())
                    .build();
        }
        String shown = s.shownDefault().isEmpty() ? s.value() : s.shownDefault();
        String label = s.label().isEmpty() ? label(d.type()) : s.label();
        return option.arity("1")
                .type(String.class)
                .paramLabel(label)
                .description(s.description() + (shown.isEmpty() ? "" : " (default: " + shown + ")"))
                .build();
    }

    private static String label(Class<?> type) {
        return type == double.class || type == Double.class ? "X" : type == String.class ? "TEXT" : "N";
    }

    /**
     * Puts what was given on the command line into a tree, under the keys of the settings.
     *
     * @param tree whose {@code objective.method}, at {@code methodKey}, decides which method's settings count
     * @param method the record of that method's settings
     * @throws IllegalArgumentException if a value does not have its setting's type, or another method's setting was given
     */
    static void putGiven(CommandSpec spec, ObjectNode tree, Class<?> root, Class<?> method, String methodName) {
        List<Definition> definitions = Definitions.of(root);
        Map<String, String> foreign = new LinkedHashMap<>();
        for (Definition d : definitions) {
            OptionSpec option = d.setting().flag().isEmpty()
                    ? null
                    : spec.findOption(d.setting().flag());
            if (option == null || option.getValue() == null) {
                continue;
            }
            if (isOfAnotherMethod(d, method)) {
                foreign.putIfAbsent(d.setting().flag(), d.key());
                continue;
            }
            SettingTree.put(tree, d.key(), value(d, option));
        }
        for (Map.Entry<String, String> f : foreign.entrySet()) {
            boolean known = definitions.stream()
                    .anyMatch(d -> d.setting().flag().equals(f.getKey()) && !isOfAnotherMethod(d, method));
            if (!known) {
                throw new IllegalArgumentException(f.getKey() + " does not apply to --method " + methodName);
            }
        }
    }

    private static Object value(Definition d, OptionSpec option) {
        if (d.isSwitch()) {
            return !Boolean.parseBoolean(d.setting().value());
        }
        return d.parse(option.getValue());
    }

    /** Settings below {@code objective} belong to one method, directly or in a record of its own. */
    private static boolean isOfAnotherMethod(Definition d, Class<?> method) {
        return d.key().contains("objective.")
                && Definitions.of(method).stream().noneMatch(own -> d.key().endsWith("objective." + own.key()));
    }
}
