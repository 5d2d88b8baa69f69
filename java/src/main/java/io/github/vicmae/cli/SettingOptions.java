package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.objective.Method;
import io.github.vicmae.settings.Definition;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import io.github.vicmae.settings.SettingTree;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
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
            return option.arity("0..1")
                    .type(String.class)
                    .fallbackValue("true")
                    .paramLabel("true|false")
                    .description(s.description())
                    .build();
        }
        if (d.type() == List.class) {
            return option.arity("1..*")
                    .type(List.class)
                    .auxiliaryTypes(String.class)
                    .paramLabel(s.label())
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
     * @param prefix put before each key of {@code root}
     * @param method whose settings count
     * @throws IllegalArgumentException if a value does not have its setting's type, or another method's setting was given
     */
    static void putGiven(CommandSpec spec, ObjectNode tree, Class<?> root, String prefix, Method method) {
        List<Definition> definitions = Definitions.of(root);
        Set<String> foreign = new LinkedHashSet<>();
        Set<String> own = new HashSet<>();
        for (Definition d : definitions) {
            OptionSpec option = d.setting().flag().isEmpty()
                    ? null
                    : spec.findOption(d.setting().flag());
            if (option == null || option.getValue() == null) {
                continue;
            }
            if (isOfAnotherMethod(d, method.settings())) {
                foreign.add(d.setting().flag());
            } else {
                own.add(d.setting().flag());
                SettingTree.put(tree, prefix + d.key(), value(d, option));
            }
        }
        foreign.removeAll(own);
        for (String flag : foreign) {
            throw new IllegalArgumentException(flag + " does not apply to --method " + method.name());
        }
    }

    private static Object value(Definition d, OptionSpec option) {
        if (d.isSwitch()) {
            boolean given = (Boolean) d.parse(option.getValue());
            return given != Boolean.parseBoolean(d.setting().value());
        }
        return d.type() == List.class ? option.getValue() : d.parse(option.getValue());
    }

    /** Settings below {@code objective} belong to one method, directly or in a record of its own. */
    private static boolean isOfAnotherMethod(Definition d, Class<?> method) {
        return d.key().contains("objective.")
                && Definitions.of(method).stream().noneMatch(own -> d.key().endsWith("objective." + own.key()));
    }
}
