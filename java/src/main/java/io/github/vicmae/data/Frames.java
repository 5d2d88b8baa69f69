package io.github.vicmae.data;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.Video;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Frames of a video at fixed places, for evaluation and pictures; a still image counts as one frame. */
public final class Frames {
    private Frames() {}

    /** The frame in the middle, as RGB. @throws IOException if the file cannot be read; the message names path and reason */
    public static Image middle(Path path) throws IOException {
        return middle(Content.of(path), kind(path));
    }

    /** The frame in the middle, as RGB. @throws IOException if the sample cannot be read; the message has its name and the reason */
    public static Image middle(Content content, Kind kind) throws IOException {
        return spaced(content, kind, 1, 0).get(0);
    }

    /** A file of unknown kind may still be a video. */
    private static Kind kind(Path path) {
        return Kind.of(path) == Kind.IMAGE ? Kind.IMAGE : Kind.VIDEO;
    }

    /**
     * The frames in the middle of {@code count} equal parts, as RGB.
     *
     * @param shortSide the short side that frames are shrunk to, 0 for their full size
     * @throws IOException if the file cannot be read; the message names path and reason
     */
    public static List<Image> spaced(Path path, int count, int shortSide) throws IOException {
        return spaced(Content.of(path), kind(path), count, shortSide);
    }

    /** The same for a sample. */
    public static List<Image> spaced(Content content, Kind kind, int count, int shortSide) throws IOException {
        if (count < 1) {
            throw new IllegalArgumentException("At least one frame must be asked for, not " + count + ".");
        }
        List<Image> frames = new ArrayList<>(count);
        if (kind == Kind.IMAGE) {
            Image image = ImageReader.read(content, 3);
            for (int i = 0; i < count; i++) {
                frames.add(image);
            }
            return frames;
        }
        try (Video reader = Video.open(content)) {
            for (int i = 0; i < count; i++) {
                frames.add(reader.frameAt((i + 0.5) / count * reader.durationSeconds(), shortSide));
            }
        }
        return frames;
    }
}
