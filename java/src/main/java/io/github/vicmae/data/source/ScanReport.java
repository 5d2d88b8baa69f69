package io.github.vicmae.data.source;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What was left out when data was looked for, and why: counted, with the first few named. Built by one thread, and not changed once the
 * {@link Dataset} is made.
 */
public final class ScanReport {
    private static final int NAMED = 3;

    /** Why something was left out. */
    public enum Reason {
        /** A file or folder that is hidden, or kept by a system beside the data: {@code .git}, {@code @eaDir}, {@code .DS_Store}. */
        HIDDEN("hidden", "hidden file or folder", "hidden files or folders"),
        /** A file whose extension is neither a video's nor an image's. */
        UNKNOWN("unknown", "file of an unknown kind", "files of unknown kinds"),
        /** A file whose extension is a video's and whose content is not: TypeScript in {@code .ts}. */
        OTHER_CONTENT(
                "other_content",
                "file that is no video in spite of its name",
                "files that are no videos in spite of their names"),
        /** A folder or file that could not be looked at. */
        UNREADABLE("unreadable", "folder or file that cannot be read", "folders or files that cannot be read"),
        /** A link that leads back to a folder above it. */
        LOOP("loop", "link that leads back to a folder above it", "links that lead back to a folder above them"),
        /** A video in a folder of folders of frames. */
        NO_FRAME("no_frame", "file that is no frame", "files that are no frames"),
        /** A link, or a file with holes, in a tar file. */
        LINK("link", "link or sparse file in a tar file", "links or sparse files in tar files"),
        /** A path in a tar file or a list that leads out of it, by way of {@code ..}. */
        OUTSIDE(
                "outside",
                "path that leads out of its archive or list",
                "paths that lead out of their archive or list"),
        /** A label in a tar file that no picture or video goes with. */
        LABEL("label", "label without a picture or video", "labels without pictures or videos"),
        /** A line of a list that names no video or image. */
        LINE("list_line", "list line that names no video or image", "list lines that name no video or image"),
        /** An entry of a JSON list whose video or image is not there. */
        MISSING("missing", "entry without a file", "entries without files");

        private final String key;
        private final String one;
        private final String many;

        Reason(String key, String one, String many) {
            this.key = key;
            this.one = one;
            this.many = many;
        }

        /** Its name in metrics. */
        public String key() {
            return key;
        }
    }

    private final Map<Reason, Integer> counts = new EnumMap<>(Reason.class);
    private final Map<Reason, List<String>> names = new EnumMap<>(Reason.class);

    /** @param name what is left out, on one line, and if it helps why */
    void add(Reason reason, String name) {
        counts.merge(reason, 1, Integer::sum);
        List<String> named = names.computeIfAbsent(reason, r -> new ArrayList<>());
        if (named.size() < NAMED) {
            named.add(name);
        }
    }

    void addAll(ScanReport other) {
        other.counts.forEach((reason, count) -> counts.merge(reason, count, Integer::sum));
        other.names.forEach((reason, named) -> {
            List<String> own = names.computeIfAbsent(reason, r -> new ArrayList<>());
            own.addAll(named.subList(0, Math.min(named.size(), NAMED - own.size())));
        });
    }

    /** How many of one reason. */
    public int count(Reason reason) {
        return counts.getOrDefault(reason, 0);
    }

    /** How many of all reasons. */
    public int count() {
        return counts.values().stream().mapToInt(Integer::intValue).sum();
    }

    /** The counts that are not zero, by {@link Reason#key()}: a line of metrics. */
    public Map<String, Integer> counts() {
        Map<String, Integer> byKey = new LinkedHashMap<>();
        counts.forEach((reason, count) -> byKey.put(reason.key, count));
        return byKey;
    }

    /** A sentence for each reason that occurred: how many, and the first few by name. Empty if nothing was left out. */
    public List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        counts.forEach((reason, count) -> {
            List<String> named = names.get(reason);
            sentences.add(String.format(
                    Locale.ROOT,
                    "Left out %d %s: %s%s.",
                    count,
                    count == 1 ? reason.one : reason.many,
                    String.join(", ", named),
                    count > named.size() ? ", ..." : ""));
        });
        return sentences;
    }
}
