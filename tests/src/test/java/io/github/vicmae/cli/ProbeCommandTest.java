package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.eval.ProbeFile;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.PositionKind;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.StMaeConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbeCommandTest extends CommandFixture {
    private static final String[] CLASSES = {"blue", "green", "red"};

    @TempDir
    static Path dir;

    private static Path model;
    private static Path pictures;
    private static Path shapes;

    /** Noisy pictures whose colour is their class: any encoder's features tell them apart. */
    @BeforeAll
    static void coloursAndAnEncoder() throws IOException {
        model = Checkpoints.write(dir.resolve("model.safetensors"), Checkpoints.small(), 3);
        pictures = dir.resolve("pictures");
        Random random = new Random(1);
        for (String side : List.of("train", "test")) {
            for (int c = 0; c < 3; c++) {
                for (int i = 0; i < 12; i++) {
                    byte[] pixels = new byte[3 * 36 * 36];
                    random.nextBytes(pixels);
                    for (int p = 0; p < pixels.length; p++) {
                        int noise = (pixels[p] & 0xFF) / 3;
                        pixels[p] = (byte) (p % 3 == 2 - c ? 160 + noise : noise);
                    }
                    Path file = pictures.resolve(side).resolve(CLASSES[c]).resolve(i + ".png");
                    Files.createDirectories(file.getParent());
                    Files.write(file, Pictures.encode(Pictures.buffered(new Image(36, 36, 3, pixels)), "png"));
                }
            }
        }
        shapes = dir.resolve("shapes");
        SyntheticShapes.write(shapes, 1, new SyntheticShapes.Settings(32, 6, 9, 8, 2, 1, 1));
    }

    private int probe(Path data, Path out, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "probe",
                model.toString(),
                "--train",
                data.resolve("train").toString(),
                "--test",
                data.resolve("test").toString(),
                "--device",
                "cpu",
                "--out",
                out.toString()));
        args.addAll(Arrays.asList(more));
        return execute(args.toArray(String[]::new));
    }

    @Test
    void coloursAreToldApartOverCachedFeatures() throws IOException {
        Path out = dir.resolve("cached");
        assertEquals(
                0,
                probe(
                        pictures,
                        out,
                        "--cached",
                        "--lr",
                        "0.001,100",
                        "--epochs",
                        "60",
                        "--batch",
                        "512",
                        "--features",
                        "both",
                        "--untrained",
                        "--pixels"),
                err.toString());
        assertTrue(this.out.toString().contains("linear probe       100.0 % +- 0.0   (36 of 36)"), this.out.toString());
        JsonNode json =
                new ObjectMapper().readTree(out.resolve("evaluation.json").toFile());
        assertEquals(
                100, json.get("asked").get("learning rate for batches of 256").asDouble());
        assertEquals("both", json.get("asked").get("features").asText());
        assertEquals(36, json.get("asked").get("batch").asInt());
        String remarks = json.get("remarks").toString();
        assertTrue(remarks.contains("The rate 100 was chosen by 6 training samples"), remarks);
        assertTrue(remarks.contains("A step takes all 36 samples"), remarks);
        ProbeFile probe = ProbeFile.read(out.resolve("probe.safetensors"));
        assertEquals(60, probe.epoch());
        assertEquals(3, probe.state().biases().length);
        assertEquals(2 * Checkpoints.small().trunk().dim() * 3, probe.state().weights().length);
        // Another probe in the same folder is refused before any work.
        assertEquals(1, probe(pictures, out, "--cached"));
        assertTrue(err.toString().contains("holds an evaluation already"), err.toString());
    }

    /** What is left of a training that was cut off is its file; here it is that of the last epoch, so that only the test is left to do. */
    @Test
    void aProbeIsResumedWithTheSameSettingsAlone() throws IOException {
        Path whole = dir.resolve("whole");
        String[] asked = {"--epochs", "4", "--batch", "10", "--lr", "30", "--seed", "5", "--features", "cls"};
        assertEquals(0, probe(pictures, whole, with(asked, "--workers", "3")), err.toString());
        assertTrue(err.toString().contains("epoch 4/4"), err.toString());
        assertEquals(4, Files.readAllLines(whole.resolve("epochs.jsonl")).size());
        assertTrue(err.toString().contains("--out " + whole + " --resume goes on"), err.toString());
        Path file = whole.resolve("probe.safetensors");
        Path again = Files.createDirectories(dir.resolve("again"));
        Files.copy(file, again.resolve("probe.safetensors"));
        assertEquals(1, probe(pictures, again, asked));
        assertTrue(err.toString().contains("go on with it by --resume"), err.toString());
        assertEquals(0, probe(pictures, again, with(asked, "--resume", "--workers", "1")), err.toString());
        assertFalse(err.toString().contains("epoch "), err.toString());
        ObjectMapper mapper = new ObjectMapper();
        assertEquals(
                mapper.readTree(whole.resolve("evaluation.json").toFile()).get("predictions"),
                mapper.readTree(again.resolve("evaluation.json").toFile()).get("predictions"));
        assertEquals(1, probe(pictures, again, with(asked, "--resume", "--frames", "3")));
        assertTrue(err.toString().contains("other settings: frames was 8 and is now 3"), err.toString());
    }

    private static String[] with(String[] args, String... more) {
        String[] all = Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return all;
    }

    @Test
    void videosAreAveragedOverRandomFrames() throws IOException {
        Path out = dir.resolve("videos");
        assertEquals(
                0, probe(shapes, out, "--kind", "video", "--epochs", "2", "--frames", "2", "--json"), err.toString());
        JsonNode json = new ObjectMapper().readTree(this.out.toString());
        assertEquals(2, json.get("asked").get("frames of a video").asInt());
        assertTrue(
                json.get("remarks").toString().contains("--cached"),
                json.get("remarks").toString());
        assertTrue(err.toString().contains("test accuracy"), err.toString());
    }

    /** A sample is two clips of four frames, which hold the seven that are asked for. */
    @Test
    void anEncoderOfClipsIsTrainedOnRandomClips() throws IOException {
        TrunkConfig trunk = new TrunkConfig(32, 32, 3, 8, 32, 1, 2, 4, 4, 2, true, PositionKind.LEARNED);
        ModelConfig stMae = new ModelConfig(trunk, new DecoderConfig(16, 1, 2, 4, true), new StMaeConfig(0.5, 1));
        Path clips = Checkpoints.write(dir.resolve("clips.safetensors"), stMae, 1);
        Path out = dir.resolve("clips");
        String[] args = {
            "probe",
            clips.toString(),
            "--train",
            shapes.resolve("train").toString(),
            "--test",
            shapes.resolve("test").toString(),
            "--kind",
            "video",
            "--frames",
            "7",
            "--epochs",
            "1",
            "--device",
            "cpu",
            "--out",
            out.toString()
        };
        assertEquals(0, execute(args), err.toString());
        assertEquals(
                64, ProbeFile.read(out.resolve("probe.safetensors")).state().running().length);
        assertTrue(this.out.toString().contains("8 test samples of 8 classes"), this.out.toString());
    }

    private void refused(int status, String part, String... more) {
        Path out = dir.resolve("never");
        assertEquals(status, probe(shapes, out, more), err.toString());
        assertTrue(err.toString().contains(part), err.toString());
        assertTrue(err.toString().lines().count() <= 2, err.toString());
        assertFalse(Files.exists(out));
    }

    @Test
    void whatCannotBeTrainedIsOneSentenceAndLeavesNoFolder() {
        refused(1, "images and", "--epochs", "1");
        refused(2, "add --cached", "--lr", "0.1,1");
        refused(2, "go with --cached", "--kind", "video", "--untrained");
        refused(2, "Learning rates must be positive", "--lr", "0");
        refused(2, "--batch must be at least 2", "--batch", "1");
        refused(2, "warm-up that is shorter", "--epochs", "5", "--warmup", "5");
        refused(2, "crop's share", "--crop", "1.5");
        assertEquals(2, execute("probe", model.toString(), "--train", "x", "--test", "x", "--resume"), err.toString());
        assertTrue(err.toString().contains("name it"), err.toString());
    }
}
