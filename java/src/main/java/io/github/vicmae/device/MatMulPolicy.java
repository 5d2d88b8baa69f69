package io.github.vicmae.device;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Who makes matrix products on a card, as the system property {@code vicmae.matmul} says. With {@code fastest}, the default, results can differ
 * in their last bits from process to process, since a measurement decides; with the others they do not.
 */
public enum MatMulPolicy {
    /** Own kernels or cuBLAS, whichever was faster when the shape was first met. */
    FASTEST,
    /** Own kernels alone; cuBLAS is not even loaded. */
    OWN,
    /** cuBLAS wherever it can be had. */
    CUBLAS;

    /** The name of the system property. */
    public static final String PROPERTY = "vicmae.matmul";

    /**
     * What the property says.
     *
     * @throws IllegalArgumentException if it says something else than the names above, in lower case
     */
    public static MatMulPolicy current() {
        String value = System.getProperty(PROPERTY, "fastest");
        return Arrays.stream(values())
                .filter(p -> p.toString().equals(value))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("-D" + PROPERTY + "=" + value + " is not known; say "
                        + Arrays.stream(values()).map(MatMulPolicy::toString).collect(Collectors.joining(", "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
