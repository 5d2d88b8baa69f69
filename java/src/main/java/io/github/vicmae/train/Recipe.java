package io.github.vicmae.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.settings.SettingYaml;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A named set of settings, to begin a run with; all others have their defaults. */
public final class Recipe {
    private static final List<String> NAMES =
            List.of("small", "paper", "release", "mae", "st-mae", "omnimae", "finetune-small");

    private final String name;
    private final ObjectNode content;

    private Recipe(String name, ObjectNode content) {
        this.name = name;
        this.content = content;
    }

    /** All of them. */
    public static List<Recipe> all() {
        return NAMES.stream().map(Recipe::named).toList();
    }

    /**
     * One of them.
     *
     * @throws IllegalArgumentException if there is no such recipe, naming those there are
     */
    public static Recipe named(String name) {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException(
                    "There is no recipe '" + name + "': use one of " + String.join(", ", NAMES));
        }
        try (InputStream in = Recipe.class.getResourceAsStream("recipes/" + name + ".yaml")) {
            return new Recipe(name, SettingYaml.read(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As {@code --recipe} takes it. */
    public String name() {
        return name;
    }

    /** What it trains. */
    public String title() {
        return content.path("title").asText();
    }

    /** Where its settings are from. */
    public String source() {
        return content.path("source").asText();
    }

    /** Its settings, in the form that a settings file has. */
    public ObjectNode settings() {
        return content.withObject("/settings").deepCopy();
    }
}
