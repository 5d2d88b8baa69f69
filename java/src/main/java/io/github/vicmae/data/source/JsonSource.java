package io.github.vicmae.data.source;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A JSON list of samples, as Something-Something V2 has it ({@code [{"id": "78687", "template": "Holding [something]"}, ...]}), or one object a line.
 *
 * <p>The file is what {@code path}, {@code file}, {@code file_name}, {@code filename}, {@code video}, {@code image} or {@code id} names, relative to the list's
 * folder. A name without an extension is looked for among the videos and images of that folder and of the folders in it. The class is {@code template} without
 * its brackets, {@code class_name}, {@code class} or {@code label}.
 */
public final class JsonSource implements SampleSource {
    private static final List<String> FILES = List.of("path", "file", "file_name", "filename", "video", "image", "id");
    private static final List<String> CLASSES = List.of("template", "class_name", "class", "label");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path list;
    private final Path folder;
    /** Videos and images by their names without extensions; made when it is first needed. */
    private Map<String, Path> byStem;

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
        byStem = null;
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
        Path file = name == null ? null : file(name);
        if (file == null) {
            report.add(
                    name == null ? Reason.LINE : Reason.MISSING,
                    FileNames.printable(
                            list.getFileName() + " entry " + number + (name == null ? "" : " (" + name + ")")));
            return;
        }
        String label = first(entry, CLASSES);
        String id = FileNames.text(folder.relativize(file));
        found.add(new Found(
                id, Content.of(file), Kind.of(file), label == null ? null : FileNames.printable(plain(label))));
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

    /** The file that a name stands for, or null if there is none. */
    private Path file(String name) throws IOException {
        if (Kind.of(name) != null) {
            try {
                return folder.resolve(FileNames.path(name)).normalize();
            } catch (InvalidPathException e) {
                return null;
            }
        }
        if (byStem == null) {
            byStem = new TreeMap<>();
            collect(folder);
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(folder, Files::isDirectory)) {
                for (Path inner : folders) {
                    collect(inner);
                }
            }
        }
        return byStem.get(name);
    }

    private void collect(Path from) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
            for (Path file : files) {
                if (Kind.of(file) != null) {
                    String name = FileNames.text(file.getFileName());
                    byStem.putIfAbsent(name.substring(0, name.lastIndexOf('.')), file);
                }
            }
        }
    }
}
