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
 * </ul>
 *
 * <p>Relative paths start at the list's folder. Empty lines and lines that start with {@code #} are passed over; other lines whose path has no
 * known extension are left out and counted. The text is UTF-8, or UTF-16 with a byte order mark; names in another encoding are taken byte by
 * byte.
 */
public final class ListSource implements SampleSource {
    private static final Set<String> EXTENSIONS = Set.of("csv", "tsv", "txt", "list");
    /** A larger number would make a table of class names that size. */
    private static final int MAX_LABEL = 1_000_000;

    private static final int SHOWN = 60;

    private final Path list;

    public ListSource(Path list) {
        this.list = list;
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
        Path folder = list.toAbsolutePath().getParent();
        List<Found> found = new ArrayList<>();
        ScanReport report = new ScanReport();
        ListHeader header = null;
        boolean first = true;
        for (ListRecords.Line line : ListRecords.split(text)) {
            if (line.text().isBlank() || line.text().startsWith("#")) {
                continue;
            }
            if (first) {
                first = false;
                header = ListHeader.of(line.text());
                if (header != null) {
                    continue;
                }
            }
            ListEntry entry = header == null ? null : header.read(line.text());
            Found sample = found(entry == null ? ListEntry.parse(line.text()) : entry, folder);
            if (sample == null) {
                report.add(
                        Reason.LINE, list.getFileName() + " line " + line.number() + " (" + shown(line.text()) + ")");
            } else {
                found.add(sample);
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

    private static Found found(ListEntry entry, Path folder) {
        Kind kind = entry == null ? null : Kind.of(entry.path());
        if (kind == null) {
            return null;
        }
        String label = entry.label().strip();
        try {
            Path path = folder.resolve(FileNames.path(entry.path()));
            boolean none = label.isEmpty() || label.equals("-1");
            return new Found(entry.path(), Content.of(path), kind, none ? null : FileNames.printable(label));
        } catch (InvalidPathException e) {
            return null;
        }
    }

    private static String shown(String line) {
        String text = FileNames.printable(line);
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
    }

    /** Whether a sample has no label, or one that is a whole number and can serve as the class number itself. */
    static boolean isNumbered(Found sample) {
        String label = sample.className();
        return label == null || label.matches("[0-9]{1,7}") && Integer.parseInt(label) <= MAX_LABEL;
    }
}
