package io.github.vicmae.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.cli.Main;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.device.Device;
import io.github.vicmae.embed.Fingerprint;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** Two executors, each a JVM of its own, against the command line on this machine. */
@EnabledForJreRange(max = JRE.JAVA_21, disabledReason = "Spark 4.0 runs on Java 17 and 21")
class EmbedJobTest {
    private static final int WIDTH = 32;

    @TempDir
    static Path dir;

    private static Path shapes;
    private static Path broken;
    private static Path model;
    /** What the command line makes of the same files. */
    private static final Map<String, float[]> EXPECTED = new TreeMap<>();

    private static SparkSession spark;

    @BeforeAll
    static void shapesAModelAndItsVectors() throws IOException {
        shapes = dir.resolve("shapes/train");
        SyntheticShapes.write(dir.resolve("shapes"), 1, new SyntheticShapes.Settings(32, 6, 9, 8, 2, 2, 1));
        broken = Files.writeString(shapes.resolve("circle/broken one.jpg"), "no picture");
        Files.writeString(shapes.resolve("notes.txt"), "no sample");
        model = dir.resolve("model.safetensors");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(32, 32, 3, 8, WIDTH, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        try (Device device = Device.open("cpu");
                Objective fresh = Objective.create(device, config, 2)) {
            fresh.parameters().initialise(fresh.kernels(), 3);
            Checkpoint.save(model, fresh.state(), false, Map.of());
        }
        Path npy = dir.resolve("expected.npy");
        StringWriter said = new StringWriter();
        assertEquals(
                0,
                Main.run(
                        new PrintWriter(said),
                        new PrintWriter(said),
                        "embed",
                        model.toString(),
                        shapes.toString(),
                        "--out",
                        npy.toString(),
                        "--device",
                        "cpu",
                        "--frames",
                        "3",
                        "--batch",
                        "4"),
                said::toString);
        List<String> paths = new ArrayList<>();
        new ObjectMapper()
                .readTree(Files.readAllBytes(Path.of(npy + ".json")))
                .get("paths")
                .forEach(path -> paths.add(path.asText()));
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(npy)).order(ByteOrder.LITTLE_ENDIAN);
        all.position(10 + all.getShort(8));
        for (String path : paths) {
            float[] row = new float[WIDTH];
            for (int d = 0; d < WIDTH; d++) {
                row[d] = all.getFloat();
            }
            EXPECTED.put(path, row);
        }
    }

    @BeforeAll
    static void twoExecutors() {
        spark = Cluster.session("local-cluster[2,1,1024]");
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    @Test
    void vectorsAreThoseOfOneMachine() throws IOException {
        VicmaeEmbedder embedder =
                VicmaeEmbedder.of(model.toString()).frames(3).batch(4).device("cpu");
        List<String> paths = new ArrayList<>(EXPECTED.keySet());
        paths.add(broken.toString());
        Dataset<Row> files = spark.createDataset(paths, Encoders.STRING()).toDF("path");
        check(embedder.embed(files.repartition(5)).collectAsList(), true);
    }

    @Test
    void bytesOfFilesGiveTheSameVectors() throws IOException {
        Dataset<Row> files = spark.read()
                .format("binaryFile")
                .option("recursiveFileLookup", true)
                .option("pathGlobFilter", "*.{png,jpg,avi,mp4}")
                .load(shapes.toString());
        assertTrue(files.count() > EXPECTED.size(), "the pictures and videos have other extensions by now");
        Path copy = Files.copy(model, dir.resolve("gone.safetensors"));
        VicmaeEmbedder embedder = VicmaeEmbedder.of(copy.toString())
                .frames(3)
                .batch(4)
                .device("cpu")
                .distributed();
        Dataset<Row> vectors = embedder.embed(files);
        Files.delete(copy); // the executors have to take what the driver has sent
        assertEquals(
                List.of("path", "class", "time", "embedding", "problem", "length", "modificationTime"),
                List.of(vectors.columns()));
        check(vectors.collectAsList(), true);
    }

    private static String job(Path output, int status, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "--model",
                model.toString(),
                "--input",
                shapes.toString(),
                "--output",
                output.toString(),
                "--device",
                "cpu",
                "--batch",
                "4"));
        args.addAll(List.of(more));
        StringWriter said = new StringWriter();
        assertEquals(
                status, Jobs.run(new EmbedJob(), args.toArray(String[]::new), new PrintWriter(said)), said::toString);
        return said.toString();
    }

    @Test
    void aSecondRunAddsWhatIsNew() throws IOException {
        Path output = dir.resolve("vectors");
        job(output, 0, "--frames", "3", "--slice", "10");
        check(spark.read().parquet(output.toString()).collectAsList(), true);

        String again = job(output, 0, "--frames", "3");
        assertTrue(again.contains(" 0 are not"), again);
        check(spark.read().parquet(output.toString()).collectAsList(), true);

        Path first = Path.of(EXPECTED.keySet().iterator().next());
        Path added = Files.createDirectories(shapes.resolve("new")).resolve(first.getFileName());
        Files.copy(first, added);
        try {
            String more = job(output, 0, "--frames", "3");
            assertTrue(more.contains(" 1 are not"), more);
            Dataset<Row> rows = spark.read().parquet(output.toString());
            assertEquals(1, rows.where(functions.col("class").equalTo("new")).count());
            assertEquals(EXPECTED.size() + 2, rows.count());
        } finally {
            Files.delete(added);
        }
        assertTrue(job(output, 0, "--frames", "3", "--retry").contains(" 1 are not"));
        assertTrue(job(output, 1, "--frames", "2").contains("--frames was 3 and is 2 now"));
    }

    @Test
    void whatCannotEndWellIsRefusedBeforeAnyWork() throws IOException {
        Path other = Files.createDirectories(dir.resolve("other"));
        Files.writeString(other.resolve("mine.txt"), "mine");
        assertTrue(job(other, 1).contains("holds something that this job has not written"));
        assertTrue(job(dir.resolve("none"), 2, "--frames", "2", "--every", "1").contains("give one of them"));
        assertThrows(IllegalArgumentException.class, () -> VicmaeEmbedder.of(model.toString())
                .embed(spark.createDataset(List.of("a"), Encoders.STRING()).toDF("file")));
        assertThrows(
                IOException.class,
                () -> VicmaeEmbedder.of(dir.resolve("missing").toString()));
    }

    @Test
    void shardsAreThoseOfOneMachine() throws IOException {
        Path alone = dir.resolve("packed alone");
        Path together = dir.resolve("packed together");
        StringWriter said = new StringWriter();
        PrintWriter to = new PrintWriter(said);
        assertEquals(
                0,
                Main.run(to, to, "pack", "--shard-samples", "7", shapes.toString(), alone.toString()),
                said::toString);
        String[] args = {"--input", shapes.toString(), "--output", together.toString(), "--shard-samples", "7"};
        assertEquals(0, Jobs.run(new PackJob(), args, to), said::toString);
        assertEquals(files(alone), files(together));

        Files.delete(together.resolve("shard-000002.tar"));
        StringWriter again = new StringWriter();
        assertEquals(0, Jobs.run(new PackJob(), args, new PrintWriter(again)), again::toString);
        assertEquals(files(alone), files(together));
    }

    /** The checksums of a folder's files by name. */
    private static Map<String, String> files(Path folder) throws IOException {
        Map<String, String> sums = new TreeMap<>();
        try (var all = Files.list(folder)) {
            for (Path file : all.toList()) {
                sums.put(file.getFileName().toString(), Fingerprint.of(file));
            }
        }
        return sums;
    }

    @Test
    void aFileIsWhatItsExtensionSays() {
        assertEquals(Kind.IMAGE, EmbedPartition.kind("hdfs://host/a.b/\u732b \ufffd.JPG"));
        assertEquals(Kind.VIDEO, EmbedPartition.kind("clip.mp4"));
        assertNull(EmbedPartition.kind("/a.jpg/notes"));
        assertNull(EmbedPartition.kind("/a/.jpg"));
    }

    @Test
    void aTaskTakesTheCardThatSparkHasAssigned() {
        assertEquals("cuda:3", ExecutorModel.deviceName("auto", new String[] {"3"}));
        assertEquals("auto", ExecutorModel.deviceName("auto", new String[0]));
        assertEquals("cpu", ExecutorModel.deviceName("cpu", new String[] {"3"}));
    }

    static void check(List<Row> rows, boolean hasBroken) {
        int vectors = 0;
        for (Row row : rows) {
            String path = row.<String>getAs("path").replaceFirst("^file:/+", "/");
            if (path.equals(broken.toString())) {
                assertTrue(hasBroken);
                assertNull(row.getAs("embedding"));
                assertNotNull(row.getAs("problem"));
                continue;
            }
            vectors++;
            assertNull(row.getAs("problem"));
            assertEquals(Path.of(path).getParent().getFileName().toString(), row.getAs("class"));
            List<Float> values = row.getList(row.fieldIndex("embedding"));
            float[] vector = new float[values.size()];
            for (int d = 0; d < vector.length; d++) {
                vector[d] = values.get(d);
            }
            assertArrayEquals(EXPECTED.get(path), vector, 0f, path);
        }
        assertEquals(EXPECTED.size(), vectors);
    }
}
