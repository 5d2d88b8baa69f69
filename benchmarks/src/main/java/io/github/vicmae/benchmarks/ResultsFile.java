package io.github.vicmae.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A run's results as a file.
 *
 * @param schema the version of this form, 1
 * @param title of the run, for the page
 * @param command what makes it again
 * @param date on which it was made
 * @param machine what it was made on: as {@code vicmae info --json} says it, or a script's own words
 * @param rows in the order in which they were measured
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
record ResultsFile(int schema, String title, String command, String date, Map<String, Object> machine, List<Row> rows) {
    static final int SCHEMA = 1;

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * @throws IOException if it cannot be read, is of another form, or has a row that does not say what it is of
     */
    static ResultsFile read(Path path) throws IOException {
        ResultsFile file;
        try {
            file = JSON.readValue(path.toFile(), ResultsFile.class);
        } catch (JsonProcessingException e) {
            String line =
                    e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
            // What follows the first words speaks of the stream that was read, not of the file.
            String why = e.getOriginalMessage().replaceFirst("(?s)( \\(start marker at|\\n).*", "");
            throw new IOException(
                    path + line + ": this is not a file of results: " + why
                            + ". Measure it anew, or take it out of the folder",
                    e);
        }
        if (file == null || file.schema != SCHEMA || file.rows == null) {
            throw new IOException(path + " holds results of form " + (file == null ? "null" : file.schema)
                    + ", and this program reads form " + SCHEMA);
        }
        for (int i = 0; i < file.rows.size(); i++) {
            String lacking = lacking(file.rows.get(i));
            if (lacking != null) {
                throw new IOException(path + ", row " + (i + 1) + " has no " + lacking
                        + ": a row needs benchmark, implementation, precision and shape");
            }
        }
        return file;
    }

    /** What every row must say, and this one does not; or null. */
    private static String lacking(Row row) {
        if (row == null || row.benchmark() == null) {
            return "benchmark";
        } else if (row.implementation() == null) {
            return "implementation";
        } else if (row.precision() == null) {
            return "precision";
        }
        return row.shape() == null ? "shape" : null;
    }

    /** Writes it, and the folders above it; a file that was there is replaced when the new one is complete. */
    void write(Path path) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new IOException("The folder " + folder + " cannot be made: " + e.getMessage(), e);
        }
        AtomicFile.write(path, (JSON.writeValueAsString(this) + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
