package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A file that was embedded, or that could not be.
 *
 * @param path as it was given, whatever bytes it holds: see {@link io.github.vicmae.data.source.FileNames}
 * @param bytes its size, -1 if that is not known
 * @param modified when it was last changed, in milliseconds since 1970; 0 if that was not looked at
 * @param isVideo whether it is a video, not an image
 * @param className null if it has no class
 * @param times of its rows in the video, in seconds; null if it has one row that stands for all of it
 * @param rows that it has, 0 if it could not be read
 * @param failure why it could not be read, or null
 */
public record EmbeddedFile(
        String path,
        long bytes,
        long modified,
        boolean isVideo,
        String className,
        double[] times,
        int rows,
        String failure) {

    /** The time of a row in seconds; NaN for a row that stands for all of the file. */
    public double time(int row) {
        return times == null ? Double.NaN : times[row];
    }

    /** The same file, as its state on disk is known by size, and by the time of its last change where both have one. */
    boolean isSame(long otherBytes, long otherModified) {
        return bytes == otherBytes && (modified == 0 || otherModified == 0 || modified == otherModified);
    }

    Map<String, Object> tree() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("path", path);
        tree.put("bytes", bytes);
        if (modified != 0) {
            tree.put("modified", modified);
        }
        tree.put("video", isVideo);
        if (className != null) {
            tree.put("class", className);
        }
        if (times != null) {
            tree.put("times", Arrays.stream(times).boxed().toList());
        }
        tree.put("rows", rows);
        if (failure != null) {
            tree.put("failure", failure);
        }
        return tree;
    }

    static EmbeddedFile of(JsonNode node) {
        double[] times = null;
        if (node.path("times").isArray()) {
            times = new double[node.get("times").size()];
            for (int i = 0; i < times.length; i++) {
                times[i] = node.get("times").get(i).asDouble();
            }
        }
        return new EmbeddedFile(
                node.path("path").asText(),
                node.path("bytes").asLong(-1),
                node.path("modified").asLong(),
                node.path("video").asBoolean(),
                node.path("class").asText(null),
                times,
                node.path("rows").asInt(),
                node.path("failure").asText(null));
    }
}
