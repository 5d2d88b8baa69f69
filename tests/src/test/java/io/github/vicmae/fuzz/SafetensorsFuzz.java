package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFuzz {
    static List<byte[]> seeds() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter()
                .metadata("config", "{\"depth\": 2}")
                .add("blocks.0.weight", new long[] {2, 3}, new float[] {1.5f, -0f, Float.NaN, 1, 2, 3})
                .add("empty", new long[] {0, 5}, new float[0])
                .add("count", new long[] {}, new long[] {7});
        return List.of(ReaderContract.made(folder -> {
            writer.write(folder.resolve("seed"));
            return folder.resolve("seed");
        }));
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.safetensors", file -> {
            try (Safetensors source = Safetensors.open(file)) {
                source.metadata();
                readAll(source);
            }
        });
    }

    static void readAll(TensorSource source) throws IOException {
        for (String name : source.names()) {
            if (source.info(name).dtype().isFloat()) {
                source.floats(name);
            } else {
                source.longs(name);
            }
        }
    }
}
