package io.github.vicmae.data.source;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;

/**
 * The samples of a tar file, as WebDataset lays them out: files whose names are the same up to the first dot belong together, {@code 000017.jpg} and
 * {@code 000017.cls}. The class is the content of {@code .cls} (or {@code .txt} where there is no other), or {@code label}, {@code class} or {@code
 * class_name} of {@code .json}; without these it is the first folder within the file, if there is one, as in a data set that was packed as it lay.
 *
 * <p>Nothing is unpacked: a sample's content is a part of the tar file. Entries are never written anywhere, so that their paths can do no harm; links are
 * left out.
 */
public final class TarSource implements SampleSource {
    /** Larger files beside a sample are no labels. */
    private static final int MOST_LABEL_BYTES = 1 << 16;

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
                if (group.media.isEmpty()) {
                    report.add(Reason.LABEL, inside(entry.getKey()));
                    continue;
                }
                String label = label(tar, group);
                for (TarArchiveEntry media : group.media) {
                    found.add(found(media, label));
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
        if (Kind.of(name) != null) {
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
        return name.replace('\\', '/').replaceAll("^(\\./|/)+", "");
    }

    private Found found(TarArchiveEntry media, String label) {
        String name = clean(media.getName());
        int slash = name.indexOf('/');
        String folder = slash < 0 ? className : FileNames.printable(name.substring(0, slash));
        Content content = new FilePart(file, inside(name), media.getDataOffset(), media.getSize());
        return new Found(prefix + name, content, Kind.of(name), label != null ? label : folder);
    }

    /** What the files beside a sample say of its class, or null. */
    private static String label(TarFile tar, Group group) throws IOException {
        for (String extension : List.of("cls", "json", "txt")) {
            TarArchiveEntry entry = group.labels.get(extension);
            if (entry == null) {
                continue;
            }
            String text;
            try (InputStream in = tar.getInputStream(entry)) {
                text = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
            }
            String label = extension.equals("json") ? ofJson(text) : text;
            if (label != null && !label.isEmpty() && label.lines().count() == 1) {
                return FileNames.printable(label);
            }
        }
        return null;
    }

    private static String ofJson(String text) {
        try {
            JsonNode node = MAPPER.readTree(text);
            for (String name : List.of("class_name", "class", "label")) {
                if (node.path(name).isValueNode() && !node.path(name).isNull()) {
                    return node.path(name).asText();
                }
            }
        } catch (IOException e) {
            return null; // it describes the sample in some other way
        }
        return null;
    }
}
