package io.github.vicmae.cli.evidence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.cli.evidence.EvidenceTable.Cell;
import io.github.vicmae.cli.evidence.EvidenceTable.Row;
import io.github.vicmae.report.EvaluationPage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** What the finished commands of a table have found. */
final class EvidenceResults {
    /** The file in which an evaluation leaves its numbers. */
    static final String EVALUATION = EvaluationPage.JSON;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final EvidenceTable table;
    private final Map<Path, JsonNode> evaluations = new LinkedHashMap<>();

    /** A number with its origin. */
    record Found(Cell cell, int right, int samples) {
        double accuracy() {
            return (double) right / samples;
        }
    }

    /**
     * Reads the evaluations that are there.
     *
     * @throws IOException if one cannot be read
     */
    EvidenceResults(EvidenceTable table) throws IOException {
        this.table = table;
        for (EvidenceTable.Command command : table.commands()) {
            Path file = command.result();
            if (file.getFileName().toString().equals(EVALUATION) && Files.exists(file)) {
                try {
                    evaluations.put(file, JSON.readTree(file.toFile()));
                } catch (IOException e) {
                    throw new IOException(
                            file + " cannot be read as JSON; remove its folder, and the command is run again", e);
                }
            }
        }
    }

    /** The numbers of a cell that are there, by seed. */
    List<Found> found(Row row, String column) {
        List<Found> found = new ArrayList<>();
        for (Cell cell : row.cells().getOrDefault(column, List.of())) {
            JsonNode evaluation = evaluations.get(cell.command().result());
            if (evaluation == null) {
                continue;
            }
            for (JsonNode one : evaluation.path("comparison")) {
                if (cell.result() == null || one.path("name").asText().equals(cell.result())) {
                    found.add(new Found(
                            cell, one.path("right").asInt(), one.path("samples").asInt()));
                    break;
                }
            }
        }
        return found;
    }

    /** The accuracies of a cell over its seeds; null while there are none. */
    Figures figures(Row row, String column) {
        List<Found> found = found(row, column);
        return found.isEmpty()
                ? null
                : Figures.of(
                        found.stream().map(Found::accuracy).toList(),
                        found.get(0).samples());
    }

    /** Whether all numbers are there. */
    boolean isComplete() {
        return table.rows().stream().allMatch(row -> row.cells().entrySet().stream()
                .allMatch(cell ->
                        found(row, cell.getKey()).size() == cell.getValue().size()));
    }

    /** Test samples of the evaluations; 0 while there are none. */
    int samples() {
        return evaluations.values().stream()
                .mapToInt(e -> e.at("/scores/samples").asInt())
                .max()
                .orElse(0);
    }

    /** The accuracy of guessing. */
    double chance() {
        return evaluations.values().stream()
                .mapToDouble(e -> e.at("/scores/chance").asDouble())
                .findFirst()
                .orElse(0);
    }

    /** What the evaluations say of a fact, such as "device": each value once. */
    List<String> fact(String name) {
        TreeSet<String> values = new TreeSet<>();
        evaluations.values().forEach(e -> values.add(e.path("asked").path(name).asText()));
        return List.copyOf(values);
    }
}
