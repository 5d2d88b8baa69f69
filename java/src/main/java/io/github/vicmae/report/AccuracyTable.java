package io.github.vicmae.report;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What a finished encoder was found to be worth, in the file {@code results.json} of a run's folder, which the report shows as a table.
 *
 * @param title what was measured, and how
 * @param rows what was compared
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AccuracyTable(String title, List<Evaluation.Row> rows) {
    private static final String FILE = "results.json";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public AccuracyTable {
        title = title == null ? "" : title;
        rows = rows == null ? List.of() : List.copyOf(rows);
    }

    /** The results in a run's folder; without rows where there are none, or the file is damaged. */
    static AccuracyTable read(Path run) {
        try {
            AccuracyTable found = MAPPER.readValue(Files.readAllBytes(run.resolve(FILE)), AccuracyTable.class);
            return found == null ? new AccuracyTable("", List.of()) : found;
        } catch (IOException e) {
            return new AccuracyTable("", List.of());
        }
    }

    /**
     * Writes the file.
     *
     * @throws IOException if it cannot be written
     */
    public void write(Path run) throws IOException {
        AtomicFile.write(
                run.resolve(FILE), MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(this));
    }
}
