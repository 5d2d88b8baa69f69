package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultsCommandTest {
    @TempDir
    Path folder;

    private final StringWriter said = new StringWriter();

    private int run(String... more) {
        List<String> arguments = new ArrayList<>(List.of("results", folder.toString()));
        arguments.addAll(List.of(more));
        String[] all = arguments.toArray(new String[0]);
        PrintWriter writer = new PrintWriter(said);
        return Main.commandLine(all).setOut(writer).setErr(writer).execute(Main.without(all));
    }

    private static Row row(String who, int rows, double seconds, double memory) {
        return new Row(
                "InfoNce",
                who,
                "cpu",
                "fp32",
                rows + "x128",
                "both",
                seconds,
                seconds / 10,
                seconds,
                seconds,
                0.0,
                2e6,
                4e9,
                20e9,
                300e9,
                memory,
                null);
    }

    @BeforeEach
    void writeFiles() throws Exception {
        List<Row> rows = new ArrayList<>();
        for (int r = 256; r <= 4096; r *= 4) {
            rows.add(row("vicmae", r, 1e-3 * r, 1e3 * r));
            rows.add(row("unfused", r, 2e-3 * r, 4.0 * r * r));
        }
        rows.add(Row.missing(
                "InfoNce", Implementation.UNFUSED, "cpu", "fp32", "65536x128", null, "there is no memory left"));
        Map<String, Object> machine = Map.of("cpu", "an abacus");
        new ResultsFile(1, "A run", "./vicmae jmh", "2026-01-02", machine, rows).write(folder.resolve("data/run.json"));
    }

    @Test
    void thePageHoldsTablesPlotsAndWhatIsMissing() throws Exception {
        assertEquals(0, run(), said.toString());
        String page = Files.readString(folder.resolve("benchmarks.md"));
        assertTrue(page.contains("## A run\n\ncpu: an abacus.\n\n`./vicmae jmh`, 2026-01-02."), page);
        assertTrue(page.contains("| 1024x128 | both | fp32 | unfused | 2.05 s |"), page);
        assertTrue(page.contains("| 2.00 |"), "the other's latency over this library's: " + page);
        assertTrue(page.contains("- unfused was not measured (InfoNce 65536x128): there is no memory left\n"), page);
        assertTrue(page.contains("![InfoNCE, forward and backward: memory](plots/run-infonce-memory.svg)"), page);
        assertTrue(
                Files.readString(folder.resolve("plots/run-infonce-time.svg")).contains("<circle"));
    }

    @Test
    void theSameFilesGiveTheSamePage() throws Exception {
        run();
        byte[] first = Files.readAllBytes(folder.resolve("benchmarks.md"));
        assertEquals(0, run("--check"), said.toString());
        Files.delete(folder.resolve("benchmarks.md"));
        run();
        assertEquals(new String(first), Files.readString(folder.resolve("benchmarks.md")));
    }

    @Test
    void aStalePageIsFoundAndLeftAlone() throws Exception {
        run();
        Path page = folder.resolve("benchmarks.md");
        Files.writeString(page, Files.readString(page) + "by hand\n");
        assertEquals(1, run("--check"));
        assertTrue(said.toString().contains("benchmarks.md"), said.toString());
        assertTrue(Files.readString(page).endsWith("by hand\n"));
    }

    @Test
    void filesOfAnotherFormAreRefused() throws Exception {
        Files.writeString(folder.resolve("data/old.json"), "{\"schema\": 7, \"rows\": []}");
        assertEquals(1, run());
        assertTrue(said.toString().contains("old.json holds results of form 7"), said.toString());
        assertFalse(Files.exists(folder.resolve("benchmarks.md")));
    }
}
