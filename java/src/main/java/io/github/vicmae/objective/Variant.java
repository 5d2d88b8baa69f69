package io.github.vicmae.objective;

import java.util.Locale;

/** The two presets of ViC-MAE, where the published code and the paper differ. */
public enum Variant {
    /** The published code: one projector for both sides of the contrastive loss. */
    RELEASE,
    /** The paper: a predictor and a target encoder, two heads with separate weights. */
    PAPER;

    /**
     * @throws IllegalArgumentException if there is no such preset
     */
    public static Variant of(String name) {
        for (Variant v : values()) {
            if (v.name().equalsIgnoreCase(name)) {
                return v;
            }
        }
        throw new IllegalArgumentException("There is no preset '" + name + "': use release or paper");
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
