package io.github.vicmae.search;

import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.data.source.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is asked for: a picture, a video as the mean over its frames, or a moment of a video.
 *
 * @param text as it was given
 * @param file of the picture or video
 * @param kind what it is
 * @param seconds the moment; NaN for a picture, and for all of a video
 */
public record Query(String text, Path file, Kind kind, double seconds) {
    private static final Pattern CLOCK = Pattern.compile("(?:(?:(\\d+):)?(\\d{1,3}):)?(\\d+(?:\\.\\d+)?)s?");

    /**
     * Reads {@code picture.jpg}, {@code clip.mp4}, {@code clip.mp4@12.4} or {@code clip.mp4@1:02:03}.
     *
     * @throws IOException if there is no such file, or its name is none of a picture or video
     * @throws IllegalArgumentException if there is something else behind the last @
     */
    public static Query parse(Path given) throws IOException {
        String text = FileNames.text(given);
        int at = text.lastIndexOf('@');
        if (Files.isRegularFile(given) || at < 0) {
            return new Query(FileNames.printable(text), given, kind(given), Double.NaN);
        }
        Path file = FileNames.path(text.substring(0, at));
        if (!Files.isRegularFile(file)) {
            throw missing(given);
        }
        Kind kind = kind(file);
        Matcher matcher = CLOCK.matcher(text.substring(at + 1).trim());
        if (kind == Kind.IMAGE || !matcher.matches()) {
            throw new IllegalArgumentException("A moment of a video is asked for as clip.mp4@12.4 (seconds) or"
                    + " clip.mp4@1:02:03, not as " + FileNames.printable(text)
                    + (kind == Kind.IMAGE ? ", which is a picture" : ""));
        }
        double seconds = Double.parseDouble(matcher.group(3))
                + 60 * (matcher.group(2) == null ? 0 : Integer.parseInt(matcher.group(2)))
                + 3600 * (matcher.group(1) == null ? 0 : Integer.parseInt(matcher.group(1)));
        return new Query(FileNames.printable(text), file, kind, seconds);
    }

    private static Kind kind(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw missing(file);
        }
        Kind kind = Kind.of(file);
        if (kind == null) {
            throw new IOException(FileNames.printable(FileNames.text(file))
                    + " has none of the extensions of pictures and videos: "
                    + String.join(" ", Kind.IMAGE.extensions()) + " " + String.join(" ", Kind.VIDEO.extensions()));
        }
        return kind;
    }

    private static IOException missing(Path file) {
        return new IOException("There is no picture or video " + FileNames.printable(FileNames.text(file)));
    }

    /** The absolute path as an index has it. */
    public String location() {
        return FileNames.text(file.toAbsolutePath().normalize());
    }

    /** A moment for people: {@code 12.4 s}, {@code 1:02:03}; nothing for none. */
    public static String moment(double seconds) {
        if (Double.isNaN(seconds)) {
            return "";
        }
        if (seconds < 60) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        long whole = Math.round(seconds);
        return whole < 3600
                ? String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
    }
}
