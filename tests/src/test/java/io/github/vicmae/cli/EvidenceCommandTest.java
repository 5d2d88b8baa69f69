package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.TestData;
import io.github.vicmae.cli.evidence.Evidence;
import io.github.vicmae.cli.evidence.EvidenceRun;
import io.github.vicmae.cli.evidence.EvidenceSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

class EvidenceCommandTest extends CommandFixture {
    @TempDir
    Path dir;

    private Path pictures(String name, int count) throws IOException {
        Path data = dir.resolve(name);
        TestData.pictures(data.resolve("train"), count, 40);
        TestData.pictures(data.resolve("test"), count / 2, 40);
        return data;
    }

    private int evidence(Object... arguments) {
        List<String> all = new ArrayList<>(List.of("evidence"));
        for (Object argument : arguments) {
            all.add(argument.toString());
        }
        return execute(all.toArray(String[]::new));
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    /** Pre-trains as far as the checkpoint and is then interrupted, like a run that was stopped before its model was written. */
    private static int interrupted(PrintWriter log, List<String> args) {
        assertEquals(0, Main.run(log, log, args.toArray(String[]::new)));
        try {
            Files.delete(Path.of(args.get(args.indexOf("--out") + 1)).resolve("model.safetensors"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return EvidenceRun.INTERRUPTED;
    }

    /** Runs a command; to save time, systems that differ in their pre-training alone are judged by the first one's evaluations. */
    private static int shortened(PrintWriter log, List<String> args) {
        Path target = Path.of(args.get(args.indexOf("--out") + 1));
        String name = target.getFileName().toString();
        boolean isCopied = name.matches("(probe-|knn-)?(mae|contrast)-0(-tuned)?|scratch(-long)?-0");
        if (args.get(0).equals("pretrain") || !isCopied) {
            return Main.run(log, log, args.toArray(String[]::new));
        }
        String first = name.startsWith("scratch") ? "vicmae-0-tuned" : name.replaceAll("mae|contrast", "vicmae");
        String test = args.get(0).equals("finetune") ? "test/" : "";
        try {
            Path file = target.resolve(test + "evaluation.json");
            Files.createDirectories(file.getParent());
            Files.copy(target.resolveSibling(first).resolve(test + "evaluation.json"), file);
            return 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aTableGoesOnAfterAnInterruptionAndHasAllCells() throws IOException {
        Path data = pictures("pictures", 8);
        Path table = dir.resolve("table");
        EvidenceSettings settings = Evidence.settings(data.toString(), table, true, "cpu");
        PrintWriter text = new PrintWriter(err, true);
        EvidenceRun first = Evidence.run("cifar", settings, table, EvidenceCommandTest::interrupted, text);
        assertEquals(EvidenceRun.INTERRUPTED, first.run(() -> false));
        assertFalse(Files.exists(table.resolve("table.json")));
        EvidenceRun second = Evidence.run("cifar", settings, table, EvidenceCommandTest::shortened, text);
        assertEquals(0, second.run(() -> false), err.toString());
        Files.delete(table.resolve("evaluations/knn-untrained-0/evaluation.json"));

        assertEquals(
                0, evidence("cifar", "--data", data, "--out", table, "--quick", "--device", "cpu"), err.toString());
        assertTrue(err.toString().startsWith("[14/17] knn-untrained-0"), "all others are finished: " + err);
        List<String> commands = Files.readAllLines(table.resolve("commands.jsonl"));
        assertTrue(commands.get(0).contains("\"status\":130"), commands.get(0));
        assertTrue(
                commands.get(1).contains("pretrain-vicmae-0\"")
                        && commands.get(1).contains("--resume"),
                commands.get(1));
        JsonNode result = json(table.resolve("table.json"));
        assertTrue(result.path("complete").asBoolean());
        assertEquals(commands.size() - 2, result.path("commands").size());
        assertEquals(4, result.path("testSamples").asInt());
        assertEquals(0.5, result.path("chance").asDouble());
        JsonNode evaluation = json(table.resolve("evaluations/knn-untrained-0/evaluation.json"));
        assertEquals(
                evaluation.at("/comparison/1/right").asInt(),
                result.at("/rows/4/cells/k-NN/runs/0/right").asInt());
        assertEquals("raw pixels", result.at("/rows/4/name").asText());
        JsonNode tuned = json(table.resolve("runs/vicmae-0-tuned/test/evaluation.json"));
        assertEquals(
                tuned.at("/scores/right").asInt(),
                result.at("/rows/0/cells/fine-tuning/runs/0/right").asInt());
        String markdown = Files.readString(table.resolve("table.md"));
        assertTrue(out.toString().startsWith(markdown), out.toString());
        assertFalse(markdown.contains("not run yet"), markdown);

        assertEquals(0, evidence("cifar", "--data", data, "--out", table, "--quick", "--device", "cpu"));
        assertFalse(err.toString().contains("["), "nothing is run again: " + err);
        assertTrue(out.toString().startsWith(markdown), out.toString());

        Path other = pictures("other", 6);
        assertEquals(Main.FAILED, evidence("cifar", "--data", other, "--out", table, "--quick"));
        assertTrue(err.toString().contains("holds another data set"), err.toString());
        assertTrue(err.toString().contains("--out"), err.toString());
    }

    @Test
    void clipsAreRenderedWhereNoneAreGiven() throws IOException {
        Path table = dir.resolve("clips");
        EvidenceSettings settings = Evidence.settings("synthetic", table, true, "cpu");
        assertTrue(Files.exists(table.resolve("data/synthetic-shapes.txt")));
        List<String> ran = new ArrayList<>();
        EvidenceRun run = Evidence.run(
                "clips",
                settings,
                table,
                (log, args) -> {
                    ran.add(args.get(0));
                    return ran.size() > 3 ? EvidenceRun.INTERRUPTED : Main.run(log, log, args.toArray(String[]::new));
                },
                new PrintWriter(err, true));
        assertEquals(EvidenceRun.INTERRUPTED, run.run(() -> false), err.toString());
        assertEquals(List.of("pretrain", "knn", "probe", "pretrain"), ran);
        JsonNode result = json(table.resolve("table.json"));
        assertFalse(result.path("complete").asBoolean());
        assertEquals(8, result.path("testSamples").asInt());
        assertEquals(2, result.at("/rows/0/cells").size());
        assertEquals(0, result.at("/rows/1/cells").size());
        assertTrue(run.markdown().contains("| frame distance 4 | not run yet | not run yet |"), run.markdown());
    }

    @Test
    @EnabledIfSystemProperty(named = "vicmae.test.thorough", matches = "true")
    void tablesAreMadeToTheirEnds() throws IOException {
        Path data = pictures("all", 8);
        Path cifar = dir.resolve("cifar");
        assertEquals(0, evidence("cifar", "--data", data, "--out", cifar, "--quick"), err.toString());
        assertTrue(json(cifar.resolve("table.json")).path("complete").asBoolean());
        Path table = dir.resolve("whole");
        assertEquals(0, evidence("clips", "--data", "synthetic", "--out", table, "--quick"), err.toString());
        assertTrue(json(table.resolve("table.json")).path("complete").asBoolean());
        assertFalse(Files.readString(table.resolve("table.md")).contains("not run yet"));
    }

    @Test
    void commandsArePrintedWithoutBeingRun() throws IOException {
        Path data = pictures("printed", 4);
        Path table = dir.resolve("never");
        assertEquals(0, evidence("cifar", "--data", data, "--out", table, "--dry-run"), err.toString());
        List<String> lines = out.toString().lines().toList();
        assertEquals(52, lines.size());
        assertTrue(lines.get(0).startsWith("vicmae pretrain --data " + data.resolve("train")), lines.get(0));
        assertTrue(lines.get(51).matches("51 commands; about \\d+ minutes on two free cores"), lines.get(51));
        assertFalse(Files.exists(table));
    }

    @Test
    void whatIsNoTableAndNoDataIsRefused() throws IOException {
        assertEquals(2, evidence("imagenet", "--data", dir, "--out", dir.resolve("none")));
        assertTrue(err.toString().contains("no table 'imagenet'; there are cifar and clips"), err.toString());
        Path empty = Files.createDirectories(dir.resolve("empty"));
        assertEquals(Main.FAILED, evidence("cifar", "--data", empty, "--out", dir.resolve("none")));
        assertTrue(err.toString().contains("'train' and 'test'"), err.toString());
        assertFalse(Files.exists(dir.resolve("none")));
    }
}
