package io.github.vicmae.data.source;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Videos that are stored as folders with a picture for each frame, as {@code CLASS/VIDEO/000001.jpg}: every folder that holds pictures is a
 * {@linkplain FrameFolder video}. The first folder level is the class, unless it is a video itself.
 */
public final class FrameFoldersSource implements SampleSource {
    /** The frame rate where nothing says another. */
    public static final double DEFAULT_RATE = 25;

    private static final Pattern NAME = Pattern.compile("frames(?:@([0-9]{1,4}(?:\\.[0-9]{1,6})?))?:(.+)");

    private final Path root;
    private final double rate;

    /** @param rate frames a second */
    public FrameFoldersSource(Path root, double rate) {
        this.root = root;
        this.rate = rate;
    }

    /** The rate that {@code fps} of an object gives, or else the default. */
    static double rate(JsonNode of) {
        double fps = of.path("fps").asDouble(0);
        return fps > 0 && Double.isFinite(fps) ? fps : DEFAULT_RATE;
    }

    /**
     * What {@code frames:PATH} or {@code frames@RATE:PATH} stands for, or null if a path is none of these.
     *
     * @throws IOException if there is no such folder
     */
    static FrameFoldersSource named(Path path) throws IOException {
        Matcher name = NAME.matcher(path.toString());
        if (!name.matches()) {
            return null;
        }
        Path folder = Path.of(name.group(2));
        if (!Files.isDirectory(folder)) {
            throw new IOException("There is no folder " + FileNames.printable(FileNames.text(folder)) + ".");
        }
        return new FrameFoldersSource(folder, name.group(1) == null ? DEFAULT_RATE : Double.parseDouble(name.group(1)));
    }

    @Override
    public Scan scan() throws IOException {
        Set<String> folders = new TreeSet<>();
        ScanReport report = new FolderWalk(root) {
            @Override
            ScanReport.Reason take(String name, Path file) {
                if (Kind.of(name) != Kind.IMAGE) {
                    return Kind.of(name) == Kind.VIDEO ? ScanReport.Reason.NO_FRAME : ScanReport.Reason.UNKNOWN;
                }
                folders.add(name.substring(0, Math.max(0, name.lastIndexOf('/'))));
                return null;
            }
        }.walk();
        List<Found> found = new ArrayList<>();
        folders.forEach(folder -> found.add(video(folder)));
        return new Scan(found, found.stream().allMatch(f -> f.className() == null), report);
    }

    private Found video(String folder) {
        int slash = folder.indexOf('/');
        String className = slash < 0 ? null : FileNames.printable(folder.substring(0, slash));
        FrameFolder frames = new FrameFolder(folder.isEmpty() ? root : root.resolve(FileNames.path(folder)), rate);
        return new Found(folder.isEmpty() ? "." : folder, frames, Kind.VIDEO, className);
    }
}
