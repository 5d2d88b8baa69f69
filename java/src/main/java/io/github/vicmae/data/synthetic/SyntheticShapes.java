package io.github.vicmae.data.synthetic;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.video.VideoWriter;
import io.github.vicmae.kernel.Philox;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * A small data set that needs no download: clips and pictures of eight moving, deforming shapes, rendered from a seed.
 *
 * <p>Colours, backgrounds, places, sizes and distractors are drawn for each scene number, the same for every class, so that they say nothing
 * about the class: only the outline and its motion do.
 */
public final class SyntheticShapes {
    private static final String MARKER = "synthetic-shapes.txt";
    private static final Set<String> OWN = Set.of("train", "test", MARKER);
    private static final int TRAIN_CLIPS = 0;
    private static final int TRAIN_IMAGES = 1;
    private static final int TEST_CLIPS = 2;

    /**
     * The size of the data set.
     *
     * @param size rows and columns of every frame, even, at least 16
     * @param minFrames smallest number of frames per clip
     * @param maxFrames largest number of frames per clip
     * @param framesPerSecond of the clips
     * @param trainClips clips per class for training
     * @param trainImages images per class for training
     * @param testClips clips per class for testing
     */
    public record Settings(
            int size,
            int minFrames,
            int maxFrames,
            int framesPerSecond,
            int trainClips,
            int trainImages,
            int testClips) {
        /** 640 clips and 128 images for training, 192 clips for testing, 64 pixels, 3 to 4 seconds. */
        public static final Settings DEFAULT = new Settings(64, 24, 32, 8, 80, 16, 24);

        /** 16 clips and 8 images for training, 8 clips for testing, to see whether something works. */
        public static final Settings FEW = new Settings(64, 18, 20, 8, 2, 1, 1);

        public Settings {
            if (size < 16 || size % 2 != 0) {
                throw new IllegalArgumentException("The frames' size must be even and at least 16, not " + size + ".");
            }
            if (minFrames < 1 || maxFrames < minFrames || framesPerSecond < 1) {
                throw new IllegalArgumentException(
                        "Frames a clip must be a range from 1 on and their rate positive, not " + minFrames + " to "
                                + maxFrames + " at " + framesPerSecond + ".");
            }
            if (trainClips < 0 || trainImages < 0 || testClips < 0) {
                throw new IllegalArgumentException("The numbers of clips and images must not be negative.");
            }
        }
    }

    private SyntheticShapes() {}

    /** The classes' names, sorted. */
    public static List<String> classNames() {
        return Arrays.stream(ShapeKind.values()).map(ShapeKind::label).toList();
    }

    /**
     * Renders the data set to {@code dir/train/CLASS/*.mp4, *.png, *.jpg} and {@code dir/test/CLASS/*.mp4}. The same seed and settings give
     * the same files; a folder that already holds all of them is left unchanged.
     *
     * @throws IOException if the folder holds something else, or cannot be written
     */
    public static void write(Path dir, long seed, Settings settings) throws IOException {
        String description = "Synthetic shapes, version 2, seed " + seed + ", " + settings + "\n";
        if (isComplete(dir, description)) {
            return;
        }
        for (ShapeKind kind : ShapeKind.values()) {
            Path train = Files.createDirectories(dir.resolve("train").resolve(kind.label()));
            Path test = Files.createDirectories(dir.resolve("test").resolve(kind.label()));
            for (int i = 0; i < settings.trainClips; i++) {
                writeClip(train.resolve(name("clip", i, "mp4")), kind, seed, TRAIN_CLIPS, i, settings);
            }
            for (int i = 0; i < settings.trainImages; i++) {
                String format = i % 2 == 0 ? "png" : "jpg";
                Image image = new ShapeScene(seed, TRAIN_IMAGES, i).render(kind, settings.size, 0);
                writeImage(train.resolve(name("image", i, format)), image, format);
            }
            for (int i = 0; i < settings.testClips; i++) {
                writeClip(test.resolve(name("clip", i, "mp4")), kind, seed, TEST_CLIPS, i, settings);
            }
        }
        // Written last: it marks the set as complete.
        Files.writeString(dir.resolve(MARKER), description, StandardCharsets.UTF_8);
    }

    private static boolean isComplete(Path dir, String description) throws IOException {
        if (!Files.exists(dir)) {
            return false;
        }
        if (!Files.isDirectory(dir)) {
            throw new IOException("Cannot render shapes to " + dir + ": it is a file.");
        }
        Path marker = dir.resolve(MARKER);
        if (Files.exists(marker)) {
            String found = Files.readString(marker, StandardCharsets.UTF_8);
            if (!found.equals(description)) {
                throw new IOException("Cannot render shapes to " + dir + ": it holds another set (" + found.strip()
                        + "); remove it or name another folder.");
            }
            return true;
        }
        try (Stream<Path> entries = Files.list(dir)) {
            if (entries.anyMatch(e -> !OWN.contains(e.getFileName().toString()))) {
                throw new IOException(
                        "Cannot render shapes to " + dir + ": it holds other files; name an empty folder.");
            }
        }
        return false;
    }

    private static String name(String what, int number, String extension) {
        return String.format(Locale.ROOT, "%s%04d.%s", what, number, extension);
    }

    private static void writeClip(Path path, ShapeKind kind, long seed, int part, int number, Settings settings)
            throws IOException {
        Ffmpeg.require(); // before the writer's class is loaded, which uses FFmpeg's classes
        ShapeScene scene = new ShapeScene(seed, part, number);
        int frames = settings.minFrames
                + new Philox(seed, part, number, 2).nextInt(settings.maxFrames - settings.minFrames + 1);
        try (VideoWriter writer = new VideoWriter(
                path, VideoWriter.Settings.of(settings.size, settings.size, settings.framesPerSecond))) {
            for (int i = 0; i < frames; i++) {
                writer.write(scene.render(kind, settings.size, (double) i / settings.framesPerSecond));
            }
        }
    }

    private static void writeImage(Path path, Image image, String format) throws IOException {
        BufferedImage picture = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                picture.setRGB(x, y, image.get(x, y, 0) << 16 | image.get(x, y, 1) << 8 | image.get(x, y, 2));
            }
        }
        if (!ImageIO.write(picture, format, path.toFile())) {
            throw new IOException(
                    "Cannot write the picture " + path + ": this Java runtime has no encoder for " + format + ".");
        }
    }
}
