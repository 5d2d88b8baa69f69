package io.github.vicmae.kernel;

import java.util.Arrays;
import java.util.Locale;

/** How the tokens of a sample become one feature row. All but {@link #CLS} leave the class token out. */
public enum Pooling {
    /** The mean over the tokens. */
    MEAN,
    /** The maximum over the tokens. */
    MAX,
    /** The generalised mean with p = 3 of the tokens clamped at 1e-6 (Radenovic, Tolias and Chum 2018). */
    GEM,
    /** The class token. */
    CLS;

    /**
     * The pooling of that name, in any case.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Pooling of(String name) {
        for (Pooling pooling : values()) {
            if (pooling.toString().equals(name.toLowerCase(Locale.ROOT))) {
                return pooling;
            }
        }
        throw new IllegalArgumentException(
                "There is no pooling '" + name + "': use one of " + Arrays.toString(values()));
    }

    /** The name as settings and files write it: in lower case. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
