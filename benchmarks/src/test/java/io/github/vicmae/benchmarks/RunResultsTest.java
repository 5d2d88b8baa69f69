package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunResultsTest {
    @TempDir
    Path folder;

    private final StringWriter said = new StringWriter();

    private RunResults to(Path file) throws IOException {
        return new RunResults(new PrintWriter(said), file, "", "./vicmae jmh");
    }

    private static Row row(String pass, Double latency, String missing) {
        return new Row(
                "LayerNorm",
                "vicmae",
                "cpu",
                "fp32",
                "8x8",
                pass,
                latency,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                missing);
    }

    @Test
    void everyRowIsInTheFileBeforeTheNextBegins() throws Exception {
        Path file = folder.resolve("new/run.json");
        try (RunResults results = to(file)) {
            assertFalse(Files.exists(file));
            results.add(row("forward", 1e-3, null));
            assertEquals(1, ResultsFile.read(file).rows().size());
            results.addFailed(row("backward", null, "it is wrong"));
            List<Row> rows = ResultsFile.read(file).rows();
            assertEquals("it is wrong", rows.get(1).missing());
            assertEquals("backward", rows.get(1).pass());
            results.end();
            assertTrue(results.failed());
        }
        assertTrue(said.toString().contains("Results: " + file), said.toString());
    }

    @Test
    void earlierResultsStayUntilThereAreOthers() throws Exception {
        Path file = folder.resolve("run.json");
        Files.writeString(file, "earlier");
        try (RunResults results = to(file)) {
            assertEquals("earlier", Files.readString(file));
            results.addFailed(row("forward", null, "it is wrong"));
            results.end();
        }
        assertEquals("earlier", Files.readString(file));
        assertTrue(said.toString().contains("Nothing was measured, and " + file + " was not written."));
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void aRunThatBreaksOffPrintsWhatItHas() throws Exception {
        try (RunResults results = to(null)) {
            results.add(row("forward", 1e-3, null));
        }
        assertTrue(said.toString().contains("Interrupted. Results so far:"), said.toString());
        assertTrue(said.toString().contains("x vicmae"), said.toString());
    }

    @Test
    void whatCannotBeWrittenIsSaidFirst() throws Exception {
        var e = assertThrows(IOException.class, () -> to(folder));
        assertEquals(folder + ": cannot be written: it is a folder.", e.getMessage());
        Path file = Files.writeString(folder.resolve("file"), "");
        e = assertThrows(IOException.class, () -> to(file.resolve("run.json")));
        assertEquals(file + ": cannot be written: there is a file in its place.", e.getMessage());
    }
}
