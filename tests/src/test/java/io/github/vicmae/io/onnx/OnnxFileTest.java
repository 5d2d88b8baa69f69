package io.github.vicmae.io.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.vicmae.io.Mutations;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A graph of one addition, written and read. */
class OnnxFileTest {
    private static final int D = 300; // 1200 bytes: a tensor that goes beside a model that is too large

    @TempDir
    Path dir;

    private final float[] weight = new float[D];
    private Path tensors;

    @BeforeEach
    void save() throws IOException {
        for (int d = 0; d < D; d++) {
            weight[d] = d / 8f;
        }
        tensors = dir.resolve("tensors.safetensors");
        new SafetensorsWriter()
                .add("big", new long[] {D}, weight)
                .add("more", new long[] {1, D}, weight)
                .add("small", new long[] {1}, new float[] {5})
                .write(tensors);
    }

    private List<Path> write(Path file, long most) throws IOException {
        try (TensorSource source = TensorSource.open(tensors)) {
            OnnxGraph graph = new OnnxGraph("sum").metadata("mean", "0.5 0.25");
            String sum = graph.node("sum", "Add").of(graph.input("x", D), graph.tensor("big", source, "big"));
            sum = graph.node("more.sum", "Add").of(sum, graph.tensor("more", source, "more"));
            String scaled = graph.node("scaled", "Mul").of(sum, graph.scalar("two", 2));
            graph.node("y", "Add").of(scaled, graph.tensor("small", source, "small"));
            graph.output("y", D);
            return new OnnxWriter(graph, most).write(file);
        }
    }

    private void check(Path file) throws IOException, OrtException {
        try (TensorSource source = TensorSource.open(file)) {
            assertEquals(List.of("big", "more", "small"), source.names(), "constants of the graph are no tensors");
            assertArrayEquals(weight, source.floats("big"));
            assertArrayEquals(weight, source.floats("more"));
            assertArrayEquals(new long[] {1, D}, source.info("more").shape());
            assertEquals("0.5 0.25", source.metadata().get("mean"));
        }
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions();
                OrtSession session = environment.createSession(file.toString(), options);
                OnnxTensor x =
                        OnnxTensor.createTensor(environment, FloatBuffer.wrap(new float[2 * D]), new long[] {2, D});
                OrtSession.Result result = session.run(Map.of("x", x))) {
            float[][] y = (float[][]) result.get("y").orElseThrow().getValue();
            for (int d = 0; d < D; d++) {
                assertEquals(4 * weight[d] + 5, y[1][d], 1e-4);
            }
        }
    }

    @Test
    void comesBackAndRuns() throws IOException, OrtException {
        Path file = dir.resolve("sum.onnx");
        assertEquals(List.of(file), write(file, Integer.MAX_VALUE));
        check(file);
    }

    @Test
    void whatIsTooLargeForOneFileHasItsTensorsBesideIt() throws IOException, OrtException {
        Path file = dir.resolve("sum.onnx");
        Path data = dir.resolve("sum.onnx.data");
        assertEquals(List.of(file, data), write(file, 2000));
        assertEquals(2 * 4096, Files.size(data), "pages");
        assertTrue(Files.size(file) < 1500, Files.size(file) + " bytes");
        check(file);
        Files.write(data, new byte[4096]);
        IOException shortened = assertThrows(IOException.class, () -> TensorSource.open(file));
        assertTrue(shortened.getMessage().contains("more reaches beyond"), shortened.getMessage());
        Files.delete(data);
        IOException e = assertThrows(IOException.class, () -> TensorSource.open(file));
        assertTrue(e.getMessage().startsWith(file + ": cannot be read as an ONNX model: " + data), e.getMessage());
    }

    @Test
    void modelsOfOtherProgramsAreRefused() throws IOException {
        Path file = dir.resolve("sum.onnx");
        write(file, Integer.MAX_VALUE);
        byte[] bytes = Files.readAllBytes(file);
        byte[] name = "vicmae".getBytes(StandardCharsets.US_ASCII);
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("vicmae");
        System.arraycopy("pytorc".getBytes(StandardCharsets.US_ASCII), 0, bytes, at, name.length);
        Files.write(file, bytes);
        IOException e = assertThrows(IOException.class, () -> TensorSource.open(file));
        assertTrue(e.getMessage().contains("written by 'pytorc'"), e.getMessage());
    }

    @Test
    void damagedFilesAreReadOrRefused() throws IOException {
        Path file = dir.resolve("sum.onnx");
        write(file, Integer.MAX_VALUE);
        Mutations.areReadOrRefused(file, OnnxFile::open);
    }

    @Test
    void aNodeNeedsWhatIsThereAndNamesAreTakenOnce() {
        OnnxGraph graph = new OnnxGraph("g");
        graph.input("x", 1);
        assertThrows(
                IllegalArgumentException.class, () -> graph.node("y", "Add").of("x", "z"));
        graph.node("y", "Neg").of("x");
        assertThrows(
                IllegalArgumentException.class, () -> graph.node("y", "Neg").of("x"));
    }
}
