package io.github.vicmae.settings;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An interval of numbers.
 *
 * @param least the lower bound
 * @param most the upper bound
 * @param includesLeast whether the lower bound belongs to it
 * @param includesMost whether the upper bound belongs to it
 */
record Range(double least, double most, boolean includesLeast, boolean includesMost) {
    private static final Pattern INTERVAL = Pattern.compile("([\\[(])\\s*(\\S+)\\s*,\\s*(\\S+)\\s*([\\])])");

    /**
     * Reads an interval such as {@code [0, 1)} or {@code (0, inf)}.
     *
     * @throws IllegalArgumentException if the text is none
     */
    static Range parse(String text) {
        Matcher parts = INTERVAL.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not an interval such as [0, 1) or (0, inf)");
        }
        return new Range(
                bound(parts.group(2)),
                bound(parts.group(3)),
                parts.group(1).equals("["),
                parts.group(4).equals("]"));
    }

    private static double bound(String text) {
        return switch (text) {
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }

    /** Whether a number lies in it; NaN does not. */
    boolean contains(double value) {
        return (value > least || includesLeast && value == least) && (value < most || includesMost && value == most);
    }

    /** Whether every finite number lies in it. */
    boolean isEverything() {
        return Double.isInfinite(least) && Double.isInfinite(most);
    }

    /** The condition in words, such as "at least 0 and below 1". */
    @Override
    public String toString() {
        String lower = Double.isInfinite(least) ? "" : (includesLeast ? "at least " : "more than ") + number(least);
        String upper = Double.isInfinite(most) ? "" : (includesMost ? "at most " : "below ") + number(most);
        if (isEverything()) {
            return "finite";
        }
        return lower + (lower.isEmpty() || upper.isEmpty() ? "" : " and ") + upper;
    }

    private static String number(double value) {
        return value == Math.rint(value)
                ? String.format(Locale.ROOT, "%.0f", value)
                : String.format(Locale.ROOT, "%s", value);
    }
}
