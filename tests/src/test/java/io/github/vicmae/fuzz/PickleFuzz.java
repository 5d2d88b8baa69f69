package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.io.Pickler;
import io.github.vicmae.io.PyTorchCheckpoint;
import java.io.IOException;
import java.util.List;
import java.util.zip.ZipEntry;
import org.junit.jupiter.params.provider.MethodSource;

/** Any pickle in an archive that is sound otherwise. */
class PickleFuzz {
    static List<byte[]> seeds() {
        return List.of(checkpoint().end());
    }

    /** A checkpoint as training programs write it: a state dict among other things, one of its tensors transposed. */
    static Pickler checkpoint() {
        return new Pickler()
                .dict()
                .text("epoch")
                .number(3)
                .text("model")
                .dict()
                .text("weight")
                .tensor("FloatStorage", 0, new long[] {3, 4}, new long[] {1, 3})
                .text("bias")
                .tensor("FloatStorage", 2, new long[] {4}, new long[] {1})
                .endDict()
                .endDict();
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] pickle) throws IOException {
        byte[] archive =
                ReaderContract.made(folder -> Pickler.archive(folder.resolve("fuzzed.pth"), pickle, ZipEntry.STORED));
        ReaderContract.assertHolds(archive, "fuzzed.pth", file -> {
            try (PyTorchCheckpoint source = PyTorchCheckpoint.open(file)) {
                SafetensorsFuzz.readAll(source);
            }
        });
    }
}
