package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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

    /** The arguments of a short run on the CPU. */
    private static String[] shortRun(Path out, String... more) {
        List<String> arguments = new ArrayList<>(List.of("jmh", "--short", "--device", "cpu", "--out", out.toString()));
        arguments.addAll(List.of(more));
        return arguments.toArray(String[]::new);
    }

    /** Every benchmark, each checked against its oracle first. */
    @Test
    void theShortFormMeasuresEverything() throws Exception {
        Path out = folder.resolve("short.json");
        assertEquals(0, run(shortRun(out)), said.toString());
        List<Row> rows = ResultsFile.read(out).rows();
        Set<String> names = rows.stream().map(Row::benchmark).collect(Collectors.toSet());
        assertEquals(Suite.KERNELS.stream().map(Suite.Entry::name).collect(Collectors.toSet()), names);
        for (Suite.Entry entry : Suite.KERNELS) {
            for (String pass : entry.passes()) {
                List<Row> found = rows.stream()
                        .filter(r -> r.benchmark().equals(entry.name()) && pass.equals(r.pass()))
                        .filter(r -> r.implementation().equals("vicmae"))
                        .toList();
                int shapes = entry.shapes(Suite.Size.TINY).size();
                assertEquals(entry.bf16() ? 2 * shapes : shapes, found.size(), entry.name() + " " + pass);
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
        int code = run(shortRun(out, "GradientN", "-p", "shape=77"));
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
        String[] arguments = shortRun(out, "-p", "implementation=vicmae", "VicReg", "Sim", "InfoNce", "-e", "TwoSided");
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
        String[] arguments = shortRun(out, "GradientNorm", "-tu", "s", "-bm", "thrpt");
        assertEquals(0, run(arguments), said.toString());
        Row row = ResultsFile.read(out).rows().get(0);
        assertTrue(row.latency() >= row.submit() && row.latency() < 1000 * row.submit(), row.toString());
    }

    /** Odd rows have no two views: that shows when the loss is made, and earlier results stay. */
    @Test
    void aShapeThatCannotBeIsSaidWithItsPass() throws Exception {
        Path out = Files.writeString(folder.resolve("earlier.json"), "earlier");
        String[] arguments = shortRun(out, "SimSiam", "-p", "shape=7x7", "-p", "pass=both");
        assertEquals(1, run(arguments));
        assertTrue(said.toString().contains("  SimSiam 7x7 fp32 both vicmae: "), said.toString());
        assertFalse(said.toString().contains("without a message"), said.toString());
        assertEquals("earlier", Files.readString(out));
    }

    /** Nothing is measured under the name of one who does not do it, or in a precision that there is not. */
    @Test
    void aBenchmarkIsRunByThoseWhoCanDoIt() throws Exception {
        Path out = Files.writeString(folder.resolve("earlier.json"), "earlier");
        List<List<String>> refused = List.of(
                List.of("AdamW", "-p", "implementation=unfused"),
                List.of("GradientNorm", "-p", "precision=bf16"),
                List.of("LayerNorm", "-p", "precision=fp16"),
                List.of("AdamW", "-p", "pass=both"),
                List.of("AdamW", "-p", "shape=7x7"),
                List.of("LayerNorm", "-p", "implementation=djl", "-p", "pass=backward"),
                List.of("LayerNorm", "-p", "shpe=5x5"));
        for (List<String> arguments : refused) {
            List<String> all = new ArrayList<>(List.of("jmh", "--short", "--device", "cpu", "--out", out.toString()));
            all.addAll(arguments);
            assertEquals(2, run(all.toArray(new String[0])), arguments + ": " + said);
        }
        assertEquals("earlier", Files.readString(out));
        assertTrue(
                said.toString().contains("There is no implementation 'unfused' of AdamW: use one of vicmae"),
                said.toString());
        assertTrue(said.toString().contains("LayerNorm has none of these; it has implementation vicmae, djl; "));
    }

    @Test
    void aBenchmarkWithoutTheWantedPassIsLeftOut() throws Exception {
        Path out = folder.resolve("both.json");
        String[] arguments = shortRun(
                out,
                "--title",
                "it's both",
                "LayerNorm",
                "Pointwise",
                "-p",
                "pass=both",
                "-p",
                "implementation=vicmae");
        assertEquals(0, run(arguments), said.toString());
        assertTrue(said.toString().contains("Pointwise has none of these"), said.toString());
        ResultsFile file = ResultsFile.read(out);
        assertEquals(
                List.of("LayerNorm both", "LayerNorm both"),
                file.rows().stream().map(r -> r.benchmark() + " " + r.pass()).toList());
        assertTrue(
                file.command()
                        .endsWith(" --out " + out + " --title 'it'\\''s both' LayerNorm Pointwise -p pass=both -p"
                                + " implementation=vicmae"),
                file.command());
    }

    /** On the CPU nothing but this process's clock tells the time of a launch. */
    @Test
    void theCpuHasNoTimeOfItsOwn() throws Exception {
        Path out = folder.resolve("time.json");
        String[] arguments = {
            "jmh",
            "--device",
            "cpu",
            "--out",
            out.toString(),
            "GradientNorm",
            "-p",
            "shape=100000",
            "-f",
            "0",
            "-wi",
            "1",
            "-w",
            "20ms",
            "-i",
            "3",
            "-r",
            "20ms",
            "-opi",
            "10"
        };
        assertEquals(0, run(arguments), said.toString());
        Row row = ResultsFile.read(out).rows().get(0);
        assertNull(row.deviceTime());
        assertEquals(row.bytes() / row.latency(), row.bytesPerSecond());
        assertTrue(row.latency() >= row.submit(), "-opi would divide the latency: " + row);
        assertTrue(row.error() > 0 && row.error() < 3 * row.latency(), row.toString());
        assertTrue(row.heap() < 16, "a launch allocates nothing: " + row);
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
        for (String option : List.of("-l", "-lp", "-rf json", "-rff x.json", "-t 2")) {
            said.getBuffer().setLength(0);
            assertEquals(2, run(("jmh LayerNorm " + option).split(" ")), option);
            assertTrue(said.toString().startsWith("vicmae: " + option.split(" ")[0].substring(0, 2)), said.toString());
        }
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
