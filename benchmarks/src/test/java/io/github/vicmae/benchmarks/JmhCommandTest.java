package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JmhCommandTest {
    @TempDir
    Path folder;

    private final StringWriter said = new StringWriter();

    private int run(String... arguments) {
        PrintWriter writer = new PrintWriter(said);
        return Main.commandLine(arguments).setOut(writer).setErr(writer).execute(Main.without(arguments));
    }

    /** Every benchmark, each checked against its oracle first. */
    @Test
    void theShortFormMeasuresEverything() throws Exception {
        Path out = folder.resolve("short.json");
        assertEquals(0, run("jmh", "--short", "--device", "cpu", "--out", out.toString()), said.toString());
        List<Row> rows = ResultsFile.read(out).rows();
        Set<String> names = rows.stream().map(Row::benchmark).collect(Collectors.toSet());
        assertEquals(Suite.KERNELS.stream().map(Suite.Entry::name).collect(Collectors.toSet()), names);
        for (Suite.Entry entry : Suite.KERNELS) {
            for (String pass : entry.passes()) {
                List<Row> found = rows.stream()
                        .filter(r -> r.benchmark().equals(entry.name()) && pass.equals(r.pass()))
                        .filter(r -> r.implementation().equals("vicmae"))
                        .toList();
                assertEquals(entry.bf16() ? 2 : 1, found.size(), entry.name() + " " + pass);
                for (Row row : found) {
                    assertTrue(row.latency() > 0 && row.submit() > 0 && row.submit() <= row.latency(), row.toString());
                    assertTrue(row.bytes() > 0 && row.copyRate() > 0, row.toString());
                    assertNull(row.missing());
                }
            }
        }
        Row cublas = rows.stream()
                .filter(r -> r.implementation().equals("cublas"))
                .findFirst()
                .orElseThrow();
        assertNull(cublas.latency());
        assertTrue(cublas.missing().contains("works on a card"), cublas.missing());
        String table = said.toString();
        assertTrue(table.contains("x vicmae") && table.contains("of product"), table);
        assertTrue(table.contains("cudnn was not measured (BatchNorm 6x10): "), table);
    }

    @Test
    void parametersAndNamesChoose() throws Exception {
        Path out = folder.resolve("one.json");
        int code = run("jmh", "--short", "--device", "cpu", "--out", out.toString(), "GradientN", "-p", "shape=77");
        assertEquals(0, code, said.toString());
        List<Row> rows = ResultsFile.read(out).rows();
        assertEquals(1, rows.size());
        assertEquals("77", rows.get(0).shape());
        assertNotNull(rows.get(0).latency());
    }

    /** Each in its own shapes, once. */
    @Test
    void severalNamesAreRunOneByOne() throws Exception {
        Path out = folder.resolve("several.json");
        String[] arguments = {
            "jmh",
            "--short",
            "--device",
            "cpu",
            "--out",
            out.toString(),
            "-p",
            "implementation=vicmae",
            "VicReg",
            "Sim",
            "InfoNce",
            "-e",
            "TwoSided"
        };
        assertEquals(0, run(arguments), said.toString());
        List<String> rows = ResultsFile.read(out).rows().stream()
                .map(row -> row.benchmark() + " " + row.precision() + " " + row.pass())
                .toList();
        assertEquals(
                List.of(
                        "InfoNce fp32 forward",
                        "InfoNce fp32 both",
                        "InfoNce bf16 forward",
                        "InfoNce bf16 both",
                        "VicReg fp32 forward",
                        "VicReg fp32 both",
                        "SimSiam fp32 forward",
                        "SimSiam fp32 both"),
                rows);
    }

    /** JMH's options for another mode and unit would give numbers that are no seconds a launch. */
    @Test
    void figuresAreSecondsWhateverJmhIsAsked() throws Exception {
        Path out = folder.resolve("unit.json");
        String[] arguments = {
            "jmh", "--short", "--device", "cpu", "--out", out.toString(), "GradientNorm", "-tu", "s", "-bm", "thrpt"
        };
        assertEquals(0, run(arguments), said.toString());
        Row row = ResultsFile.read(out).rows().get(0);
        assertTrue(row.latency() >= row.submit() && row.latency() < 1000 * row.submit(), row.toString());
    }

    @Test
    void aShapeThatCannotBeIsARowWithItsReason() throws Exception {
        Path out = folder.resolve("bad.json");
        int code = run("jmh", "--short", "--device", "cpu", "--out", out.toString(), "AdamW", "-p", "shape=7x7");
        assertEquals(1, code);
        for (Row row : ResultsFile.read(out).rows()) {
            assertNull(row.latency());
            assertTrue(row.missing().startsWith("A shape of 1 sizes is wanted"), row.missing());
        }
    }

    /** Where a form ends is what the scaling runs are for: no failure of the run. No process has 512 TB of addresses. */
    @Test
    void toRunOutOfMemoryIsAResult() throws Exception {
        Path out = folder.resolve("large.json");
        int code = run(("jmh --short --scaling --device cpu --out " + out
                        + " InfoNce -p implementation=unfused -p shape=8000000x8")
                .split(" "));
        assertEquals(0, code, said.toString());
        Row row = ResultsFile.read(out).rows().get(0);
        assertNull(row.latency());
        assertTrue(row.missing().contains("bytes left"), row.missing());
    }

    @Test
    void whatIsNotThereIsSaid() {
        assertEquals(2, run("jmh", "NoSuchThing"));
        assertTrue(
                said.toString().contains("There is no benchmark NoSuchThing; there are MatrixProduct"),
                said.toString());
        assertEquals(2, run("jmh", "--device", "emulated"));
        assertEquals(2, run("jmh", "LayerNorm", "-wi", "many"));
        assertEquals(2, run("results", folder.resolve("nothing").toString()));
    }

    @Test
    void growingWorkIsMeasuredToo() throws Exception {
        Path out = folder.resolve("scaling.json");
        assertEquals(
                0, run("jmh", "--short", "--scaling", "--device", "cpu", "--out", out.toString()), said.toString());
        Set<String> names =
                ResultsFile.read(out).rows().stream().map(Row::benchmark).collect(Collectors.toSet());
        assertEquals(Set.of("InfoNce", "TrainingStep", "Loader"), names);
    }

    @Test
    void withoutPyTorchTheRowSaysWhatToDo() {
        String missing = TorchWorkload.missing();
        if (missing != null) {
            assertTrue(missing.contains("Maven profile peers"), missing);
        } else {
            assertEquals(
                    0,
                    run("jmh", "--short", "--device", "cpu", "LayerNorm", "-p", "implementation=djl"),
                    said.toString());
            assertTrue(said.toString().contains("djl: "), said.toString());
        }
    }

    @Test
    void nothingIsLeftInTheFolder() throws Exception {
        run(
                "jmh",
                "--short",
                "--device",
                "cpu",
                "--out",
                folder.resolve("a.json").toString(),
                "GradientNorm");
        try (var files = Files.list(folder)) {
            assertEquals(
                    List.of("a.json"),
                    files.map(f -> f.getFileName().toString()).toList());
        }
    }
}
