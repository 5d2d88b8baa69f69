package io.github.vicmae.data.source;

import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/**
 * The first line of a list, where it names the columns.
 *
 * @param separator a tab, a comma or a semicolon
 * @param columns how many there are
 * @param path which of them is the path
 * @param label which is the label, -1 for none
 */
record ListHeader(char separator, int columns, int path, int label) {
    private static final char[] SEPARATORS = {'\t', ',', ';'};
    /** In the order in which they are preferred. */
    private static final List<String> PATHS = List.of(
            "path",
            "file_path",
            "filepath",
            "video_path",
            "image_path",
            "filename",
            "file_name",
            "file",
            "video",
            "image",
            "clip",
            "name",
            "video_name",
            "image_name");

    private static final List<String> LABELS = List.of(
            "class_name",
            "label_name",
            "category_name",
            "class",
            "category",
            "action",
            "label",
            "target",
            "class_id",
            "label_id");

    /** The header, or null if the line names no column of paths. */
    static ListHeader of(String line) {
        for (char separator : SEPARATORS) {
            List<String> names = ListRecords.fields(line, separator).stream()
                    .map(name -> name.toLowerCase(Locale.ROOT))
                    .toList();
            int path = place(names, PATHS);
            if (path >= 0) {
                int label = place(names, LABELS);
                boolean other = label < 0 && names.size() == 2;
                return new ListHeader(separator, names.size(), path, other ? 1 - path : label);
            }
        }
        return null;
    }

    private static int place(List<String> names, List<String> known) {
        return known.stream()
                .mapToInt(names::indexOf)
                .filter(at -> at >= 0)
                .findFirst()
                .orElse(-1);
    }

    /**
     * Reads a line with these columns; null if it has others, or its path names no sample.
     *
     * @param isSample whether a path names one
     */
    ListEntry read(String line, Predicate<String> isSample) {
        List<String> fields = ListRecords.fields(line, separator);
        if (fields.size() != columns || !isSample.test(fields.get(path))) {
            return null;
        }
        return new ListEntry(fields.get(path), label < 0 ? "" : fields.get(label));
    }
}
