package io.github.vicmae.data.source;

import java.util.List;
import java.util.function.Predicate;

/**
 * A path and a label of one line, both as they stand there.
 *
 * @param label empty if there is none
 */
record ListEntry(String path, String label) {
    private static final char[] SEPARATORS = {'\t', ',', ' '};
    /** No system has longer ones; every place where one might end is tried. */
    private static final int MOST_PATH = 4096;

    /**
     * Reads a line that no header explains; null if it names no sample.
     *
     * @param isSample whether a path, which may end anywhere in the line, names one
     */
    static ListEntry parse(String line, Predicate<String> isSample) {
        if (line.startsWith("\"")) {
            StringBuilder path = new StringBuilder();
            int end = ListRecords.unquote(line, 0, path);
            String rest = line.substring(end).strip();
            char separator = rest.startsWith(",") ? ',' : line.startsWith("\t", end) ? '\t' : ' ';
            return new ListEntry(path.toString(), label(rest.startsWith(",") ? rest.substring(1) : rest, separator));
        }
        for (char separator : SEPARATORS) {
            // The path is the longest one before a separator that names a sample: it may hold separators itself, even
            // after something that looks like an extension.
            for (int at = line.lastIndexOf(separator, MOST_PATH); at > 0; at = line.lastIndexOf(separator, at - 1)) {
                String path = line.substring(0, at).strip();
                if (isSample.test(path)) {
                    return new ListEntry(path, label(line.substring(at + 1), separator));
                }
            }
        }
        return line.length() <= MOST_PATH && isSample.test(line) ? new ListEntry(line, "") : null;
    }

    /** What follows the path: a label of one or several words, or two whole numbers of which the second one is the label. */
    private static String label(String rest, char separator) {
        String text = rest.strip();
        List<String> fields = ListRecords.fields(text, separator);
        if (fields.size() == 1) {
            return fields.get(0);
        }
        boolean framesFirst = fields.size() == 2
                && fields.get(0).matches("\\d+")
                && fields.get(1).matches("-?\\d+");
        return framesFirst ? fields.get(1) : text;
    }
}
