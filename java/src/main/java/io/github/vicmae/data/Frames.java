package io.github.vicmae.data;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.VideoReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Frames of a video at fixed places, for evaluation and pictures; a still image counts as one frame. */
public final class Frames {
    private Frames() {}

    /** The frame in the middle, as RGB. @throws IOException if the file cannot be read; the message names path and reason */
    public static Image middle(Path path) throws IOException {
        return spaced(path, 1, 0).get(0);
    }

    /**
     * Frames in the middles of {@code count} equal parts, as RGB.
     *
     * @param shortSide the short side that frames are shrunk to, 0 for their full size
     * @throws IOException if the file cannot be read; the message names path and reason
     */
    public static List<Image> spaced(Path path, int count, int shortSide) throws IOException {
        if (count < 1) {
            throw new IllegalArgumentException("At least one frame must be asked for, not " + count + ".");
        }
        List<Image> frames = new ArrayList<>(count);
        if (Kind.of(path) == Kind.IMAGE) {
            Image image = ImageReader.read(path, 3);
            for (int i = 0; i < count; i++) {
                frames.add(image);
            }
            return frames;
        }
        try (VideoReader reader = VideoReader.open(path)) {
            for (int i = 0; i < count; i++) {
                frames.add(reader.frameAt((i + 0.5) / count * reader.durationSeconds(), shortSide));
            }
        }
        return frames;
    }
}
