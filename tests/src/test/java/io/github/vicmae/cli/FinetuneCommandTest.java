package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.TestData;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.eval.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FinetuneCommandTest extends CommandFixture {
    @TempDir
    static Path dir;

    private static Path encoder;
    private static Path train;
    private static Path test;
    private static Path shapes;

    @BeforeAll
    static void dataAndAnEncoder() throws IOException {
        encoder = Checkpoints.write(dir.resolve("encoder.safetensors"), Checkpoints.small(), 3);
        train = TestData.pictures(dir.resolve("train"), 24, 40);
        test = TestData.pictures(dir.resolve("test"), 12, 40);
        shapes = dir.resolve("shapes");
        SyntheticShapes.write(shapes, 1, new SyntheticShapes.Settings(32, 6, 9, 8, 1, 0, 1));
    }

    private int finetune(Object... arguments) {
        List<String> all = new ArrayList<>(List.of("finetune", "--device", "cpu"));
        for (Object argument : arguments) {
            all.add(argument.toString());
        }
        return execute(all.toArray(String[]::new));
    }

    private static JsonNode json(Path folder) throws IOException {
        return new ObjectMapper().readTree(folder.resolve("evaluation.json").toFile());
    }

    @Test
    void fromAnEncoderToAPageOfResults() throws IOException {
        Path run = dir.resolve("run");
        int status = finetune(
                "--from",
                encoder,
                "--train",
                train,
                "--test",
                test,
                "--out",
                run,
                "--epochs",
                30,
                "--batch",
                8,
                "--lr",
                0.2,
                "--rand-augment",
                "none",
                "--erase",
                0,
                "--mixup",
                0,
                "--cutmix",
                0);
        assertEquals(0, status, err.toString());
        JsonNode result = json(run.resolve("test"));
        int right = result.at("/comparison/0/right").asInt();
        assertTrue(right >= 10, out + "\n" + result); // discs and bars are told apart
        assertTrue(out.toString().contains("(" + right + " of 12)"), out.toString());
        assertTrue(Files.readString(run.resolve("report.html")).contains("finetune"));

        assertEquals(
                0, execute("evaluate", run.toString(), test.toString(), "--device", "cpu", "--out", dir + "/again"));
        assertEquals(right, json(dir.resolve("again")).at("/comparison/0/right").asInt());

        assertEquals(2, execute("pretrain", "--resume", run.toString()));
        assertTrue(err.toString().contains("vicmae finetune --resume"), err.toString());
        assertEquals(0, finetune("--resume", run), err.toString());
        assertTrue(err.toString().contains("is there already"), err.toString());
    }

    /** Class folders in another order, one that is unknown, and one that has no test sample. */
    @Test
    void classesAreMatchedByName() throws IOException {
        Path run = dir.resolve("names");
        assertEquals(
                0,
                finetune("--from", encoder, "--train", train, "--out", run, "--epochs", 1, "--batch", 8),
                err.toString());
        Path other = TestData.pictures(dir.resolve("other"), 6, 40);
        Files.move(other.resolve("bar"), other.resolve("a-stranger"));
        assertEquals(
                0, execute("evaluate", run.toString(), other.toString(), "--device", "cpu", "--out", dir + "/named"));
        assertTrue(err.toString().contains("a-stranger"), err.toString());
        JsonNode result = json(dir.resolve("named"));
        assertEquals(6, result.at("/comparison/0/samples").asInt(), result.toString());
        assertTrue(result.at("/comparison/0/right").asInt() <= 3);
    }

    @Test
    void clipsOfVideos() throws IOException {
        Path run = dir.resolve("clips");
        int status = finetune(
                "--from",
                encoder,
                "--clip",
                "8x2",
                "--train",
                shapes.resolve("train"),
                "--test",
                shapes.resolve("test"),
                "--out",
                run,
                "--epochs",
                1,
                "--batch",
                4,
                "--views",
                "2x3");
        assertEquals(0, status, err.toString());
        assertTrue(err.toString().contains("shorter than a clip of 8 frames at stride 2"), err.toString());
        assertEquals(
                "2 clips x 3 crops",
                json(run.resolve("test")).at("/asked/views of a video").asText());
        assertEquals(
                2,
                execute(
                        "evaluate",
                        run.toString(),
                        shapes + "/test",
                        "--device",
                        "cpu",
                        "--views",
                        "2",
                        "--out",
                        dir + "/v"));
        assertTrue(err.toString().contains("such as 5x3, not '2'"), err.toString());
        assertEquals(1, execute("evaluate", run.toString(), test.toString(), "--device", "cpu", "--out", dir + "/w"));
        assertTrue(err.toString().contains("clips of videos"), err.toString());
    }

    @Test
    void whatCannotBeDoneIsSaid() throws IOException {
        Path run = dir.resolve("refused");
        assertEquals(2, finetune("--train", train, "--out", run));
        assertTrue(err.toString().contains("--from"), err.toString());
        assertEquals(2, finetune("--from", "scratch", "--train", train.resolve("disc"), "--out", run));
        assertTrue(err.toString().contains("A classifier tells at least 2 classes apart"), err.toString());
        assertEquals(2, finetune("--from", encoder, "--model", "ti8", "--train", train, "--out", run));
        assertTrue(err.toString().contains("--model applies to --from scratch alone"), err.toString());
        assertEquals(2, finetune("--from", encoder, "--clip", "16", "--train", train, "--out", run));
        assertTrue(err.toString().contains("such as 16x4, not '16'"), err.toString());
        assertEquals(2, finetune("--from", encoder, "--views", "5*3", "--train", train, "--out", run));
        assertTrue(err.toString().contains("such as 5x3, not '5*3'"), err.toString());
        assertEquals(2, finetune("--from", encoder, "--rand-augment", "rand-q9", "--train", train, "--out", run));
        assertFalse(Files.exists(run), err.toString());
        assertEquals(
                1,
                execute("evaluate", encoder.toString(), test.toString(), "--device", "cpu", "--out", run.toString()));
        assertTrue(err.toString().contains("no classifier"), err.toString());
    }
}
