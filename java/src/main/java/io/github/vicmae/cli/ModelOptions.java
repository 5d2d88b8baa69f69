package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.objective.Method;
import io.github.vicmae.objective.Methods;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.train.SettingsBuilder;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options that make a model: a method in a named size, and what differs from it. */
final class ModelOptions {
    private static final String METHOD = "--method";

    /** Adds the options of the model's single settings to a command; {@code @Command(modelTransformer = ...)}. */
    static final class Settings implements IModelTransformer {
        @Override
        public CommandSpec transform(CommandSpec spec) {
            return SettingOptions.add(withMethods(spec), ModelConfig.class);
        }
    }

    /** Names the methods in the help of {@code --method}; a program may bring its own. */
    static CommandSpec withMethods(CommandSpec spec) {
        OptionSpec method = spec.findOption(METHOD);
        spec.remove(method);
        return spec.addOption(OptionSpec.builder(method)
                .description(
                        Methods.names() + "; see docs/methods.md (default: " + SettingsBuilder.DEFAULT_METHOD + ")")
                .build());
    }

    @Option(names = METHOD, paramLabel = "NAME", description = "the method")
    private String method;

    @Option(
            names = "--model",
            paramLabel = "SIZE",
            description = "ti8, ti16, s16, b16, l16 or h14 (default: " + SettingsBuilder.DEFAULT_SIZE + ")")
    private String model;

    @Option(
            names = "--preset",
            description = "paper or release, of vicmae: heads, loss weights, mask ratio, augmentation (default: paper)")
    private String preset;

    @Option(names = "--image", paramLabel = "N|HxW", description = "image size in pixels (default: the model's)")
    private String image;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /**
     * The model.
     *
     * @throws IllegalArgumentException if the options do not go together
     */
    ModelConfig config() {
        SettingsBuilder settings = new SettingsBuilder();
        addTo(settings, ModelConfig.class, "model.");
        return settings.model();
    }

    /**
     * Adds what was given on the command line.
     *
     * @param root of the settings that the command has options for
     * @param prefix of their keys in a run's settings
     * @throws IllegalArgumentException if a value does not have its setting's type, or another method's setting was given
     */
    void addTo(SettingsBuilder settings, Class<?> root, String prefix) {
        ObjectNode named = SettingTree.empty();
        putIfGiven(named, SettingsBuilder.METHOD, method);
        putIfGiven(named, SettingsBuilder.SIZE, model);
        settings.add(named);
        Method chosen = settings.method();
        if (preset != null && !chosen.hasVariants()) {
            throw new IllegalArgumentException("--preset does not apply to --method " + chosen.name());
        }
        ObjectNode given = SettingTree.empty();
        putIfGiven(given, SettingsBuilder.VARIANT, preset == null ? null : Variant.of(preset));
        if (image != null) {
            int[] size = imageSize(image);
            SettingTree.put(given, "model.trunk.height", size[0]);
            SettingTree.put(given, "model.trunk.width", size[1]);
        }
        SettingOptions.putGiven(command, given, root, prefix, chosen, SettingOptions.OWN_NAMES);
        settings.add(given);
    }

    private static void putIfGiven(ObjectNode tree, String key, Object value) {
        if (value != null) {
            SettingTree.put(tree, key, value);
        }
    }

    /** Height and width of {@code N} or {@code HxW}. */
    static int[] imageSize(String image) {
        if (!image.matches("[0-9]{1,5}(x[0-9]{1,5})?")) {
            throw new IllegalArgumentException("The image size is one number or HEIGHTxWIDTH, not '" + image + "'");
        }
        String[] parts = image.split("x");
        int height = Integer.parseInt(parts[0]);
        return new int[] {height, parts.length == 1 ? height : Integer.parseInt(parts[1])};
    }
}
