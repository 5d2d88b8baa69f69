package io.github.vicmae.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.cli.Main;
import io.github.vicmae.device.build.KernelBuild;
import io.github.vicmae.device.build.WorkFolder;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.KernelFixture;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The lab tells losses apart that are right, wrong, unsafe, unending and no C++, all of them made of the one that it hands out. */
class LabTest {
    @TempDir
    static Path folder;

    private static String template;
    private static String cacheBefore;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeAll
    static void write() throws IOException {
        assumeTrue(EmulatedDriver.missing() == null, "this build has no emulated driver");
        KernelFixture.devices(); // loads the emulated driver before anybody looks for NVIDIA's
        cacheBefore = System.setProperty(
                KernelBuild.CACHE_PROPERTY, folder.resolve("the cache").toString());
        Path file = folder.resolve("template.cu");
        LossTemplate.write(file);
        template = Files.readString(file);
    }

    @AfterAll
    static void putBack() {
        if (cacheBefore == null) {
            System.clearProperty(KernelBuild.CACHE_PROPERTY);
        } else {
            System.setProperty(KernelBuild.CACHE_PROPERTY, cacheBefore);
        }
    }

    /** Writes the template with a change, which must be one. */
    private static Path changed(String name, String from, String to) throws IOException {
        assertTrue(template.contains(from), "the template has no '" + from + "'");
        return Files.writeString(folder.resolve(name + ".cu"), template.replace(from, to));
    }

    private int lab(Path file, String... more) {
        List<String> args = new java.util.ArrayList<>(List.of("lab", file.toString(), "--device", "cpu", "--no-ptx"));
        args.addAll(List.of(more));
        if (!args.contains("--out")) {
            args.addAll(List.of("--out", results(file).toString()));
        }
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args.toArray(String[]::new));
    }

    private static Path results(Path file) {
        return folder.resolve("lab").resolve(file.getFileName().toString());
    }

    private void assertSays(String... texts) {
        for (String text : texts) {
            assertTrue(out.toString().contains(text), "no '" + text + "' in:\n" + out + err);
        }
    }

    /** The one that the lab hands out, in a file whose name has a space, beside the built-in losses. */
    @Test
    void correct() throws IOException {
        Path file = changed("my own loss", "CHUNK = 64", "CHUNK = 32");
        assertEquals(0, lab(file, "--like", "infonce", "--sizes", "8,12", "--width", "8"), out + "" + err);
        assertSays(
                "verdict: correct",
                "schedule fair",
                "| my own loss | symmetric | cpu |",
                "| infonce-naive | two-sided");
        JsonNode json =
                new ObjectMapper().readTree(results(file).resolve("lab.json").toFile());
        assertEquals("correct", json.get("verdict").asText());
        assertEquals(2 * 2 * 4, json.get("timings").size()); // sizes, forms, losses
        for (JsonNode timing : json.get("timings")) {
            assertTrue(timing.get("milliseconds").asDouble() > 0, timing.toString());
        }
        boolean extraColumns = false;
        for (JsonNode deviation : json.get("deviations")) {
            assertTrue(
                    deviation.get("error").asDouble() <= deviation.get("limit").asDouble(), deviation.toString());
            extraColumns |= deviation.get("where").asText().contains("6 x 11 x 4, two-sided");
        }
        assertTrue(extraColumns);
        String page = Files.readString(results(file).resolve("index.html"));
        assertTrue(page.contains("<svg") && page.contains("class=\"good\">correct"), page);
        assertTrue(Files.readString(results(file).resolve("plot-symmetric-cpu.svg"))
                .contains("my own loss"));
        assertTrue(Files.readString(results(file).resolve("table.md")).startsWith("# my own loss.cu: correct"));
    }

    /** Off by a factor, with the oracle and, as for a loss that nobody has an oracle for, without. */
    @Test
    void wrong() throws IOException {
        Path file = changed("wrong", "const float scale = weight[0]", "const float scale = 1.01f * weight[0]");
        assertEquals(3, lab(file, "--like", "infonce", "--no-times", "--form", "symmetric"), out + "" + err);
        assertSays("verdict: wrong", "drows[", "WRONG", "; it should be ");
        assertFalse(out.toString().contains("loss      cpu") && out.toString().contains("loss is"), out.toString());
        JsonNode json =
                new ObjectMapper().readTree(results(file).resolve("lab.json").toFile());
        for (JsonNode deviation : json.get("deviations")) {
            if (deviation.get("quantity").asText().equals("loss")) {
                assertTrue(deviation.get("error").asDouble()
                        <= deviation.get("limit").asDouble());
            }
        }
        Path half = changed("half", "const float scale = weight[0]", "const float scale = 0.5f * weight[0]");
        out.getBuffer().setLength(0);
        assertEquals(3, lab(half, "--no-times", "--form", "two-sided"), out + "" + err);
        assertSays("verdict: wrong", "against differences of the loss itself", "dcolumns");
    }

    /** Right for the one thread that a block has on the CPU, and in each of the emulated device's schedules but for the barrier. */
    @Test
    void racy() throws IOException {
        Path file = changed("racy", "__syncthreads();  // all slopes are used", "");
        assertEquals(4, lab(file, "--like", "infonce", "--no-times"), out + "" + err);
        assertSays(
                "verdict: unsafe", "race_block: kernel lab_gradients", "racy.cu:", "without a barrier", "at emulated:");
        String page = Files.readString(results(file).resolve("index.html"));
        assertTrue(page.contains("Its results were not checked."), page);
    }

    @Test
    void outOfBounds() throws IOException {
        Path file = changed("stray", "s.row_loss[i] =", "s.row_loss[i + 1] =");
        assertEquals(4, lab(file, "--no-times"), out + "" + err);
        assertSays("verdict: unsafe", "global_bounds: kernel lab_row_losses", "'scratch'", "at stray.cu:");
    }

    /** Sound where the emulated device looked, and deadly at a size beyond: the lab outlives it. */
    @Test
    void crash() throws IOException {
        Path file = changed(
                "crash",
                "float others = 0, at_positive = 0;",
                "float others = 0, at_positive = 0; if (R > 100) s.lse[int64_t{1} << 40] = 0;");
        assertEquals(4, lab(file, "--like", "infonce", "--no-times", "--form", "symmetric"), out + "" + err);
        assertSays("nothing found", "On cpu it crashed with SIGSEGV, at 130 x 130 x 64, symmetric", "verdict: unsafe");
    }

    @Test
    void unending() throws IOException {
        Path file = changed("endless", "i < R; i += blockDim.x) sum", "i < R; i += R < 0) sum");
        assertEquals(6, lab(file, "--like", "infonce", "--no-times", "--time-limit", "4"), out + "" + err);
        assertSays(
                "verdict: did not end",
                "did not end within 4 s, at emulated:forward, 2 x 2 x 5, symmetric",
                "--time-limit");
    }

    /** The columns of the first chunk are all that small shapes have. */
    @Test
    void wrongBeyondAChunkWithoutAnOracle() throws IOException {
        Path file = changed("chunk", "first < count; first += CHUNK", "first < CHUNK && first < count; first += CHUNK");
        assertEquals(3, lab(file, "--no-times", "--form", "symmetric"), out + "" + err);
        assertSays(
                "verdict: wrong", "66 x 66 x 9, symmetric, t = 0.1, along directions", "differences of the loss say");
    }

    /** Right at the temperature that it is asked for, which it knows by heart. */
    @Test
    void oneTemperatureOnly() throws IOException {
        Path file = changed("one temperature", "/ temperature", "/ 0.1f");
        assertEquals(3, lab(file, "--like", "infonce", "--no-times", "--form", "symmetric"), out + "" + err);
        assertSays("verdict: wrong", "symmetric, t = 0.5");
    }

    /** Where logits reach 50 and the positive has nearly all of a row's sum. */
    @Test
    void correctAtALowTemperature() throws IOException {
        Path file = folder.resolve("template.cu");
        String[] more = {"--like", "infonce", "--no-times", "--temperature", "0.02", "--form", "symmetric"};
        assertEquals(0, lab(file, more), out + "" + err);
        // The console has the largest errors alone, and at which temperature those are depends on the processor.
        String found = Files.readString(results(file).resolve("lab.json"));
        assertTrue(found.contains("symmetric, t = 0.02\"") && found.contains("symmetric, t = 0.1\""), found);
    }

    @Test
    void notFinite() throws IOException {
        Path file = changed("not finite", "loss[0] = sum / R", "loss[0] = sum / R * logf(-1.0f - sum * sum)");
        assertEquals(3, lab(file, "--no-times", "--form", "symmetric"), out + "" + err);
        assertSays("verdict: wrong", "loss is NaN");
        assertFalse(out.toString().contains("\tat "), out.toString());
    }

    /** Sound at all sizes that are checked: what it does at one that is timed counts too. */
    @Test
    void onlyAtATimedSize() throws IOException {
        String[] more = {"--like", "infonce", "--form", "symmetric", "--sizes", "8,302", "--width", "8"};
        Path wrong = changed("wrong at 302", "loss[0] = sum / R", "loss[0] = R > 300 ? 7.0f : sum / R");
        assertEquals(3, lab(wrong, more), out + "" + err);
        assertSays("302 x 302 x 8, symmetric, t = 0.1, beside infonce", "loss is 7.00000; it should be");
        out.getBuffer().setLength(0);
        Path deadly = changed(
                "deadly at 302",
                "float others = 0, at_positive = 0;",
                "float others = 0, at_positive = 0; if (R > 300) s.lse[int64_t{1} << 40] = 0;");
        assertEquals(4, lab(deadly, more), out + "" + err);
        assertSays("| deadly at 302 | symmetric | cpu | ", "it crashed with SIGSEGV, at 302 rows, symmetric");
    }

    /** Its worker goes with it, and what is left in the cache goes when the next one comes. */
    @Test
    void interrupted() throws IOException, InterruptedException {
        Path file = changed("endless", "i < R; i += blockDim.x) sum", "i < R; i += R < 0) sum");
        Path cache = folder.resolve("the cache");
        Process lab = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-D" + KernelBuild.CACHE_PROPERTY + "=" + cache,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "lab",
                        file.toString(),
                        "--no-ptx",
                        "--device",
                        "cpu",
                        "--out",
                        folder.resolve("interrupted").toString())
                .redirectErrorStream(true)
                .start();
        try (BufferedReader lines = lab.inputReader()) {
            String line = lines.readLine();
            while (line != null && !line.contains("schedule forward")) {
                line = lines.readLine();
            }
            assertTrue(line != null, "the lab ended by itself");
            List<ProcessHandle> workers = lab.descendants().toList();
            assertFalse(workers.isEmpty());
            lab.destroy();
            lab.waitFor();
            for (ProcessHandle worker : workers) {
                worker.onExit().join();
            }
        } finally {
            lab.destroyForcibly();
        }
        try (WorkFolder next = WorkFolder.in(cache);
                Stream<Path> left = Files.list(cache)) {
            String of = "work-" + lab.pid() + "-";
            assertTrue(
                    left.noneMatch(f -> f.getFileName().toString().startsWith(of)),
                    next.path().toString());
        }
    }

    @Test
    void notBuilt() throws IOException {
        Path file = changed("broken", "float squares = 0;", "float squares = nothing;");
        int line = (int)
                template.substring(0, template.indexOf("float squares")).lines().count();
        assertEquals(5, lab(file, "--like", "infonce"), out + "" + err);
        assertSays("verdict: not built", "broken.cu:" + line + ":", "nothing", "was not declared");
    }

    /** What is wrong with the arguments or the comments costs nothing, and shows with its line. */
    @Test
    void refused() throws IOException {
        assertEquals(2, lab(folder.resolve("no.cu")));
        assertTrue(err.toString().contains("There is no file"), err.toString());
        Path file = changed("comment", "@scratch   4", "@scratch   three");
        assertEquals(2, lab(file));
        int line = (int)
                template.substring(0, template.indexOf("@scratch   4")).lines().count();
        assertTrue(err.toString().contains("comment.cu:" + line + ": 'three * rows"), err.toString());
        assertEquals(2, lab(folder.resolve("template.cu"), "--like", "nothing"));
        assertTrue(err.toString().contains("There is no contrastive loss 'nothing'"), err.toString());
        assertFalse(err.toString().contains("of your own"), err.toString());
        assertEquals(2, lab(folder.resolve("template.txt")));
        assertTrue(err.toString().contains("A loss is a file that ends in .cu, not "), err.toString());
        for (String temperature : List.of("0", "NaN", "-1", "Infinity")) {
            assertEquals(2, lab(folder.resolve("template.cu"), "--temperature", temperature));
        }
        assertTrue(err.toString().contains("The temperature must be above 0, not NaN"), err.toString());
        Path none = Path.of("/proc/nothing");
        assertEquals(1, lab(folder.resolve("template.cu"), "--out", none.toString()));
        assertTrue(
                err.toString().contains(none + ": cannot be written: there is no such file or folder."),
                err.toString());
        assertEquals(2, lab(folder.resolve("template.cu"), "--form", "round"));
        assertEquals(2, lab(folder.resolve("template.cu"), "--sizes", "7"));
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    @Test
    void listsAndWritesATemplateOnce() throws IOException {
        assertEquals(0, Main.run(new PrintWriter(out, true), new PrintWriter(err, true), "lab", "--list"));
        assertSays("infonce-naive", "vicreg", "simsiam", "arXiv");
        Path file = folder.resolve("new/one.cu");
        String[] args = {"lab", "--new", file.toString()};
        assertEquals(0, Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args));
        assertTrue(Files.readString(file).contains("lab one.cu --like infonce"));
        Files.writeString(file, "mine");
        assertEquals(1, Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args));
        assertEquals("mine", Files.readString(file));
        assertTrue(err.toString().contains("was not changed"), err.toString());
    }
}
