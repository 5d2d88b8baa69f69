package io.github.vicmae.embed;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * What is said of the rows beside them, as JSON: the settings, the names of the classes, for each row its path, class, time and file size, and the files
 * that could not be read. All of it is ASCII: a byte of a file name that is no UTF-8 is written as Python's surrogateescape has it, so that
 * {@code os.fsencode} gives the name's bytes.
 */
final class RowDocument {
    private static final ObjectMapper MAPPER = JsonMapper.builder().build();

    private RowDocument() {}

    /**
     * @param classNames of the data set, by number
     * @param hasRows whether the rows are listed; not where the file itself has them as columns
     */
    static void write(EmbeddingTable table, List<String> classNames, boolean hasRows, Writer out) throws IOException {
        JsonFactory factory =
                JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();
        try (JsonGenerator json = factory.createGenerator(out)) {
            json.setCodec(MAPPER);
            json.writeStartObject();
            for (var setting : table.settings().tree().entrySet()) {
                json.writeObjectField(setting.getKey(), setting.getValue());
            }
            json.writeNumberField("rows", table.rows());
            newLine(json);
            json.writeObjectField("class_names", classNames);
            if (hasRows) {
                array(json, "paths", table, (file, row) -> json.writeString(file.path()));
                array(json, "classes", table, (file, row) -> json.writeString(file.className()));
                array(json, "times", table, (file, row) -> {
                    if (file.times() == null) {
                        json.writeNull();
                    } else {
                        json.writeNumber(file.times()[row]);
                    }
                });
                array(json, "bytes", table, (file, row) -> json.writeNumber(file.bytes()));
            }
            newLine(json);
            json.writeArrayFieldStart("skipped");
            for (EmbeddedFile file : table.files()) {
                if (file.failure() != null) {
                    json.writeStartObject();
                    json.writeStringField("path", file.path());
                    json.writeNumberField("bytes", file.bytes());
                    json.writeStringField("reason", file.failure());
                    json.writeEndObject();
                    newLine(json);
                }
            }
            json.writeEndArray();
            json.writeEndObject();
            json.writeRaw('\n');
        }
    }

    static String text(EmbeddingTable table, List<String> classNames, boolean hasRows) throws IOException {
        StringWriter text = new StringWriter();
        write(table, classNames, hasRows, text);
        return text.toString();
    }

    private interface Cell {
        void write(EmbeddedFile file, int row) throws IOException;
    }

    private static void array(JsonGenerator json, String name, EmbeddingTable table, Cell cell) throws IOException {
        newLine(json);
        json.writeArrayFieldStart(name);
        for (EmbeddedFile file : table.files()) {
            for (int row = 0; row < file.rows(); row++) {
                cell.write(file, row);
            }
        }
        json.writeEndArray();
    }

    private static void newLine(JsonGenerator json) throws IOException {
        json.writeRaw('\n');
    }

    /** @param where names the file in messages */
    static JsonNode parse(String text, String where) throws IOException {
        try {
            return MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IOException(where + " is damaged: " + e.getOriginalMessage(), e);
        }
    }

    /** The files of a document with rows. */
    static List<EmbeddedFile> files(JsonNode document) {
        List<EmbeddedFile> files = new ArrayList<>();
        FileRows rows = new FileRows(files::add);
        for (int i = 0; i < document.path("paths").size(); i++) {
            rows.add(
                    document.path("paths").get(i).asText(),
                    document.path("classes").path(i).asText(null),
                    document.path("times").path(i).asDouble(Double.NaN),
                    document.path("bytes").path(i).asLong(-1));
        }
        rows.end();
        return files;
    }

    /** Puts rows in their order together to files. */
    static final class FileRows {
        private final Consumer<EmbeddedFile> files;
        private final List<Double> times = new ArrayList<>();
        private String path;
        private String className;
        private long bytes;

        FileRows(Consumer<EmbeddedFile> files) {
            this.files = files;
        }

        /** @param time NaN for none */
        void add(String ofPath, String ofClass, double time, long ofBytes) {
            if (!ofPath.equals(path)) {
                end();
                path = ofPath;
                className = ofClass;
                bytes = ofBytes;
            }
            times.add(time);
        }

        void end() {
            if (path != null) {
                boolean isTimed = !times.get(0).isNaN();
                double[] array = times.stream().mapToDouble(d -> d).toArray();
                files.accept(new EmbeddedFile(
                        path, bytes, 0, isTimed, className, isTimed ? array : null, times.size(), null));
            }
            path = null;
            times.clear();
        }
    }
}
