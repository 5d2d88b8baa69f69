package io.github.vicmae.data.source;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A JSON list of samples, as Something-Something V2 has it ({@code [{"id": "78687", "template": "Holding [something]"}, ...]}), or one object a line.
 *
 * <p>The file is what {@code path}, {@code file}, {@code file_name}, {@code filename}, {@code video}, {@code image} or {@code id} names, relative to the list's
 * folder. A name without an extension is a folder of numbered pictures ({@code fps} of them a second, or 25), or is looked for among the videos, images and such
 * folders of the list's folder and of the folders in it. Paths that leave that folder by {@code ..} are left out and counted. The class is {@code template}
 * without its brackets, {@code class_name}, {@code class} or {@code label}.
 */
public final class JsonSource implements SampleSource {
    private static final List<String> FILES = List.of("path", "file", "file_name", "filename", "video", "image", "id");
    private static final List<String> CLASSES = List.of("template", "class_name", "class", "label");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path list;
    private final Path folder;
    /** Made when it is first needed. */
    private StemIndex index;

    public JsonSource(Path list) {
        this.list = list;
        folder = list.toAbsolutePath().getParent();
    }

    static boolean isJson(Path path) {
        String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
        return name.endsWith(".json") || name.endsWith(".jsonl");
    }

    @Override
    public Scan scan() throws IOException {
        List<Found> found = new ArrayList<>();
        ScanReport report = new ScanReport();
        index = null;
        String shown = FileNames.printable(FileNames.text(list));
        try (JsonParser parser = MAPPER.createParser(list.toFile())) {
            int number = 0;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.START_OBJECT) {
                    number++;
                    add(parser.readValueAsTree(), number, found, report);
                } else if (token != JsonToken.START_ARRAY && token != JsonToken.END_ARRAY) {
                    throw new IOException("it is no list of objects, but holds "
                            + parser.currentToken()
                                    .name()
                                    .toLowerCase(Locale.ROOT)
                                    .replace('_', ' ') + " in line "
                            + parser.currentLocation().getLineNr());
                }
            }
        } catch (IOException | RuntimeException e) {
            throw new IOException("Cannot read the list " + shown + ": " + reason(e) + ".", e);
        }
        return new Scan(found, found.stream().allMatch(ListSource::isNumbered), report);
    }

    /** Jackson's messages have several lines, of which the first is the reason. */
    private static String reason(Exception e) {
        return ReadFailure.reason(e).lines().findFirst().orElse("it is no JSON");
    }

    private void add(JsonNode entry, int number, List<Found> found, ScanReport report) throws IOException {
        String name = first(entry, FILES);
        Path path = name == null ? null : path(name);
        if (path == null || FileNames.isOutside(path)) {
            Reason reason = name == null ? Reason.LINE : path == null ? Reason.MISSING : Reason.OUTSIDE;
            report.add(
                    reason,
                    FileNames.printable(
                            list.getFileName() + " entry " + number + (name == null ? "" : " (" + name + ")")));
            return;
        }
        Kind kind = Kind.of(path);
        Path file = folder.resolve(path).normalize();
        Content content = kind == null ? new FrameFolder(file, FrameFoldersSource.rate(entry)) : Content.of(file);
        String label = first(entry, CLASSES);
        found.add(new Found(
                FileNames.text(folder.relativize(file)),
                content,
                kind == null ? Kind.VIDEO : kind,
                label == null ? null : FileNames.printable(plain(label))));
    }

    private static String first(JsonNode entry, List<String> names) {
        for (String name : names) {
            JsonNode value = entry.path(name);
            if (value.isTextual() && !value.asText().isBlank() || value.isIntegralNumber()) {
                return value.asText().strip();
            }
        }
        return null;
    }

    private static String plain(String template) {
        return template.replace("[", "").replace("]", "");
    }

    /** The file or folder of frames that a name stands for, or null if there is none. */
    private Path path(String name) throws IOException {
        try {
            Path path = FileNames.path(name);
            if (Kind.of(name) != null || FileNames.isOutside(path)) {
                return path;
            }
            if (name.contains("/")) {
                return FrameFolder.is(folder.resolve(path)) ? path : null;
            }
        } catch (InvalidPathException e) {
            return null;
        }
        if (index == null) {
            index = new StemIndex(folder, Set.of(Kind.values()), 1);
        }
        Path found = index.get(name);
        return found != null && (Kind.of(found) != null || FrameFolder.is(found)) ? found : null;
    }
}
