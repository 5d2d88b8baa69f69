package io.github.vicmae.cli.evidence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.TestData;
import io.github.vicmae.cli.evidence.EvidenceTable.Command;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EvidenceTest {
    @TempDir
    Path dir;

    private final StringWriter err = new StringWriter();
    private final List<List<String>> ran = new ArrayList<>();

    private EvidenceSettings settings() throws IOException {
        TestData.pictures(dir.resolve("train"), 2, 8);
        TestData.pictures(dir.resolve("test"), 2, 8);
        return new EvidenceSettings(dir.resolve("train"), dir.resolve("test"), false, null);
    }

    private EvidenceRun run(EvidenceSettings settings, EvidenceRun.Program program) throws IOException {
        return Evidence.run(
                "cifar",
                settings,
                dir.resolve("out"),
                (log, args) -> {
                    ran.add(args);
                    return program.run(log, args);
                },
                new PrintWriter(err, true));
    }

    /** Of 1000 test samples; fine-tuning is as good as the seed. */
    private static int right(String name, boolean pixels) {
        int seed = name.replaceAll("\\D", "").charAt(0) - '0';
        if (pixels) {
            return 250;
        }
        return name.contains("mae-") && !name.contains("vicmae")
                ? 350 + 10 * seed
                : name.contains("contrast") ? 480 + 10 * seed : 400 + 10 * seed;
    }

    /** Leaves what a command would leave. */
    private static int pretend(PrintWriter log, List<String> args) {
        Path out = Path.of(args.get(Math.max(args.indexOf("--out"), args.indexOf("--resume")) + 1));
        try {
            Files.createDirectories(out.resolve("test"));
            log.println("done: " + out);
            if (args.get(0).equals("pretrain")) {
                Files.writeString(out.resolve("model.safetensors"), "");
                return 0;
            }
            String name = out.getFileName().toString();
            Path folder = args.get(0).equals("finetune") ? out.resolve("test") : out;
            String row = "{\"name\": \"%s\", \"right\": %d, \"samples\": 1000}";
            Files.writeString(
                    folder.resolve("evaluation.json"),
                    "{\"asked\": {\"device\": \"none\", \"version\": \"1\"}, \"scores\": {\"samples\": 1000, \"chance\": 0.1}, \"comparison\": ["
                            + row.formatted("first", right(name, false)) + ","
                            + row.formatted("raw pixels", right(name, true)) + "]}");
            return 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void deviationsAndErrorsAreThoseOfTheSeedsAndOfTheTestSet() {
        Figures figures = Figures.of(List.of(0.40, 0.41, 0.45), 1000);
        assertEquals(0.42, figures.mean(), 1e-12);
        assertEquals(0.026457513110645904, figures.deviation(), 1e-12); // sqrt((0.02^2 + 0.01^2 + 0.03^2) / 2)
        assertEquals(0.015607690412101336, figures.testError(), 1e-12); // sqrt(0.42 * 0.58 / 1000)
        // The squared errors are 0.0007 / 3 + 0.0002436 and 0.0002496, and twice the root of their sum is 0.0539.
        assertTrue(figures.ties(Figures.of(List.of(0.473), 1000)));
        assertFalse(figures.ties(Figures.of(List.of(0.475), 1000)));
        assertTrue(Double.isNaN(Figures.of(List.of(0.5), 10).deviation()));
    }

    @Test
    void theTableHasMeansDeviationsAndMarks() throws IOException {
        EvidenceRun run = run(settings(), EvidenceTest::pretend);
        assertEquals(0, run.run(() -> false));
        List<String> lines = run.markdown().lines().toList();
        assertEquals("| | k-NN | linear probe | fine-tuning |", lines.get(0));
        assertEquals("| ViC-MAE | 41.0 +- 1.0 | 41.0 +- 1.0 | 41.0 +- 1.0 |", lines.get(2));
        assertEquals("| MAE | 36.0 +- 1.0 | 36.0 +- 1.0 | 36.0 +- 1.0 |", lines.get(3));
        assertEquals("| contrast only | 49.0 +- 1.0 ^ | 49.0 +- 1.0 ^ | 49.0 +- 1.0 ^ |", lines.get(4));
        assertEquals("| untrained | 41.0 +- 1.0 ~ | 41.0 +- 1.0 ~ | - |", lines.get(5));
        assertEquals("| raw pixels | 25.0 +- 0.0 | 25.0 +- 0.0 | - |", lines.get(6));
        assertTrue(
                run.markdown().contains("the seeds (0, 1, 2) on 1000 test samples; chance is 10.0 %"), run.markdown());
        assertTrue(run.markdown().contains("up to 1.6 points"), run.markdown());

        JsonNode json =
                new ObjectMapper().readTree(dir.resolve("out/table.json").toFile());
        assertTrue(json.path("complete").asBoolean());
        assertEquals(51, json.path("commands").size());
        assertEquals("[\"none\"]", json.path("device").toString());
        JsonNode cell = json.at("/rows/1/cells/k-NN");
        assertEquals(0.36, cell.path("mean").asDouble(), 1e-12);
        assertEquals(0.01, cell.path("deviation").asDouble(), 1e-12);
        assertFalse(cell.path("tiesWithFirst").asBoolean());
        assertEquals(370, cell.at("/runs/2/right").asInt());
        assertEquals("knn-mae-2", cell.at("/runs/2/command").asText());
        assertTrue(err.toString().contains("[51/51] finetune-scratch-long-2  (about 1 min left)"), err.toString());
    }

    @Test
    void whatIsFinishedIsNotRunAgainAndWhatIsBegunGoesOn() throws IOException {
        EvidenceSettings settings = settings();
        int[] count = {0};
        EvidenceRun.Program stops = (log, args) -> {
            if (++count[0] == 4) { // a fine-tuning that had its first checkpoint
                try {
                    Path run = Files.createDirectories(Path.of(args.get(args.indexOf("--out") + 1)));
                    Files.writeString(run.resolve("settings.yaml"), "");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                return EvidenceRun.INTERRUPTED;
            }
            return pretend(log, args);
        };
        assertEquals(EvidenceRun.INTERRUPTED, run(settings, stops).run(() -> false));
        assertEquals(4, ran.size());
        String unfinished = Files.readString(dir.resolve("out/table.md"));
        assertTrue(unfinished.contains("| ViC-MAE | 40.0 (1 of 3 seeds) |"), unfinished);
        ran.clear();
        assertEquals(
                EvidenceRun.INTERRUPTED, run(settings, EvidenceTest::pretend).run(() -> ran.size() == 2));
        assertEquals(2, ran.size());
        assertEquals(
                List.of("finetune", "--resume", dir + "/out/runs/vicmae-0-tuned"),
                ran.get(0).subList(0, 3));
        assertEquals("pretrain", ran.get(1).get(0));
        assertEquals(0, run(settings, EvidenceTest::pretend).run(() -> false));
        assertEquals(51 - 3, ran.size());
        assertEquals(52, Files.readAllLines(dir.resolve("out/commands.jsonl")).size());
    }

    @Test
    void aCommandThatFailsIsNamedWithTheEndOfItsLog() throws IOException {
        EvidenceRun run = run(settings(), (log, args) -> {
            log.println("vicmae: the disk is full");
            return 1;
        });
        IOException e = assertThrows(IOException.class, () -> run.run(() -> false));
        assertTrue(e.getMessage().startsWith("'vicmae pretrain --data "), e.getMessage());
        assertTrue(e.getMessage().contains("ended with exit status 1"), e.getMessage());
        assertTrue(e.getMessage().endsWith("vicmae: the disk is full"), e.getMessage());
        IOException nothing = assertThrows(
                IOException.class, () -> run(settings(), (log, args) -> 0).run(() -> false));
        assertTrue(nothing.getMessage().contains("left no "), nothing.getMessage());
    }

    @Test
    void aTableOfOtherCommandsOrDataIsRefused() throws IOException {
        EvidenceSettings settings = settings();
        assertEquals(EvidenceRun.INTERRUPTED, run(settings, (log, args) -> 130).run(() -> false));
        EvidenceRun quick =
                run(new EvidenceSettings(settings.train(), settings.test(), true, null), EvidenceTest::pretend);
        IOException e = assertThrows(IOException.class, () -> quick.run(() -> false));
        assertTrue(e.getMessage().contains("its checksum of the commands was "), e.getMessage());
        Path more = TestData.pictures(dir.resolve("more"), 4, 8);
        EvidenceRun other = run(new EvidenceSettings(more, settings.test(), false, null), EvidenceTest::pretend);
        IOException data = assertThrows(IOException.class, () -> other.run(() -> false));
        assertTrue(
                data.getMessage().contains("its training data was 2 images and 0 videos of 2 classes"),
                data.getMessage());
        assertTrue(data.getMessage().contains("now it is 4 images"), data.getMessage());
        assertEquals(0, run(settings, EvidenceTest::pretend).run(() -> false));
    }

    @ParameterizedTest
    @ValueSource(strings = {"cifar", "clips"})
    void commandsComeAfterThoseWhoseResultsTheyUse(String name) {
        Path out = Path.of("out");
        EvidenceTable table =
                Evidence.table(name, new EvidenceSettings(Path.of("train"), Path.of("test"), false, "cpu"), out);
        Set<String> made = new HashSet<>();
        Set<Path> results = new HashSet<>();
        for (Command command : table.commands()) {
            List<String> args = command.args();
            String used = args.get(0).equals("finetune") ? args.get(2) : args.get(1);
            assertTrue(args.get(0).equals("pretrain") || made.contains(used), command.line());
            made.add(args.get(args.indexOf("--out") + 1));
            assertTrue(results.add(command.result()), command.line());
            assertTrue(args.contains("--device") && command.resumed().contains("--device"), command.line());
        }
        assertTrue(table.seconds() < 3600, "at most an hour, not " + table.seconds());
        table.rows().forEach(row -> row.cells().forEach((column, cells) -> {
            assertEquals(3, cells.size(), row.name());
            assertTrue(table.columns().contains(column));
        }));
    }

    private Path tar(String... names) throws IOException {
        Path file = dir.resolve("data.tar");
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(Files.newOutputStream(file))) {
            for (String name : names) {
                byte[] content = name.getBytes(StandardCharsets.UTF_8);
                TarArchiveEntry entry = new TarArchiveEntry(name, true);
                entry.setSize(content.length);
                tar.putArchiveEntry(entry);
                tar.write(content);
                tar.closeArchiveEntry();
            }
        }
        return file;
    }

    @Test
    void tarFilesAreUnpackedOnce() throws IOException {
        Path file = tar("set/train/a/1.jpg", "set/test/a/2.jpg");
        Path own = dir.resolve("own");
        Path data = EvidenceData.folder(file.toString(), own, false);
        assertEquals(own.resolve("unpacked/set"), data);
        assertEquals("set/train/a/1.jpg", Files.readString(data.resolve("train/a/1.jpg")));
        Files.delete(data.resolve("train/a/1.jpg"));
        assertEquals(data, EvidenceData.folder(file.toString(), own, false));
        assertFalse(Files.exists(data.resolve("train/a/1.jpg")), "it is not unpacked again");
        Path other = tar("set/train/a/1.jpg", "set/test/a/2.jpg", "set/test/b/" + "3".repeat(80) + ".jpg");
        IOException e = assertThrows(IOException.class, () -> EvidenceData.folder(other.toString(), own, false));
        assertTrue(e.getMessage().contains("holds another data set"), e.getMessage());
    }

    @Test
    void entriesOutsideOfTheFolderAreRefused() throws IOException {
        Path file = tar("../evil.jpg");
        IOException e =
                assertThrows(IOException.class, () -> EvidenceData.folder(file.toString(), dir.resolve("own"), false));
        assertTrue(e.getMessage().contains("outside of its own folder: ../evil.jpg"), e.getMessage());
        assertFalse(Files.exists(dir.resolve("evil.jpg")));
    }
}
