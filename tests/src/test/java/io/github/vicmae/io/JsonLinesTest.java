package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesTest {
    @TempDir
    Path folder;

    private static List<Long> steps(Path file) throws IOException {
        List<Long> steps = new ArrayList<>();
        assertEquals(0, JsonLines.read(file, o -> steps.add(o.path("step").asLong(-1))));
        return steps;
    }

    @Test
    void everyLineIsReadableAtOnceAndNonFiniteNumbersAreNull() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (JsonLines lines = JsonLines.open(file)) {
            lines.write(Map.of("step", 1, "loss", Double.NaN, "collapse", Map.of("rank", Float.POSITIVE_INFINITY)));
            assertEquals(List.of(1L), steps(file));
            lines.write(Map.of("step", 2, "text", "a\nb\u2028", "list", List.of(1.5, Double.NaN)));
        }
        List<JsonNode> read = new ArrayList<>();
        JsonLines.read(file, read::add);
        assertTrue(read.get(0).get("loss").isNull());
        assertTrue(read.get(0).get("collapse").get("rank").isNull());
        assertEquals("a\nb\u2028", read.get(1).get("text").textValue());
        assertEquals("[1.5,null]", read.get(1).get("list").toString());
    }

    @Test
    void aTornLastLineIsRemovedWhenTheFileIsOpenedAgain() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        String torn = "{\"step\":2,\"loss\":" + "0".repeat(10_000);
        Files.writeString(file, "{\"step\":1}\n" + torn);
        assertEquals(1, JsonLines.read(file, o -> assertEquals(1, o.get("step").intValue())));
        try (JsonLines lines = JsonLines.open(file)) {
            lines.write(Map.of("step", 3));
        }
        assertEquals(List.of(1L, 3L), steps(file));
        Files.writeString(file, torn);
        JsonLines.open(file).close();
        assertEquals(0, Files.size(file));
    }

    @Test
    void linesAfterTheCheckpointAreDropped() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (JsonLines lines = JsonLines.open(file)) {
            lines.write(Map.of("skipped_file", "first.mp4", "reason", "damaged"));
            for (int step = 1; step <= 5; step++) {
                lines.write(Map.of("step", step));
                lines.write(Map.of("skipped_file", step + ".mp4", "reason", "damaged"));
            }
            Files.writeString(file, "{\"step\":6,", StandardOpenOption.APPEND);
            lines.truncateAfter(3);
            lines.write(Map.of("step", 4, "again", true));
        }
        assertEquals(List.of(-1L, 1L, -1L, 2L, -1L, 3L, -1L, 4L), steps(file));
        String text = Files.readString(file, StandardCharsets.UTF_8);
        assertTrue(text.endsWith("\n") && text.contains("3.mp4") && !text.contains("5.mp4"), text);
        try (JsonLines lines = JsonLines.open(file)) {
            lines.truncateAfter(0);
        }
        assertEquals(List.of(-1L), steps(file));
    }

    @Test
    void unreadableLinesAreCounted() throws IOException {
        Path file = Files.writeString(folder.resolve("m.jsonl"), "{\"step\":1}\n[]\n\n{]\n{\"step\":2}\nnull\n");
        List<Integer> steps = new ArrayList<>();
        assertEquals(3, JsonLines.read(file, o -> steps.add(o.get("step").intValue())));
        assertEquals(List.of(1, 2), steps);
        Path missing = folder.resolve("missing.jsonl");
        assertTrue(assertThrows(IOException.class, () -> JsonLines.read(missing, o -> {}))
                .getMessage()
                .contains("missing.jsonl"));
    }
}
