package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A path that stands for several, as WebDataset and shells write it: {@code train-{000000..000146}.tar} is the numbers from the first to the last one, with as
 * many digits if they begin with zeros, and {@code {train,val}.tar} is each of the words. Braces around anything else stand for themselves. Braces do not nest.
 */
final class BracePattern {
    /** More than this is a slip of the pen. */
    private static final int MOST_PATHS = 1_000_000;

    private static final Pattern BRACES = Pattern.compile("\\{([^{}]*)}");
    private static final Pattern RANGE = Pattern.compile("([0-9]{1,18})\\.\\.([0-9]{1,18})");

    private final String pattern;
    private final List<String> expanded = new ArrayList<>();

    private BracePattern(String pattern) {
        this.pattern = pattern;
    }

    /**
     * The paths that a path stands for, in their order: itself alone if it has no such braces, or there is a file of that very name.
     *
     * @throws IOException if there are more than a million; the message names the path
     */
    static List<Path> expand(Path path) throws IOException {
        if (Files.exists(path)) {
            return List.of(path);
        }
        BracePattern braces = new BracePattern(FileNames.text(path));
        braces.expand("", braces.pattern);
        return braces.expanded.stream().map(FileNames::path).toList();
    }

    private void expand(String begun, String rest) throws IOException {
        for (Matcher braces = BRACES.matcher(rest); braces.find(); ) {
            List<String> choices = choices(braces.group(1));
            if (choices != null) {
                String start = begun + rest.substring(0, braces.start());
                for (String choice : choices) {
                    expand(start + choice, rest.substring(braces.end()));
                }
                return;
            }
        }
        if (expanded.size() == MOST_PATHS) {
            throw tooMany();
        }
        expanded.add(begun + rest);
    }

    /** What stands between braces, or null if it is neither a range nor words. */
    private List<String> choices(String inside) throws IOException {
        Matcher range = RANGE.matcher(inside);
        if (!range.matches()) {
            return inside.contains(",") ? List.of(inside.split(",", -1)) : null;
        }
        String first = range.group(1);
        String last = range.group(2);
        boolean padded = first.startsWith("0") || last.startsWith("0");
        String format = padded ? "%0" + Math.max(first.length(), last.length()) + "d" : "%d";
        long from = Long.parseLong(first);
        long to = Long.parseLong(last);
        if (Math.abs(to - from) >= MOST_PATHS) {
            throw tooMany();
        }
        List<String> numbers = new ArrayList<>();
        for (long i = 0; i <= Math.abs(to - from); i++) {
            numbers.add(String.format(Locale.ROOT, format, from + i * Long.signum(to - from)));
        }
        return numbers;
    }

    private IOException tooMany() {
        return new IOException(FileNames.printable(pattern) + " stands for more than " + MOST_PATHS + " paths.");
    }
}
