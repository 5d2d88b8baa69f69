package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.eval.ClipFeatures;
import io.github.vicmae.eval.Knn;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KnnCommandTest extends CommandFixture {
    private static final long SEED = 3;

    @TempDir
    static Path dir;

    private static Path shapes;
    private static Path run;

    @BeforeAll
    static void shapesAndARun() throws IOException {
        shapes = dir.resolve("shapes");
        SyntheticShapes.write(shapes, 1, new SyntheticShapes.Settings(32, 6, 9, 8, 3, 2, 2));
        run = Files.createDirectories(dir.resolve("run"));
        Checkpoints.write(run.resolve("model.safetensors"), Checkpoints.small(), SEED);
    }

    private int knn(Path train, Path test, Path out, String... more) {
        String[] args = {
            "knn", run.toString(), "--train", train.toString(), "--test", test.toString(), "--device", "cpu"
        };
        String[] all = Arrays.copyOf(args, args.length + 2 + more.length);
        all[args.length] = "--out";
        all[args.length + 1] = out.toString();
        System.arraycopy(more, 0, all, args.length + 2, more.length);
        return execute(all);
    }

    /** What the demo computes from the same files, with all views in memory. */
    private static Scores asTheDemo() throws IOException {
        ModelConfig model = Checkpoints.small();
        Dataset train = Dataset.scan(List.of(shapes.resolve("train"))).only(Kind.VIDEO);
        Dataset test = Dataset.scan(List.of(shapes.resolve("test")));
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = new FeatureExtractor(
                        device, model.trunk(), model.objective().pooling(), 64)) {
            encoder.initialise(SEED);
            ClipFeatures known = new ClipFeatures(train, model.objective().viewSettings(model.trunk(), 0), 8);
            ClipFeatures asked = new ClipFeatures(test, model.objective().viewSettings(model.trunk(), 0), 8);
            return Knn.scores(
                    known.samples(), known.encoded(encoder), asked.samples(), asked.encoded(encoder), 20, 0.07, null);
        }
    }

    private static String row(String name, Scores scores) {
        return String.format(
                Locale.ROOT,
                "  %-18s %5.1f %% +- %.1f   (%d of %d)",
                name,
                100 * scores.accuracy(),
                100 * scores.standardError(scores.accuracy()),
                scores.right(),
                scores.count());
    }

    @Test
    void theTableIsTheDemosToTheDigit() throws IOException {
        Path out = dir.resolve("as-demo");
        int status = knn(
                shapes.resolve("train"),
                shapes.resolve("test"),
                out,
                "--kind",
                "video",
                "--untrained",
                "--seed",
                "" + SEED,
                "--pixels");
        assertEquals(0, status, err.toString());
        Scores expected = asTheDemo();
        assertTrue(this.out.toString().contains(row("trained encoder", expected)), this.out.toString());
        assertTrue(this.out.toString().contains(row("untrained encoder", expected)), this.out.toString());
        assertTrue(this.out.toString().contains("raw pixels"), this.out.toString());
        assertTrue(this.out.toString().contains("chance              12.5 %"), this.out.toString());
        assertTrue(this.out.toString().contains("16 test samples of 8 classes (k = 20, among 24 labelled samples)"));
        JsonNode json =
                new ObjectMapper().readTree(out.resolve("evaluation.json").toFile());
        assertEquals(expected.right(), json.get("scores").get("right").asInt());
        for (int i = 0; i < expected.count(); i++) {
            JsonNode prediction = json.get("predictions").get(i);
            assertEquals(expected.name(i), prediction.get("sample").asText());
            assertEquals(expected.predictedClass(i), prediction.get("predicted").asText());
            assertEquals(
                    expected.confidence(i), (float) prediction.get("confidence").asDouble());
        }
        assertTrue(json.get("asked").get("command").asText().startsWith("vicmae knn "));
        assertTrue(Files.readString(out.resolve("evaluation.html")).contains("data:image/png"));
    }

    @Test
    void whatIsLeftOutIsSaidAndCounted() throws IOException {
        Path train = dir.resolve("odd-train");
        Path test = dir.resolve("odd-test");
        for (String file : List.of("a/1.png", "b/2.png", "b/3.png", "4.png")) {
            picture(train.resolve(file));
        }
        for (String file : List.of("b/1.png", "c/2.png", "b/4.png")) {
            picture(test.resolve(file));
        }
        Files.write(test.resolve("b/3.png"), new byte[] {1, 2, 3});
        Path out = dir.resolve("odd");
        assertEquals(0, knn(train, test, out, "--json", "--features", "both", "--workers", "3"), err.toString());
        JsonNode json = new ObjectMapper().readTree(this.out.toString());
        assertEquals(3, json.get("scores").get("samples").asInt());
        assertFalse(json.has("predictions"));
        assertEquals(1, json.get("skipped").size());
        String remarks = json.get("remarks").toString();
        for (String part : List.of(
                "no class and are left out: 1",
                "of the test data cannot be predicted",
                "no test sample: a",
                "only 3 training samples")) {
            assertTrue(remarks.contains(part), remarks);
            assertTrue(err.toString().contains(part), err.toString());
        }
        assertTrue(err.toString().contains("warning: skipped"), err.toString());
        assertTrue(err.toString().contains("3.png"), err.toString());
    }

    @Test
    void testSamplesThatWereLearnedAreCounted() throws IOException {
        Path pictures = dir.resolve("same");
        for (String file : List.of("a/1.png", "b/2.png")) {
            picture(pictures.resolve(file));
        }
        Path out = dir.resolve("same-out");
        assertEquals(0, knn(pictures, dir.resolve("./same"), out), err.toString());
        assertTrue(err.toString().contains("among the training samples too: 2"), err.toString());
    }

    private static void picture(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        Files.write(file, Pictures.encode(Pictures.buffered(Pictures.random(32, 32, 3, file.hashCode())), "png"));
    }

    private void refused(int status, String part, String... args) {
        assertEquals(status, execute(args), err.toString());
        assertTrue(err.toString().contains(part), err.toString());
        assertTrue(err.toString().lines().count() <= 2, err.toString());
    }

    @Test
    void whatCannotBeJudgedIsOneSentenceAndLeavesNoFolder() throws IOException {
        String train = shapes.resolve("train").toString();
        String test = shapes.resolve("test").toString();
        String model = run.toString();
        String out = dir.resolve("never").toString();
        Path flat = dir.resolve("flat");
        picture(flat.resolve("1.png"));
        Path one = dir.resolve("one");
        picture(one.resolve("only/1.png"));
        refused(1, "There is no checkpoint", "knn", out, "--train", train, "--test", test);
        refused(1, "no weights", "knn", shapes.toString(), "--train", train, "--test", test);
        refused(
                1,
                "The test data have no labels",
                "knn",
                model,
                "--train",
                train,
                "--test",
                flat.toString(),
                "--out",
                out);
        refused(1, "only the class only", "knn", model, "--train", one.toString(), "--test", test, "--out", out);
        refused(1, "None of the classes", "knn", model, "--train", train, "--test", one.toString(), "--out", out);
        refused(1, "no images", "knn", model, "--train", train, "--test", test, "--kind", "image", "--out", out);
        refused(2, "--k must be", "knn", model, "--train", train, "--test", test, "--k", "0", "--out", out);
        refused(2, "must be at least 1", "knn", model, "--train", train, "--test", test, "--frames", "0", "--out", out);
        refused(2, "--train", "knn", model, "--test", test);
        refused(
                1,
                "is a file",
                "knn",
                model,
                "--train",
                train,
                "--test",
                test,
                "--out",
                flat.resolve("1.png").toString());
        String classifier = Checkpoints.write(dir.resolve("classifier.safetensors"), Checkpoints.classifier(), 1)
                .toString();
        refused(1, "fine-tuned classifier", "knn", classifier, "--train", train, "--test", test, "--out", out);
        assertFalse(Files.exists(Path.of(out)));
    }

    /** A run that goes on after it was finished has a checkpoint that is newer than its model. */
    @Test
    void theNewestWeightsOfARunAreTaken() throws IOException {
        Path both = Files.createDirectories(dir.resolve("both"));
        Path model = Checkpoints.write(both.resolve("model.safetensors"), Checkpoints.small(), 1);
        Path checkpoint = Checkpoints.write(both.resolve("checkpoint.safetensors"), Checkpoints.small(), 2);
        FileTime now = FileTime.fromMillis(1_000_000_000_000L);
        Files.setLastModifiedTime(checkpoint, now);
        Files.setLastModifiedTime(model, now);
        assertEquals(model, RunFolder.weights(both));
        Files.setLastModifiedTime(checkpoint, FileTime.fromMillis(1_000_000_001_000L));
        assertEquals(checkpoint, RunFolder.weights(both));
        assertEquals(model, RunFolder.weights(model));
    }
}
