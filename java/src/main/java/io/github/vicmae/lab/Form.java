package io.github.vicmae.lab;

import java.util.List;

/** Whether the columns of a loss are its rows. */
public enum Form {
    SYMMETRIC,
    TWO_SIDED;

    /** The name that options take. */
    String words() {
        return this == SYMMETRIC ? "symmetric" : "two-sided";
    }

    /**
     * Parses an option.
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
