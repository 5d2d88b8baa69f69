package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.TestSeed;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbedCommandTest extends CommandFixture {
    @TempDir
    static Path dir;

    private static Path shapes;
    private static Path model;

    @BeforeAll
    static void shapesAndAModel() throws IOException {
        shapes = dir.resolve("shapes/train");
        SyntheticShapes.write(dir.resolve("shapes"), 1, new SyntheticShapes.Settings(32, 6, 9, 8, 2, 2, 1));
        model = dir.resolve("model.safetensors");
        Checkpoints.write(model, Checkpoints.small(), 3);
    }

    private int embed(Path data, Path out, String... more) {
        List<String> args = new ArrayList<>(
                List.of("embed", model.toString(), data.toString(), "--out", out.toString(), "--device", "cpu"));
        args.addAll(List.of(more));
        return execute(args.toArray(String[]::new));
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(Files.readAllBytes(Path.of(file + ".json")));
    }

    private static float[] row(Path npy, int row, int width) throws IOException {
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(npy)).order(ByteOrder.LITTLE_ENDIAN);
        int start = 10 + all.getShort(8);
        float[] values = new float[width];
        all.position(start + row * width * Float.BYTES).asFloatBuffer().get(values);
        return values;
    }

    @Test
    void theMiddleFramesAreThoseOfTheEncoder() throws IOException {
        Path out = dir.resolve("middle.npy");
        assertEquals(0, embed(shapes, out, "--frames", "1"), err.toString());
        Dataset data = Dataset.scan(List.of(shapes));
        JsonNode json = json(out);
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(model, device)) {
            assertEquals(data.size(), json.get("paths").size());
            for (Sample sample : data.samples()) {
                int i = sample.index();
                assertEquals(sample.name(), json.get("paths").get(i).asText());
                assertEquals(sample.className(), json.get("classes").get(i).asText());
                assertArrayEquals(encoder.embed(sample), row(out, i, encoder.width()), 1e-5f);
            }
        }
        assertFalse(Files.exists(dir.resolve("middle.npy.part")));
    }

    @Test
    void normalizedRowsHaveTheLengthOne() throws IOException {
        Path out = dir.resolve("unit.npy");
        assertEquals(0, embed(shapes, out, "--normalize", "--tokens", "cls"), err.toString());
        int width = json(out).get("dim").asInt();
        double sum = 0;
        for (float v : row(out, 3, width)) {
            sum += v * v;
        }
        assertEquals(1, sum, 1e-6);
    }

    /** Their mean over a view is what is pooled. */
    @Test
    void patchesAreRowsOfTokens() throws IOException {
        Path pooled = dir.resolve("pooled.npy");
        Path patches = dir.resolve("patches.npy");
        assertEquals(0, embed(shapes, pooled, "--every", "1s"), err.toString());
        assertEquals(0, embed(shapes, patches, "--every", "1s", "--tokens", "patches"), err.toString());
        int dim = json(pooled).get("dim").asInt();
        int count = json(patches).get("row_tokens").asInt();
        assertEquals(16, count);
        assertEquals(json(pooled).get("times"), json(patches).get("times"));
        for (int i = 0; i < json(pooled).get("rows").asInt(); i++) {
            float[] tokens = row(patches, i, count * dim);
            float[] mean = new float[dim];
            for (int t = 0; t < tokens.length; t++) {
                mean[t % dim] += tokens[t] / count;
            }
            assertArrayEquals(row(pooled, i, dim), mean, 1e-5f);
        }
        assertEquals(2, embed(shapes, dir.resolve("patches.csv"), "--tokens", "patches"));
        assertTrue(err.toString().contains(".safetensors"), err.toString());
    }

    @Test
    void whatCannotBeDoneIsRefusedBeforeAnyWork() throws IOException {
        assertEquals(2, embed(shapes, dir.resolve("x.txt")));
        assertTrue(err.toString().contains(".parquet"), err.toString());
        assertEquals(1, embed(shapes, dir.resolve("none/x.npy")));
        assertEquals(2, embed(shapes, dir.resolve("x.npy"), "--every", "soon"));
        assertTrue(err.toString().contains("500ms"), err.toString());
        assertEquals(2, embed(shapes, dir.resolve("x.npy"), "--every", "0s"));
        assertEquals(2, embed(shapes, dir.resolve("x.npy"), "--every", "1s", "--frames", "2"));
        assertEquals(2, embed(shapes, dir.resolve("x.npy"), "--frames", "0"));
        assertEquals(2, embed(shapes, dir.resolve("x.npy"), "--resume", "--force"));
        assertEquals(1, embed(dir.resolve("nowhere"), dir.resolve("x.npy")));
        Path out = Files.writeString(dir.resolve("there.npy"), "mine");
        assertEquals(1, embed(shapes, out));
        assertTrue(err.toString().contains("--resume") && err.toString().contains("--force"), err.toString());
        assertEquals("mine", Files.readString(out));
    }

    @Test
    void newFilesAreAddedAndChangedOnesEmbeddedAgain() throws IOException {
        Path data = Files.createDirectories(dir.resolve("growing/c")).getParent();
        for (int i = 0; i < 4; i++) {
            Pictures.write(data.resolve("c/" + i + ".png"), Pictures.buffered(Pictures.random(40, 36, 3, i)), "png");
        }
        Files.write(data.resolve("c/broken.png"), new byte[] {1, 2, 3});
        for (String form : new String[] {"npy", "csv", "parquet", "safetensors"}) {
            Path out = dir.resolve("growing." + form);
            assertEquals(0, embed(data, out), err.toString());
            assertTrue(err.toString().contains("broken.png"), err.toString());
            assertEquals(1, embed(data, out, "--resume", "--tokens", "cls"));
            assertTrue(err.toString().contains("--tokens was pooled and is cls now"), err.toString());
        }
        Pictures.write(data.resolve("c/2.png"), Pictures.buffered(Pictures.random(50, 36, 3, 9)), "png");
        Pictures.write(data.resolve("a/new.png"), Pictures.buffered(Pictures.random(40, 36, 3, 7)), "png");
        Path whole = dir.resolve("whole.npy");
        assertEquals(0, embed(data, whole), err.toString());
        int width = json(whole).get("dim").asInt();
        for (String form : new String[] {"npy", "csv", "parquet", "safetensors"}) {
            Path out = dir.resolve("growing." + form);
            assertEquals(0, embed(data, out, "--resume"), err.toString());
            assertTrue(
                    err.toString().contains("3 files are embedded already")
                            && err.toString().contains("3 are not (1 of them have changed since)"),
                    err.toString());
        }
        JsonNode json = json(dir.resolve("growing.npy"));
        assertEquals(5, json.get("paths").size());
        assertTrue(json.get("paths").get(4).asText().endsWith("a/new.png"));
        assertEquals("[\"a\",\"c\"]", json.get("class_names").toString());
        assertEquals(1, json.get("skipped").size());
        // New files are the first of the whole and the last of the one that grew.
        for (int i = 0; i < 5; i++) {
            assertArrayEquals(row(whole, (i + 1) % 5, width), row(dir.resolve("growing.npy"), i, width), 1e-5f);
        }
    }

    /** Killed at random moments, the command ends with the very bytes of one that was left alone. */
    @Test
    void aKilledCommandGoesOn() throws IOException, InterruptedException {
        Path data = Files.createDirectories(dir.resolve("many"));
        for (int i = 0; i < 600; i++) {
            Pictures.write(data.resolve(i + ".png"), Pictures.buffered(Pictures.random(33, 32, 3, i)), "png");
        }
        Files.write(data.resolve("300-broken.png"), new byte[] {1, 2, 3});
        Path whole = dir.resolve("kill.npy");
        assertEquals(0, embed(data, whole, "--batch", "5"), err.toString());
        byte[] expected = Files.readAllBytes(whole);
        String json = Files.readString(Path.of(whole + ".json"));
        Files.delete(whole);
        Files.delete(Path.of(whole + ".json"));
        Random random = new Random(TestSeed.next());
        Path lines = dir.resolve("kill.npy.part/files.jsonl");
        for (int kill = 0; kill < (KernelFixture.isThorough() ? 20 : 2); kill++) {
            long before = Files.exists(lines) ? Files.size(lines) : 0;
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-Djava.awt.headless=true",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Main.class.getName(),
                            "embed",
                            model.toString(),
                            data.toString(),
                            "--out",
                            whole.toString(),
                            "--batch",
                            "5",
                            "--device",
                            "cpu",
                            "--resume")
                    .redirectErrorStream(true)
                    .redirectOutput(dir.resolve("log").toFile())
                    .start();
            while (process.isAlive() && (Files.exists(lines) ? Files.size(lines) : 0) == before) {
                Thread.sleep(1);
            }
            process.waitFor(random.nextInt(60), TimeUnit.MILLISECONDS);
            process.destroyForcibly().waitFor();
        }
        assertEquals(0, embed(data, whole, "--batch", "5", "--resume"), err.toString());
        assertArrayEquals(expected, Files.readAllBytes(whole));
        assertEquals(json, Files.readString(Path.of(whole + ".json")));
        assertFalse(Files.exists(lines));
    }
}
