package io.github.vicmae.lab;

import java.util.List;

/** Whether a loss's columns are its rows. */
public enum Form {
    SYMMETRIC,
    TWO_SIDED;

    /** As an option names it. */
    String words() {
        return this == SYMMETRIC ? "symmetric" : "two-sided";
    }

    /**
     * The forms that an option names.
     *
     * @param name symmetric, two-sided or both
     * @throws IllegalArgumentException if it is none of these
     */
    public static List<Form> named(String name) {
        return switch (name) {
            case "symmetric" -> List.of(SYMMETRIC);
            case "two-sided" -> List.of(TWO_SIDED);
            case "both" -> List.of(SYMMETRIC, TWO_SIDED);
            default ->
                throw new IllegalArgumentException(
                        "A loss has no form '" + name + "': use symmetric, two-sided or both");
        };
    }
}
