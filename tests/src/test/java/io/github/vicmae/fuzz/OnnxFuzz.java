package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.io.onnx.OnnxFile;
import io.github.vicmae.io.onnx.OnnxGraph;
import io.github.vicmae.io.onnx.OnnxWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.provider.MethodSource;

class OnnxFuzz {
    static List<byte[]> seeds() throws IOException {
        return List.of(ReaderContract.made(folder -> {
            Path tensors = folder.resolve("tensors");
            new SafetensorsWriter()
                    .add("weight", new long[] {2, 3}, new float[] {1.5f, -0f, Float.NaN, 1, 2, 3})
                    .write(tensors);
            Path file = folder.resolve("seed");
            try (TensorSource source = TensorSource.open(tensors)) {
                OnnxGraph graph = new OnnxGraph("g").metadata("config", "{\"depth\": 2}");
                graph.node("y", "Add").of(graph.input("x", 2, 3), graph.tensor("weight", source, "weight"));
                graph.output("y", 2, 3);
                new OnnxWriter(graph).write(file);
            }
            return file;
        }));
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.onnx", file -> {
            try (OnnxFile source = OnnxFile.open(file)) {
                source.metadata();
                SafetensorsFuzz.readAll(source);
            }
        });
    }
}
