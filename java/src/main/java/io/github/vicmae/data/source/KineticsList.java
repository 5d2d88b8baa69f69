package io.github.vicmae.data.source;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The columns of Kinetics' own annotations ({@code label,youtube_id,time_start,time_end,split,is_cc}), which name no files: a clip is stored as its id, its
 * first and its last second, {@code -3B32lodo2M_000059_000069.mp4}.
 *
 * @param columns how many there are
 * @param id which of them is the video's id
 * @param start which is the clip's first second
 * @param end which is its last second
 * @param label which is the class, -1 in the annotations of a test set
 */
record KineticsList(int columns, int id, int start, int end, int label) {
    private static final Pattern SECONDS = Pattern.compile("([0-9]{1,6})(?:\\.[0-9]*)?");

    /** The columns, or null if a list's first line names others. */
    static KineticsList of(String line) {
        List<String> names = ListRecords.fields(line.toLowerCase(Locale.ROOT), ',');
        KineticsList found = new KineticsList(
                names.size(),
                names.indexOf("youtube_id"),
                names.indexOf("time_start"),
                names.indexOf("time_end"),
                names.indexOf("label"));
        return found.id < 0 || found.start < 0 || found.end < 0 ? null : found;
    }

    /**
     * Reads a line.
     *
     * @return the clip's file name without its extension, and its class; null if the line has other columns
     */
    ListEntry read(String line) {
        List<String> fields = ListRecords.fields(line, ',');
        if (fields.size() != columns || fields.get(id).isEmpty()) {
            return null;
        }
        Matcher first = SECONDS.matcher(fields.get(start));
        Matcher last = SECONDS.matcher(fields.get(end));
        if (!first.matches() || !last.matches()) {
            return null;
        }
        String stem = String.format(
                Locale.ROOT,
                "%s_%06d_%06d",
                fields.get(id),
                Integer.parseInt(first.group(1)),
                Integer.parseInt(last.group(1)));
        return new ListEntry(stem, label < 0 ? "" : fields.get(label));
    }
}
