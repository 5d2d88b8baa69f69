package io.github.vicmae.data.source;

import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A text file that names samples, one a line, as Kinetics, VideoMAE, Python's {@code csv} and pandas write it.
 *
 * <ul>
 *   <li>{@code path label}, separated by a tab, a comma or spaces; the path may hold any of them, since it ends at its extension, and the label
 *       may be several words. It may be missing, or -1: then the sample has no class.
 *   <li>{@code path start label} with two whole numbers, as VideoMAE has it: the last one is the label.
 *   <li>Fields in double quotes may hold anything, also line breaks; {@code ""} stands for a quote.
 *   <li>A first line without a path that names its columns ({@code path,label}, {@code ,video,class}) says which of them count.
 *   <li>A path may be a folder of numbered pictures: a video of {@linkplain FrameFoldersSource#DEFAULT_RATE 25} frames a second.
 *   <li>Kinetics' own annotations ({@code label,youtube_id,time_start,time_end,split,is_cc}) name the clips that are stored as {@code
 *       ID_000010_000020.mp4}, in seconds, in the list's folder or at most two levels below it.
 * </ul>
 *
 * <p>Relative paths start at the list's folder; those that leave it by {@code ..} are left out and counted, as are clips that are not there. Empty lines
 * and lines that start with {@code #} are passed over; other lines that name no sample are left out and counted. The text is UTF-8, or UTF-16 with a byte
 * order mark; names in another encoding are taken byte by byte.
 */
public final class ListSource implements SampleSource {
    private static final Set<String> EXTENSIONS = Set.of("csv", "tsv", "txt", "list");
    /** A larger number would make a table of class names that size. */
    private static final int MAX_LABEL = 1_000_000;

    /** Of a line that names a folder of frames. */
    private static final int MOST_WORDS = 16;

    private static final int SHOWN = 60;

    private final Path list;
    private final Path folder;

    public ListSource(Path list) {
        this.list = list;
        folder = list.toAbsolutePath().getParent();
    }

    static boolean isList(Path path) {
        String name =
                path.getFileName() == null ? "" : path.getFileName().toString().toLowerCase(Locale.ROOT);
        return EXTENSIONS.contains(name.substring(name.lastIndexOf('.') + 1));
    }

    @Override
    public Scan scan() throws IOException {
        String text;
        try {
            text = text(Files.readAllBytes(list));
        } catch (IOException e) {
            throw new IOException(
                    "Cannot read the list " + FileNames.printable(FileNames.text(list)) + ": " + ReadFailure.reason(e)
                            + ".",
                    e);
        }
        List<Found> found = new ArrayList<>();
        ScanReport report = new ScanReport();
        ListHeader header = null;
        KineticsList kinetics = null;
        StemIndex clips = null;
        boolean first = true;
        for (ListRecords.Line line : ListRecords.split(text)) {
            if (line.text().isBlank() || line.text().startsWith("#")) {
                continue;
            }
            if (first) {
                first = false;
                kinetics = KineticsList.of(line.text());
                header = ListHeader.of(line.text());
                if (kinetics != null) {
                    clips = new StemIndex(folder, Set.of(Kind.VIDEO), 2);
                }
                if (kinetics != null || header != null) {
                    continue;
                }
            }
            Reason leftOut = kinetics != null
                    ? take(kinetics.read(line.text()), clips, found)
                    : take(entry(line.text(), header), found);
            if (leftOut != null) {
                report.add(leftOut, list.getFileName() + " line " + line.number() + " (" + shown(line.text()) + ")");
            }
        }
        return new Scan(found, found.stream().allMatch(ListSource::isNumbered), report);
    }

    private static String text(byte[] bytes) {
        if (bytes.length >= 2) {
            int mark = (bytes[0] & 0xFF) << 8 | bytes[1] & 0xFF;
            Charset wide =
                    mark == 0xFFFE ? StandardCharsets.UTF_16LE : mark == 0xFEFF ? StandardCharsets.UTF_16BE : null;
            if (wide != null) {
                return new String(bytes, 2, bytes.length - 2, wide);
            }
        }
        String text = FileNames.decode(bytes);
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }

    private ListEntry entry(String line, ListHeader header) {
        ListEntry entry = header == null ? null : header.read(line, path -> isFile(path) || isFrameFolder(path));
        entry = entry == null ? ListEntry.parse(line, ListSource::isFile) : entry;
        // Each place where a folder's name might end costs a look at the disk.
        boolean few =
                line.chars().filter(c -> c == ' ' || c == ',' || c == '\t').count() <= MOST_WORDS;
        return entry == null && few ? ListEntry.parse(line, this::isFrameFolder) : entry;
    }

    private static boolean isFile(String path) {
        return Kind.of(path) != null;
    }

    private boolean isFrameFolder(String path) {
        try {
            return FrameFolder.is(folder.resolve(FileNames.path(path)));
        } catch (IOException | InvalidPathException e) {
            return false;
        }
    }

    /** Takes what an entry names; returns why it is left out, or null. */
    private Reason take(ListEntry entry, List<Found> found) {
        Kind kind = entry == null ? null : Kind.of(entry.path());
        if (entry == null || kind == null && !isFrameFolder(entry.path())) {
            return Reason.LINE;
        }
        try {
            Path path = FileNames.path(entry.path());
            if (FileNames.isOutside(path)) {
                return Reason.OUTSIDE;
            }
            Path file = folder.resolve(path);
            Content content = kind == null ? new FrameFolder(file, FrameFoldersSource.DEFAULT_RATE) : Content.of(file);
            found.add(new Found(entry.path(), content, kind == null ? Kind.VIDEO : kind, className(entry)));
            return null;
        } catch (InvalidPathException e) {
            return Reason.LINE;
        }
    }

    private Reason take(ListEntry clip, StemIndex clips, List<Found> found) {
        Path file = clip == null ? null : clips.get(clip.path());
        if (file == null || Kind.of(file) == null) {
            return clip == null ? Reason.LINE : Reason.MISSING;
        }
        found.add(new Found(FileNames.text(folder.relativize(file)), Content.of(file), Kind.VIDEO, className(clip)));
        return null;
    }

    private static String className(ListEntry entry) {
        String label = entry.label().strip();
        return label.isEmpty() || label.equals("-1") ? null : FileNames.printable(label);
    }

    private static String shown(String line) {
        return line.length() <= SHOWN
                ? FileNames.printable(line)
                : FileNames.printable(line.substring(0, SHOWN)) + "...";
    }

    /** Whether a sample has no label, or one that is a whole number and can serve as the class number itself. */
    static boolean isNumbered(Found sample) {
        String label = sample.className();
        return label == null || label.matches("[0-9]{1,7}") && Integer.parseInt(label) <= MAX_LABEL;
    }
}
