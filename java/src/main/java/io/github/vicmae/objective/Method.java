package io.github.vicmae.objective;

import java.util.Map;

/**
 * A method that a model can be trained with: its name and its published settings. This library's are listed in {@link Methods}; a program may bring
 * its own, which {@link java.util.ServiceLoader} finds.
 */
public interface Method {
    /** As {@code --method} takes it. */
    String name();

    /** Its name in full, with its source. */
    String title();

    /** The record of its own settings. */
    Class<? extends ObjectiveConfig> settings();

    /**
     * The settings in which the published model of a size differs from the defaults: values by the keys of a model's settings, such as
     * {@code trunk.tube}.
     *
     * @param variant of a method that {@linkplain #hasVariants has} any
     */
    Map<String, Object> model(ModelSize size, Variant variant);

    /** Whether the model has a decoder; if not, a run on labelled samples trains the encoder and a classifier. */
    default boolean hasDecoder() {
        return true;
    }

    /** Whether there are two published forms of it, chosen by {@code --preset}. */
    default boolean hasVariants() {
        return false;
    }

    /** The settings in which a run differs from the defaults: values by the keys of its settings, such as {@code schedule.baseLearningRate}. */
    default Map<String, Object> run() {
        return Map.of();
    }

    /** Epochs of linear warm-up in a run of {@code epochs}. */
    default double warmupEpochs(double epochs) {
        return Math.min(40, epochs / 10);
    }
}
