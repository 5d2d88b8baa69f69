package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.Method;
import io.github.vicmae.settings.Definition;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import io.github.vicmae.settings.SettingTree;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Command-line options that come from the definitions of settings: flag, default, range and description stand there alone. */
final class SettingOptions {
    private SettingOptions() {}

    /** The records of settings of fine-tuning, for which there is a command of its own. */
    private static final Set<Class<?>> FINE_TUNING = Definitions.of(ClassifierConfig.class).stream()
            .map(Definition::owner)
            .collect(Collectors.toSet());

    /** The settings' own names, in pre-training. */
    static final Function<Definition, String> OWN_NAMES =
            d -> FINE_TUNING.contains(d.owner()) ? "" : d.setting().flag();

    /** Adds an option for each setting of a tree that has a flag and is no option of the command already. */
    static CommandSpec add(CommandSpec spec, Class<?> root) {
        return add(spec, root, OWN_NAMES, Map.of());
    }

    /**
     * The same for a command with names of its own.
     *
     * @param names gives a setting's option, empty for none
     * @param defaults how help words the defaults that are the command's own, by the settings' keys
     */
    static CommandSpec add(
            CommandSpec spec, Class<?> root, Function<Definition, String> names, Map<String, String> defaults) {
        for (Definition d : Definitions.of(root)) {
            String name = names.apply(d);
            if (!name.isEmpty() && spec.findOption(name) == null) {
                spec.addOption(option(d, name, defaults.get(d.key())));
            }
        }
        return spec;
    }

    private static OptionSpec option(Definition d, String name, String shownDefault) {
        Setting s = d.setting();
        OptionSpec.Builder option = OptionSpec.builder(name);
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
        String usual = s.shownDefault().isEmpty() ? s.value() : s.shownDefault();
        String shown = shownDefault == null ? usual : shownDefault;
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
     * @param names gives a setting's option, empty for none
     * @throws IllegalArgumentException if a value does not have its setting's type, or another method's setting was given
     */
    static void putGiven(
            CommandSpec spec,
            ObjectNode tree,
            Class<?> root,
            String prefix,
            Method method,
            Function<Definition, String> names) {
        List<Definition> definitions = Definitions.of(root);
        Set<String> foreign = new LinkedHashSet<>();
        Set<String> own = new HashSet<>();
        for (Definition d : definitions) {
            String name = names.apply(d);
            OptionSpec option = name.isEmpty() ? null : spec.findOption(name);
            if (option == null || option.getValue() == null) {
                continue;
            }
            if (isOfAnotherMethod(d, method.settings())) {
                foreign.add(name);
            } else {
                own.add(name);
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
