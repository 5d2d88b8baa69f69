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
import java.util.TreeMap;
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
        Map<String, Object> machine = new TreeMap<>(Map.of("cpu", "an abacus", "memory", "100 MiB"));
        new ResultsFile(1, "A run", "./vicmae jmh", "2026-01-02", machine, rows).write(folder.resolve("data/run.json"));
    }

    @Test
    void thePageHoldsTablesPlotsAndWhatIsMissing() throws Exception {
        assertEquals(0, run(), said.toString());
        String page = Files.readString(folder.resolve("benchmarks.md"));
        assertTrue(page.contains("## A run\n\ncpu: an abacus; memory: 100 MiB.\n\n`./vicmae jmh`, 2026-01-02."), page);
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

    @Test
    void whatRanOutIsNamedInThePlotsBelowTheMachinesMemory() throws Exception {
        run();
        String memory = Files.readString(folder.resolve("plots/run-infonce-memory.svg"));
        assertTrue(memory.contains(">no memory at 65536</text>"), memory);
        assertTrue(memory.contains(">the device's memory</text>"), memory);
        assertTrue(
                Files.readString(folder.resolve("plots/run-infonce-time.svg")).contains(">no memory at 65536</text>"));
    }

    @Test
    void brokenFilesAreNamedWithTheirLine() throws Exception {
        String whole = Files.readString(folder.resolve("data/run.json"));
        refused("", "bad.json, line 1: this is not a file of results: ");
        refused(whole.substring(0, whole.length() / 2), "bad.json, line ");
        refused("null", "bad.json holds results of form null");
        refused("{\"schema\": 1, \"rows\": [{\"latency\": \"x\"}]}", "bad.json, line 1");
        assertFalse(said.toString().contains("Source"), said.toString());
        assertFalse(said.toString().contains("Exception"), said.toString());
    }

    @Test
    void rowsMustSayWhatTheyAreOf() throws Exception {
        String row =
                "\"benchmark\": \"InfoNce\", \"implementation\": \"djl\", \"precision\": \"fp32\", \"shape\": \"8x8\"";
        for (String name : List.of("benchmark", "implementation", "precision", "shape")) {
            refused(
                    "{\"schema\": 1, \"rows\": [{" + row + "}, {" + row.replace(name, "other") + "}]}",
                    "bad.json, row 2 has no " + name);
        }
    }

    private void refused(String content, String words) throws Exception {
        Path bad = folder.resolve("data/bad.json");
        Files.writeString(bad, content);
        said.getBuffer().setLength(0);
        assertEquals(1, run(), said.toString());
        assertTrue(said.toString().contains(words), said.toString());
        Files.delete(bad);
    }

    @Test
    void oddRowsAreTabledAndNotDrawn() throws Exception {
        write(
                "odd",
                of("InfoNce", "vicmae", "abc", "both"),
                of("TrainingStep", "vicmae", "nobody:8", "passes"),
                of("Loader", "vicmae", "many", null, 2e6, 0.0, 20e9, null),
                of("Attention", "vicmae", "8", "both", 2e6, 4e9, null, 300e9));
        assertEquals(0, run(), said.toString());
        String page = page();
        assertTrue(page.contains("| abc | both |") && page.contains("| nobody:8 |") && page.contains("| many |"), page);
        assertFalse(page.contains("plots/odd-"), page);
    }

    @Test
    void peersNamedByAnotherFormOfTheDeviceStandBesideTheLibrary() throws Exception {
        Row own = of("Attention", "vicmae", "8x8", "both");
        Row peer = on("cuda:0", of("Attention", "torch.compile", "8x8", "both"));
        write("card", on("cuda", own), on("cuda", of("MatrixProduct", "cublas", "8x8", "both")), peer);
        run();
        assertTrue(
                page().matches(
                                "(?s).*[|] vicmae [|][^\n]* [|] 1.00 [|][^\n]*\n[^\n]*[|] torch.compile [|][^\n]* [|] 1.00 [|].*"),
                page());
        String roofline = Files.readString(folder.resolve("plots/card-roofline-fp32.svg"));
        assertTrue(roofline.contains(">torch.compile</text>") && roofline.contains(">cublas</text>"), roofline);
        assertTrue(roofline.contains("<title>Attention, torch.compile: "), roofline);
    }

    @Test
    void stepsAreDrawnAgainstTokensAndDepthWithTheModelsOwn() throws Exception {
        write(
                "step",
                of("TrainingStep", "vicmae", "ti8:8", "passes"),
                of("TrainingStep", "vicmae", "ti8:8:image=32", "passes"),
                of("TrainingStep", "vicmae", "ti8:8:image=128", "passes"),
                of("TrainingStep", "vicmae", "ti8:8:depth=6", "passes"),
                of("TrainingStep", "vicmae", "ti8:8:depth=24", "passes"));
        run();
        String tokens = Files.readString(folder.resolve("plots/step-step-ti8-8-tokens.svg"));
        for (String tick : List.of("17", "65", "257")) {
            assertTrue(tokens.contains(">" + tick + "</text>"), tokens);
        }
        assertTrue(Files.readString(folder.resolve("plots/step-step-ti8-8-depth.svg"))
                .contains(">12</text>"));
        assertFalse(Files.exists(folder.resolve("plots/step-step-ti8-samples.svg")), "one number of samples");
    }

    @Test
    void sharesOfACopyAndMemoryStandWhereTheySaySomething() throws Exception {
        write(
                "shares",
                of("InfoNce", "vicmae", "8x8", "forward"),
                of("InfoNce", "vicmae", "8x8", "both"),
                of("LayerNorm", "vicmae", "8x8", "both", 2e9, 0.0, 20e9, null),
                of("Attention", "vicmae", "8x8", "both", 2e6, 4e12, 20e9, 300e9));
        run();
        assertTrue(
                page().contains(
                                "| 8x8 | forward | fp32 | vicmae | 1.00 s | 1.00 s | 1.00 s | 1.00 | 0.00 | 4.00 | 1 % |  |"),
                page());
        assertTrue(page().contains("| 5000 B |"), "memory of both passes: " + page());
        assertTrue(page().contains("| 2.00 | 10 % |"), "limited by the copy: " + page());
        assertTrue(
                page().contains("| 0.00 | 4000 | 1333 % |"),
                "limited by the product, so no share of a copy: " + page());
    }

    @Test
    void failuresAreNamedWithTheirPassAndFilesComeByName() throws Exception {
        write("run-more", Row.missing("LayerNorm", Implementation.DJL, "cpu", "fp32", "8x8", "both", "wrong"));
        run();
        assertTrue(page().contains("- djl was not measured (LayerNorm 8x8 both): wrong\n"), page());
        assertTrue(page().indexOf("data/run.json") < page().indexOf("data/run-more.json"), page());
    }

    private String page() throws Exception {
        return Files.readString(folder.resolve("benchmarks.md"));
    }

    private void write(String name, Row... rows) throws Exception {
        new ResultsFile(1, name, "./vicmae jmh", "2026-01-02", Map.of(), List.of(rows))
                .write(folder.resolve("data/" + name + ".json"));
    }

    private static Row of(String benchmark, String who, String shape, String pass) {
        return of(benchmark, who, shape, pass, 2e6, 4e9, 20e9, 300e9);
    }

    private static Row of(
            String benchmark,
            String who,
            String shape,
            String pass,
            Double bytes,
            Double flops,
            Double copy,
            Double product) {
        return new Row(
                benchmark, who, "cpu", "fp32", shape, pass, 1.0, null, 1.0, 1.0, null, bytes, flops, copy, product, 5e3,
                null);
    }

    private static Row on(String device, Row r) {
        return new Row(
                r.benchmark(),
                r.implementation(),
                device,
                r.precision(),
                r.shape(),
                r.pass(),
                r.latency(),
                r.error(),
                r.submit(),
                r.deviceTime(),
                r.heap(),
                r.bytes(),
                r.flops(),
                r.copyRate(),
                r.productRate(),
                r.memory(),
                r.missing());
    }
}
