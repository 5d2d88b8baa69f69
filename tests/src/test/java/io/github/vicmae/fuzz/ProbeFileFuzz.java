package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.eval.LinearHeads;
import io.github.vicmae.eval.ProbeFile;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.provider.MethodSource;

class ProbeFileFuzz {
    static List<byte[]> seeds() throws IOException {
        LinearHeads.State state = new LinearHeads.State(
                3, new float[] {1, 2, 3, 4}, new float[] {1, 2, 3, 4}, new float[2], new float[4], new float[2]);
        ProbeFile probe = new ProbeFile(Map.of("seed", "1"), 2, 1, state);
        return List.of(ReaderContract.made(folder -> {
            probe.write(folder.resolve("seed"));
            return folder.resolve("seed");
        }));
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(
                bytes, "fuzzed.safetensors", file -> ProbeFile.read(file).requireSame(file, Map.of("seed", "1")));
    }
}
