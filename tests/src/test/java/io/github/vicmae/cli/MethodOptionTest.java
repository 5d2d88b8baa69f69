package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.TestData;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.settings.SettingYaml;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The methods at the command line: each trains, goes on, and has its own settings. */
class MethodOptionTest {
    private static final String SMALL = "--model ti8 --image 32x16 --dim 32 --depth 1 --heads 2 --decoder-dim 16"
            + " --decoder-depth 1 --decoder-heads 2 --batch 4 --device cpu --mask 0.5";

    @TempDir
    Path folder;

    private static Path data;

    @TempDir
    static Path shared;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeAll
    static void render() throws IOException {
        KernelFixture.devices(); // loads the emulated driver before anybody looks for NVIDIA's
        data = TestData.pictures(shared.resolve("data"), 12, 32);
    }

    private int run(String command, String... more) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        List<String> args = new ArrayList<>(List.of(command.split(" ")));
        args.addAll(List.of(more));
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args.toArray(String[]::new));
    }

    private int pretrain(Path from, Path run, String options) {
        List<String> more = new ArrayList<>(List.of("--data", from.toString(), "--out", run.toString()));
        more.addAll(List.of((SMALL + " " + options).split(" ")));
        return run("pretrain", more.toArray(String[]::new));
    }

    private static List<JsonNode> steps(Path run) throws IOException {
        List<JsonNode> steps = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode step = new ObjectMapper().readTree(line);
            if (step.has("loss")) {
                steps.add(step);
            }
        }
        return steps;
    }

    @Test
    void maeTrainsAndGoesOn() throws IOException {
        Path whole = folder.resolve("whole");
        assertEquals(0, pretrain(data, whole, "--method mae --epochs 4 --lr 0.01"), err.toString());
        List<JsonNode> steps = steps(whole);
        assertEquals(12, steps.size());
        assertTrue(
                steps.get(11).get("loss").asDouble() < steps.get(0).get("loss").asDouble());
        assertEquals(
                steps.get(3).get("loss").asDouble(),
                steps.get(3).get("reconstruction").asDouble());
        assertFalse(steps.get(0).has("contrastive"));
        assertFalse(steps.get(0).has("lambda"));
        JsonNode settings = SettingYaml.read(Files.readString(whole.resolve("settings.yaml")));
        assertEquals("mae", settings.at("/model/objective/method").asText());
        String metrics = Files.readString(whole.resolve("metrics.jsonl"));
        assertTrue(metrics.contains("\"effective_rank\":"), metrics);
        assertFalse(metrics.contains("positive_similarity"), metrics); // one view has no other
        String report = Files.readString(whole.resolve("report.html"));
        assertFalse(report.contains("recorded nothing of this yet"));
        assertTrue(report.contains("Cosine similarity of views: different samples"));
        assertTrue(report.contains("pasted") && !report.contains("Second view"));

        Path model = whole.resolve("model.safetensors");
        Path features = folder.resolve("features.safetensors");
        assertEquals(
                0,
                run("embed", model.toString(), data.toString(), "--out", features.toString(), "--device", "cpu"),
                err.toString());
        assertEquals(0, pretrain(data, folder.resolve("from"), "--epochs 1 --init " + model), err.toString());
    }

    @Test
    void eachMethodHasItsOwnSettings() {
        Path run = folder.resolve("none");
        Map<String, String> refused = Map.ofEntries(
                Map.entry("--method mae --temperature 0.2", "--temperature does not apply to --method mae"),
                Map.entry("--method mae --preset release", "--preset does not apply to --method mae"),
                Map.entry("--method mae --lambda 1", "--lambda does not apply to --method mae"),
                Map.entry("--method moco", "There is no method 'moco': use vicmae, mae"),
                Map.entry("--mask 1", "The mask ratio must be at least 0 and below 1, not 1.0"),
                Map.entry("--patch x", "The patch must be a whole number, not 'x'"),
                Map.entry("--pooling most", "There is no pooling 'most': use one of mean, max, gem, cls"),
                Map.entry("--method mae --frames 2 --tube 2", "The views of the method mae have 1 frame, not 2"),
                Map.entry("--negatives 1 --contrast simsiam", "--negatives does not apply to --contrast simsiam"),
                Map.entry("--method st-mae --stride 2 --clip-seconds 2", "Give --stride or --clip-seconds, not both"),
                // Of the stride and the length of a clip the one that is given counts, whichever the method has:
                // nothing but the data is wrong.
                Map.entry("--method st-mae --clip-seconds 2", "The method st-mae needs videos"),
                Map.entry("--method omnimae --stride 4", "The method omnimae needs videos"),
                Map.entry(
                        "--negatives 1",
                        "The method vicmae with further frames of the same videos (--negatives) needs videos"));
        refused.forEach((options, sentence) -> {
            List<String> args = new ArrayList<>(List.of("--data", data.toString(), "--out", run.toString()));
            args.addAll(List.of(options.split(" ")));
            assertTrue(run("pretrain", args.toArray(String[]::new)) != 0, options);
            assertTrue(err.toString().contains(sentence), options + ": " + err);
            assertFalse(Files.exists(run), options);
        });
        assertEquals(0, run("plan --method mae --model b16 --batch 8"), err.toString());
        assertEquals(0, run("pretrain --help"));
        String help = out.toString().replaceAll("\\s+", " "); // lines of 80 columns
        assertTrue(help.contains("base learning rate, for 256 samples an update (default: the method's)"), help);
    }

    @Test
    void aRunDoesNotGoOnWithOtherData() throws IOException {
        Path copy = TestData.pictures(folder.resolve("copy"), 12, 32);
        Path run = folder.resolve("run");
        assertEquals(0, pretrain(copy, run, "--epochs 2"), err.toString());
        assertEquals(0, pretrain(copy, run, "--epochs 2 --resume"), err.toString());
        TestData.pictures(copy.resolve("more"), 4, 32);
        assertTrue(pretrain(copy, run, "--epochs 2 --resume") != 0);
        assertTrue(err.toString().contains("cannot go on with other data"), err.toString());
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamedBeforeTheDataAreRead() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertTrue(pretrain(folder.resolve("no such data"), file.resolve("run"), "") != 0);
        assertTrue(err.toString().contains(file + " is a file, not a folder"), err.toString());
    }

    /** Version 0.1 wrote all settings of a model, and of a run, beside each other. */
    @Test
    void aRunOfVersion01GoesOn() throws IOException {
        Path run = folder.resolve("old");
        assertEquals(0, pretrain(data, run, "--epochs 2 --head-hidden 16 --head-out 8"), err.toString());
        Path file = run.resolve("settings.json");
        ObjectMapper mapper = new ObjectMapper();
        JsonNode now = SettingYaml.read(Files.readString(run.resolve("settings.yaml")));
        Files.delete(run.resolve("settings.yaml"));
        ObjectNode old = mapper.createObjectNode();
        ObjectNode model = old.putObject("model");
        JsonNode objective = now.at("/model/objective");
        for (String name : List.of("variant", "maskRatio", "pooling", "headHidden", "headOut", "temperature")) {
            model.set(name, objective.get(name));
        }
        model.setAll((ObjectNode) now.at("/model/trunk"));
        model.remove(List.of("frames", "tube", "classToken", "positions", "registers")); // came later
        model.set("decoderDim", now.at("/model/decoder/dim"));
        model.set("decoderDepth", now.at("/model/decoder/depth"));
        model.set("decoderHeads", now.at("/model/decoder/heads"));
        model.set("normPix", now.at("/model/decoder/normPix"));
        old.set("data", now.get("data"));
        old.set("views", now.get("views"));
        ((ObjectNode) old.get("views")).remove(List.of("stride", "clipSeconds"));
        old.setAll((ObjectNode) now.get("schedule"));
        old.remove(List.of("accumulateContrast", "decay", "cooldownEpochs", "initPartial"));
        old.setAll((ObjectNode) now.get("loading"));
        old.remove(List.of("shuffle", "shuffleBuffer", "scaledDecode"));
        old.set("optimizer", now.get("optimizer"));
        old.set("reconstructionWeight", objective.get("reconstructionWeight"));
        old.set("contrastive", objective.get("contrastiveWeight"));
        old.set("seed", now.get("seed"));
        old.set("checkpointEvery", now.at("/checkpoints/every"));
        old.set("init", now.get("init"));
        mapper.writeValue(file.toFile(), old);
        assertEquals(0, pretrain(data, run, "--epochs 2 --head-hidden 16 --head-out 8 --resume"), err.toString());
        assertFalse(Files.exists(file)); // its settings are in settings.yaml now
        Files.delete(run.resolve("settings.yaml"));
        mapper.writeValue(file.toFile(), old.put("batch", 8));
        assertTrue(pretrain(data, run, "--epochs 2 --head-hidden 16 --head-out 8 --resume") != 0);
        assertTrue(err.toString().contains("schedule.batch was 8 and is 4 now"), err.toString());
    }
}
