package io.github.vicmae.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
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
     * @throws IOException if it cannot be read, or is of another form
     */
    static ResultsFile read(Path path) throws IOException {
        ResultsFile file = JSON.readValue(path.toFile(), ResultsFile.class);
        if (file.schema != SCHEMA || file.rows == null) {
            throw new IOException(
                    path + " holds results of form " + file.schema + ", and this program reads form " + SCHEMA);
        }
        return file;
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
