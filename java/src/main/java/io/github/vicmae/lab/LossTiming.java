package io.github.vicmae.lab;

import java.util.Locale;

/**
 * The time and memory of a loss at one size.
 *
 * @param loss its name
 * @param form symmetric or two-sided
 * @param device the device that it ran on
 * @param rows R = K
 * @param milliseconds the median of both passes together; NaN if there is none
 * @param bytes of memory beyond inputs and gradients
 * @param repetitions the number of runs behind the median
 * @param missing why there is no time; null if there is one
 */
public record LossTiming(
        String loss,
        Form form,
        String device,
        int rows,
        double milliseconds,
        long bytes,
        int repetitions,
        String missing) {
    private static final double MIB = 1 << 20;

    static LossTiming missing(String loss, Form form, String device, int rows, String why) {
        return new LossTiming(loss, form, device, rows, Double.NaN, 0, 0, why);
    }

    boolean isMissing() {
        return missing != null;
    }

    /** Why there is no time, in a sentence. */
    String missingWords() {
        return loss + " has no time at " + rows + " rows, " + form.words() + ", on " + device + ": " + missing;
    }

    /** As a cell of a table. */
    String cell() {
        return isMissing() ? "-" : String.format(Locale.ROOT, "%.3g ms, %.3g MiB", milliseconds, bytes / MIB);
    }
}
