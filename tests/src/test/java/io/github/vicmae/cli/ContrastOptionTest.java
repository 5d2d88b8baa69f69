package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.TestData;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.settings.SettingYaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training with other contrastive losses, a user's own among them. */
class ContrastOptionTest extends CommandFixture {
    private static final String MODEL = "--model ti8 --image 32x16 --dim 32 --depth 1 --heads 2 --decoder-dim 16"
            + " --decoder-depth 1 --decoder-heads 2 --head-hidden 16 --head-out 8 --mask 0.5";

    @TempDir
    static Path folder;

    private static Path data;

    @BeforeAll
    static void render() throws IOException {
        KernelFixture.devices(); // loads the emulated driver before anybody looks for NVIDIA's
        data = TestData.pictures(folder.resolve("data"), 12, 32);
    }

    private int run(String command, String... more) {
        List<String> args = new ArrayList<>(List.of(command));
        args.addAll(List.of(MODEL.split(" ")));
        args.addAll(List.of(more));
        return execute(args.toArray(String[]::new));
    }

    private int pretrain(Path run, String contrast, String... more) {
        List<String> args = new ArrayList<>(List.of("--device", "cpu", "--batch", "4", "--epochs", "2"));
        args.addAll(List.of("--data", data.toString(), "--out", run.toString(), "--contrast", contrast));
        args.addAll(List.of(more));
        return run("pretrain", args.toArray(String[]::new));
    }

    private static List<Double> losses(Path run) throws IOException {
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode metrics = new ObjectMapper().readTree(line);
            if (metrics.has("contrastive")) {
                losses.add(metrics.get("contrastive").asDouble());
            }
        }
        assertFalse(losses.isEmpty(), Files.readString(run.resolve("metrics.jsonl")));
        return losses;
    }

    /** Each trains; the forms of InfoNCE train alike, and the others have losses of their own. */
    @Test
    void allOfThemTrain() throws IOException {
        List<Double> infoNce = null;
        for (String contrast : List.of("infonce", "infonce-tiled", "infonce-naive", "vicreg", "simsiam")) {
            Path run = folder.resolve(contrast);
            assertEquals(0, pretrain(run, contrast), err.toString());
            List<Double> losses = losses(run);
            if (infoNce == null) {
                infoNce = losses;
            } else if (contrast.startsWith("infonce")) {
                for (int i = 0; i < losses.size(); i++) {
                    assertEquals(infoNce.get(i), losses.get(i), 1e-3, contrast + ", step " + i);
                }
            } else {
                assertNotEquals(infoNce.get(0), losses.get(0), 0.1, contrast);
            }
        }
        // Going on with another loss is refused, with the same one it is not.
        assertEquals(1, pretrain(folder.resolve("vicreg"), "simsiam", "--resume"));
        assertTrue(
                err.toString().contains("model.objective.contrast was \"vicreg\" and is \"simsiam\" now"),
                err.toString());
        assertEquals(0, pretrain(folder.resolve("vicreg"), "vicreg", "--resume"), err.toString());
        aRunFromBeforeThereWasAChoiceGoesOn(folder.resolve("infonce"));
    }

    private void aRunFromBeforeThereWasAChoiceGoesOn(Path run) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path today = run.resolve("settings.yaml");
        mapper.writeValue(run.resolve("settings.json").toFile(), former(SettingYaml.read(Files.readString(today))));
        Files.delete(today);
        assertEquals(1, pretrain(run, "infonce-naive", "--resume"));
        assertTrue(err.toString().contains("model.objective.contrast was \"infonce\""), err.toString());
        assertEquals(0, pretrain(run, "infonce", "--resume"), err.toString());
    }

    /** The layout of the first versions, which had neither groups nor a choice of the contrastive loss. */
    private static ObjectNode former(ObjectNode now) {
        ObjectNode old = now.deepCopy();
        for (String group : List.of("schedule", "loading", "compute")) {
            old.setAll((ObjectNode) old.remove(group));
        }
        old.remove(
                List.of("accumulateContrast", "decay", "cooldownEpochs", "shuffle", "shuffleBuffer", "scaledDecode"));
        old.set("checkpointEvery", old.remove("checkpoints").get("every"));
        ObjectNode groups = (ObjectNode) old.remove("model");
        ObjectNode objective = (ObjectNode) groups.get("objective");
        old.set("reconstructionWeight", objective.remove("reconstructionWeight"));
        old.set("contrastive", objective.remove("contrastiveWeight"));
        objective.remove(List.of("method", "contrast", "contrastHash", "segments", "negatives", "negativeSeconds"));
        ObjectNode decoder = (ObjectNode) groups.get("decoder");
        ObjectNode model = old.putObject("model");
        for (String name : List.of("Dim", "Depth", "Heads")) {
            model.set("decoder" + name, decoder.get(name.toLowerCase(Locale.ROOT)));
        }
        model.set("normPix", decoder.get("normPix"));
        ObjectNode trunk = (ObjectNode) groups.get("trunk");
        trunk.remove(List.of("frames", "tube", "classToken", "positions", "registers"));
        model.setAll(trunk);
        model.setAll(objective);
        return old;
    }

    /** The loss that the lab hands out is InfoNCE: it trains alike. A run goes on with the file that it began with, and with no other. */
    @Test
    void aLossOfOnesOwnTrains() throws IOException {
        Path file = folder.resolve("my loss.cu");
        assertEquals(0, execute("lab", "--new", file.toString()));
        Path own = folder.resolve("own run");
        Path usual = folder.resolve("usual run");
        assertEquals(0, pretrain(own, file.toString(), "--preset", "release"), err.toString());
        assertEquals(0, pretrain(usual, "infonce", "--preset", "release"), err.toString());
        List<Double> expected = losses(usual);
        List<Double> found = losses(own);
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < found.size(); i++) {
            assertEquals(expected.get(i), found.get(i), 1e-3, "step " + i);
        }
        assertEquals(0, pretrain(own, file.toString(), "--preset", "release", "--resume"), err.toString());
        // Under another path it is the same loss; the run has a copy.
        Path copy = own.resolve("contrast/my loss.cu");
        assertEquals(-1L, Files.mismatch(file, copy));
        assertEquals(0, pretrain(own, copy.toString(), "--preset", "release", "--resume"), err.toString());
        assertEquals(1, pretrain(usual, file.toString(), "--preset", "release", "--resume"));
        assertTrue(err.toString().contains("model.objective.contrast was \"infonce\""), err.toString());
        Files.writeString(file, Files.readString(file).replace("1e-12f", "1e-11f"));
        assertEquals(1, pretrain(own, file.toString(), "--preset", "release", "--resume"));
        assertTrue(err.toString().contains("the file of the contrastive loss has changed since"), err.toString());
        assertEquals(0, plan(file.toString(), "--preset", "release"), err.toString());
    }

    /** A gradient that nobody writes is no zero. */
    @Test
    void aGradientLeftUnwrittenStopsTheRun() throws IOException {
        Path file = folder.resolve("rows only.cu");
        assertEquals(0, execute("lab", "--new", file.toString()));
        String text = Files.readString(file);
        String columnsToo = "b < (symmetric ? R : R + K)";
        assertTrue(text.contains(columnsToo), text);
        Files.writeString(file, text.replace(columnsToo, "b < R"));
        assertEquals(1, pretrain(folder.resolve("rows only"), file.toString(), "--preset", "paper"), out.toString());
        assertTrue(err.toString().contains("not finite, first seen in 'd target'"), err.toString());
    }

    private int plan(String contrast, String... more) {
        List<String> args = new ArrayList<>(List.of("--kind", "cpu", "--batch", "512", "--contrast", contrast));
        args.addAll(List.of(more));
        return run("plan", args.toArray(String[]::new));
    }

    private double planned(String contrast) {
        assertEquals(0, plan(contrast), err.toString());
        Matcher total = Pattern.compile("total +([0-9.]+) MiB").matcher(out.toString());
        assertTrue(total.find(), out.toString());
        return Double.parseDouble(total.group(1));
    }

    /** 1024 x 1024 floats twice are 8 MiB more, less what the fused form needs for itself. */
    @Test
    void theirMemoryIsPlanned() {
        double fused = planned("infonce");
        double naive = planned("infonce-naive");
        assertTrue(naive > fused + 5 && naive < fused + 9, naive + " MiB beside " + fused);
    }

    @Test
    void unknownOnesAreRefused() {
        assertEquals(2, plan("infonces"));
        assertTrue(err.toString().contains("There is no contrastive loss 'infonces': use infonce, "), err.toString());
        assertEquals(2, plan("none.cu"));
        assertTrue(err.toString().contains("There is no file none.cu"), err.toString());
    }
}
