package io.github.vicmae.data.source;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;

/**
 * The samples of a tar file, as WebDataset lays them out: files whose names are the same up to the first dot belong together, {@code 000017.jpg} and
 * {@code 000017.cls}. The class is the content of {@code .cls} (or {@code .txt} where there is no other), or {@code label}, {@code class} or {@code
 * class_name} of {@code .json}; without these it is the first folder within the file, if there is one, as in a data set that was packed as it lay.
 * Pictures with a number, {@code 000017.0001.jpg}, {@code 000017.0002.jpg}, are the frames of one video, {@code fps} of {@code .json} a second.
 *
 * <p>Nothing is unpacked: a sample's content is a part of the tar file. Entries are never written anywhere, so that their paths can do no harm; links are
 * left out.
 */
public final class TarSource implements SampleSource {
    /** Larger files beside a sample are no labels. */
    private static final int MOST_LABEL_BYTES = 1 << 16;

    /** The extension of a frame: its number, and a picture's. */
    private static final Pattern FRAME = Pattern.compile("([0-9]{1,9})\\.(?:jpe?g|png|webp)");

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path file;
    private final String prefix;
    private final String className;

    public TarSource(Path file) {
        this(file, "", null);
    }

    /**
     * @param prefix stands before the samples' ids
     * @param className the class of samples that say none themselves
     */
    TarSource(Path file, String prefix, String className) {
        this.file = file;
        this.prefix = prefix;
        this.className = className;
    }

    static boolean isTar(Path path) {
        Path name = path.getFileName();
        return name != null && name.toString().toLowerCase(Locale.ROOT).endsWith(".tar");
    }

    /** The files of one key. */
    private static final class Group {
        private final List<TarArchiveEntry> media = new ArrayList<>();
        /** By their numbers. */
        private final TreeMap<Integer, TarArchiveEntry> frames = new TreeMap<>();

        private final Map<String, TarArchiveEntry> labels = new LinkedHashMap<>();
    }

    @Override
    public Scan scan() throws IOException {
        ScanReport report = new ScanReport();
        List<Found> found = new ArrayList<>();
        String shown = FileNames.printable(FileNames.text(file));
        try (TarFile tar = new TarFile(file)) {
            Map<String, Group> groups = new LinkedHashMap<>();
            for (TarArchiveEntry entry : tar.getEntries()) {
                add(entry, groups, report);
            }
            for (Map.Entry<String, Group> entry : groups.entrySet()) {
                Group group = entry.getValue();
                if (group.media.isEmpty() && group.frames.isEmpty()) {
                    report.add(Reason.LABEL, inside(entry.getKey()));
                    continue;
                }
                Notes notes = notes(tar, group);
                for (TarArchiveEntry media : group.media) {
                    String name = clean(media.getName());
                    Content content = new FilePart(file, inside(name), media.getDataOffset(), media.getSize());
                    found.add(found(name, content, Kind.of(name), notes));
                }
                if (!group.frames.isEmpty()) {
                    found.add(found(entry.getKey(), frames(entry.getKey(), group, notes), Kind.VIDEO, notes));
                }
            }
        } catch (IOException | RuntimeException e) {
            throw new IOException("Cannot read the tar file " + shown + ": " + ReadFailure.reason(e) + ".", e);
        }
        return new Scan(found, found.stream().allMatch(ListSource::isNumbered), report);
    }

    private void add(TarArchiveEntry entry, Map<String, Group> groups, ScanReport report) {
        if (entry.isDirectory()) {
            return;
        }
        String name = clean(entry.getName());
        String base = name.substring(name.lastIndexOf('/') + 1);
        int dot = base.indexOf('.');
        if (List.of(name.split("/")).contains("..")) {
            report.add(Reason.OUTSIDE, inside(name));
            return;
        }
        if (base.startsWith(".")) {
            report.add(Reason.HIDDEN, inside(name));
            return;
        }
        if (entry.isSymbolicLink() || entry.isLink() || entry.isSparse()) {
            report.add(Reason.LINK, inside(name));
            return;
        }
        if (!entry.isFile() || dot < 0) {
            report.add(Reason.UNKNOWN, inside(name));
            return;
        }
        String key = name.substring(0, name.length() - base.length() + dot);
        String extension = base.substring(dot + 1).toLowerCase(Locale.ROOT);
        Matcher frame = FRAME.matcher(extension);
        if (frame.matches()) {
            groups.computeIfAbsent(key, k -> new Group()).frames.put(Integer.parseInt(frame.group(1)), entry);
        } else if (Kind.of(name) != null) {
            groups.computeIfAbsent(key, k -> new Group()).media.add(entry);
        } else if (List.of("cls", "json", "txt").contains(extension) && entry.getSize() <= MOST_LABEL_BYTES) {
            groups.computeIfAbsent(key, k -> new Group()).labels.put(extension, entry);
        } else {
            report.add(Reason.UNKNOWN, inside(name));
        }
    }

    private String inside(String name) {
        return FileNames.printable(FileNames.text(file.getFileName()) + "/" + name);
    }

    private static String clean(String name) {
        String path = name.replace('\\', '/');
        int start = 0;
        while (path.startsWith("/", start) || path.startsWith("./", start)) {
            start += path.charAt(start) == '/' ? 1 : 2;
        }
        return path.substring(start);
    }

    private Found found(String name, Content content, Kind kind, Notes notes) {
        int slash = name.indexOf('/');
        String folder = slash < 0 ? className : FileNames.printable(name.substring(0, slash));
        return new Found(prefix + name, content, kind, notes.className != null ? notes.className : folder);
    }

    private Content frames(String key, Group group, Notes notes) {
        long[] offsets = group.frames.values().stream()
                .mapToLong(TarArchiveEntry::getDataOffset)
                .toArray();
        long[] sizes = group.frames.values().stream()
                .mapToLong(TarArchiveEntry::getSize)
                .toArray();
        return new FrameEntries(file, inside(key), offsets, sizes, notes.rate);
    }

    /**
     * What the files beside a sample say of it.
     *
     * @param className null if they say none
     * @param rate of its frames
     */
    private record Notes(String className, double rate) {}

    private static Notes notes(TarFile tar, Group group) throws IOException {
        JsonNode json = MissingNode.getInstance();
        if (group.labels.containsKey("json")) {
            try {
                json = MAPPER.readTree(text(tar, group.labels.get("json")));
            } catch (JsonProcessingException e) {
                json = MissingNode.getInstance(); // it describes the sample in some other way
            }
        }
        String label = line(json.path("class_name"));
        for (String extension : List.of("cls", "txt")) {
            if (label == null && group.labels.containsKey(extension)) {
                String text = text(tar, group.labels.get(extension));
                label = text.isEmpty() || text.lines().count() > 1 ? null : text;
            }
            for (String name : List.of("class", "label")) {
                label = label == null ? line(json.path(name)) : label;
            }
        }
        return new Notes(label == null ? null : FileNames.printable(label), FrameFoldersSource.rate(json));
    }

    private static String text(TarFile tar, TarArchiveEntry entry) throws IOException {
        try (InputStream in = tar.getInputStream(entry)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    private static String line(JsonNode value) {
        boolean one = value.isValueNode() && !value.isNull() && !value.asText().isBlank();
        return one && value.asText().lines().count() == 1 ? value.asText().strip() : null;
    }
}
