package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.objective.Methods;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.ObjectiveConfig;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.settings.SettingTree;
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
            OptionSpec method = spec.findOption(METHOD);
            spec.remove(method);
            spec.addOption(OptionSpec.builder(method)
                    .description(Methods.names() + "; see docs/methods.md (default: ${DEFAULT-VALUE})")
                    .build());
            return SettingOptions.add(spec, ModelConfig.class);
        }
    }

    @Option(names = METHOD, paramLabel = "NAME", defaultValue = "vicmae", description = "the method")
    private String method;

    @Option(
            names = "--model",
            defaultValue = "ti16",
            description = "ti8, ti16, s16, b16, l16 or h14 (default: ${DEFAULT-VALUE})")
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
        return SettingTree.build(tree(), ModelConfig.class);
    }

    /** The model's settings as a tree. */
    ObjectNode tree() {
        if (preset != null && !Methods.named(method).hasVariants()) {
            throw new IllegalArgumentException("--preset does not apply to --method " + method);
        }
        ObjectNode tree =
                Presets.model(ModelSize.of(model), method, preset == null ? Variant.PAPER : Variant.of(preset));
        if (image != null) {
            int[] size = imageSize();
            SettingTree.put(tree, "trunk.height", size[0]);
            SettingTree.put(tree, "trunk.width", size[1]);
        }
        SettingOptions.putGiven(command, tree, ModelConfig.class, record(), method);
        if (record() == ViCMaeConfig.class) {
            String contrast = tree.at("/objective/contrast").asText();
            SettingTree.put(tree, "objective.contrastHash", ViCMaeConfig.hashOf(contrast));
        }
        return tree;
    }

    /** The record of the method's settings. */
    Class<? extends ObjectiveConfig> record() {
        return Methods.named(method).settings();
    }

    String method() {
        return method;
    }

    private int[] imageSize() {
        if (!image.matches("[0-9]{1,5}(x[0-9]{1,5})?")) {
            throw new IllegalArgumentException("The image size is one number or HEIGHTxWIDTH, not '" + image + "'");
        }
        String[] parts = image.split("x");
        int height = Integer.parseInt(parts[0]);
        return new int[] {height, parts.length == 1 ? height : Integer.parseInt(parts[1])};
    }
}
