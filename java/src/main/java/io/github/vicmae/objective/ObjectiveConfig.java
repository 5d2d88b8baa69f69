package io.github.vicmae.objective;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.TrunkConfig;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What an encoder and a decoder are trained for: a method's settings, one record each. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "method")
@JsonSubTypes({
    @JsonSubTypes.Type(value = ViCMaeConfig.class, name = ViCMaeConfig.METHOD),
    @JsonSubTypes.Type(value = MaeConfig.class, name = MaeConfig.METHOD)
})
public sealed interface ObjectiveConfig permits ViCMaeConfig, MaeConfig {
    /** The names of all methods. */
    static String methods() {
        return Arrays.stream(
                        ObjectiveConfig.class.getAnnotation(JsonSubTypes.class).value())
                .map(JsonSubTypes.Type::name)
                .collect(Collectors.joining(", "));
    }

    /**
     * The record of a method's settings.
     *
     * @throws IllegalArgumentException if there is no such method
     */
    static Class<? extends ObjectiveConfig> record(String method) {
        for (JsonSubTypes.Type type :
                ObjectiveConfig.class.getAnnotation(JsonSubTypes.class).value()) {
            if (type.name().equals(method)) {
                return type.value().asSubclass(ObjectiveConfig.class);
            }
        }
        throw new IllegalArgumentException("There is no method '" + method + "': use " + methods());
    }

    /** The method's name, as {@code --method} takes it. */
    String method();

    /** The share of each view's patches that is masked. */
    double maskRatio();

    /** How the trained encoder's tokens become one feature vector. */
    Pooling pooling();

    /** Views of each sample in a step. */
    int views();

    /** The losses' names, in the order of their weights; metrics have them under these. */
    String[] losses();

    /**
     * The losses' weights in the sum whose gradient a step takes.
     *
     * @param step from 0
     * @param total steps of the run
     */
    double[] weights(long step, long total);

    /** How frames and images become views. */
    ViewSettings viewSettings(TrunkConfig trunk);

    /**
     * @throws IllegalArgumentException if a step of so many samples is too small
     */
    void requireBatch(int batch);

    /** Multiply-adds, each counted as two operations, of what comes on top of encoder and decoder, forward, for one view. */
    double headFlop(TrunkConfig trunk);

    /** Declares the method's layers. */
    Objective on(Workspace workspace, ModelConfig config);
}
