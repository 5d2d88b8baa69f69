package io.github.vicmae.data.source;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A video that is stored as a folder with a picture for each frame. The pictures are in the order of the numbers in their names, {@code img_2.jpg}
 * before {@code img_10.jpg}; they are looked for when the video is opened, so that a data set of many does not hold the names of all frames.
 *
 * @param path the folder
 * @param rate frames a second
 */
public record FrameFolder(Path path, double rate) implements FrameList {
    private static final Pattern NUMBER = Pattern.compile("\\d+");

    public FrameFolder {
        if (!(rate > 0) || Double.isInfinite(rate)) {
            throw new IllegalArgumentException("Frames need a positive rate, not " + rate + " a second.");
        }
    }

    /** Whether a path is a folder with pictures that have numbers. */
    static boolean is(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return false;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                if (Kind.of(file) == Kind.IMAGE
                        && NUMBER.matcher(FileNames.text(file.getFileName())).find()) {
                    return true;
                }
            }
            return false;
        }
    }

    @Override
    public String name() {
        return FileNames.printable(location());
    }

    @Override
    public String location() {
        return FileNames.text(path);
    }

    @Override
    public Path shard() {
        return FileNames.folder(path);
    }

    @Override
    public List<Content> frames() throws IOException {
        return paths().stream().map(Content::of).toList();
    }

    private List<Path> paths() throws IOException {
        List<Path> frames = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                if (Kind.of(file) == Kind.IMAGE) {
                    frames.add(file);
                }
            }
        }
        if (frames.isEmpty()) {
            throw new IOException("the folder holds no picture");
        }
        frames.sort(Comparator.comparing((Path f) -> FileNames.text(f.getFileName()), FrameFolder::compareNumbers)
                .thenComparing(f -> FileNames.text(f.getFileName())));
        return frames;
    }

    /** Compares the numbers in two names, one after the other; what stands between them does not count. */
    private static int compareNumbers(String a, String b) {
        Matcher first = NUMBER.matcher(a);
        Matcher second = NUMBER.matcher(b);
        while (first.find() && second.find()) {
            int order = new BigInteger(first.group()).compareTo(new BigInteger(second.group()));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    /** The number of frames: what tells a folder from another one without looking at each file. */
    @Override
    public long size() throws IOException {
        return paths().size();
    }
}
