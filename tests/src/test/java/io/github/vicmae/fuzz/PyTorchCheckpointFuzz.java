package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.io.PyTorchCheckpoint;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.provider.MethodSource;

/** The archive and what it holds; {@link PickleFuzz} reaches deeper into the pickle. */
class PyTorchCheckpointFuzz {
    static List<byte[]> seeds() throws IOException {
        return List.of(ReaderContract.made(folder -> PickleFuzz.checkpoint().write(folder.resolve("seed.pth"))));
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.pth", file -> {
            try (PyTorchCheckpoint source = PyTorchCheckpoint.open(file)) {
                SafetensorsFuzz.readAll(source);
            }
        });
    }
}
