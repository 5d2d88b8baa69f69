package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands export and convert. */
class ExportCommandTest extends CommandFixture {
    @TempDir
    Path dir;

    private Path model;

    @BeforeEach
    void aModel() throws IOException {
        model = Checkpoints.write(dir.resolve("model.safetensors"), Checkpoints.small(), 3);
    }

    private String at(String name) {
        return dir.resolve(name).toString();
    }

    private static byte[] bytes(TensorSource source, TensorInfo info) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) info.bytes());
        source.read(info.name(), 0, bytes);
        return bytes.array();
    }

    private static void assertSame(Path before, Path after) throws IOException {
        try (TensorSource a = TensorSource.open(before);
                TensorSource b = TensorSource.open(after)) {
            assertEquals(new TreeSet<>(a.names()), new TreeSet<>(b.names()));
            assertTrue(a.names().size() > 10);
            for (String name : a.names()) {
                assertEquals(a.info(name).dtype(), b.info(name).dtype(), name);
                assertArrayEquals(a.info(name).shape(), b.info(name).shape(), name);
                assertArrayEquals(bytes(a, a.info(name)), bytes(b, b.info(name)), name);
            }
            assertEquals(a.metadata().get("config"), b.metadata().get("config"));
        }
    }

    /** There and back again: all tensors of a checkpoint, and the encoder's where it goes through ONNX. */
    @ParameterizedTest
    @CsvSource({"float32", "float16", "bfloat16"})
    void everyTensorKeepsItsBytes(String precision) throws IOException {
        assertEquals(0, execute("convert", model.toString(), at("typed.safetensors"), "--precision", precision));
        assertEquals(0, execute("convert", at("typed.safetensors"), at("all.pth")), err.toString());
        assertEquals(0, execute("convert", at("all.pth"), at("all.safetensors")), err.toString());
        assertSame(dir.resolve("typed.safetensors"), dir.resolve("all.safetensors"));

        assertEquals(0, execute("export", at("typed.safetensors"), at("encoder.safetensors")), err.toString());
        assertEquals(0, execute("convert", at("all.pth"), at("encoder.onnx")), err.toString());
        assertTrue(err.toString().contains("left out: decoder_blocks"), err.toString());
        assertEquals(0, execute("convert", at("encoder.onnx"), at("encoder.pth")), err.toString());
        assertSame(dir.resolve("encoder.safetensors"), dir.resolve("encoder.onnx"));
        assertSame(dir.resolve("encoder.safetensors"), dir.resolve("encoder.pth"));
        try (TensorSource source = TensorSource.open(dir.resolve("encoder.onnx"))) {
            assertEquals(
                    DType.valueOf(precision.replace("float", "F").replace("bF", "BF")),
                    source.info("norm.weight").dtype());
        }
    }

    @Test
    void whatIsLeftOutIsSaid() {
        assertEquals(0, execute("export", model.toString(), at("encoder.pth")), err.toString());
        assertTrue(err.toString().contains("left out of " + model), err.toString());
        assertTrue(err.toString().contains("mask_token") && err.toString().contains("decoder_blocks (12 tensors)"));
    }

    @Test
    void argumentsAreRefusedBeforeAnyWork() throws IOException {
        String[][] cases = {
            {"export", model.toString(), at("encoder.bin"), "the extension tells the form"},
            {"export", at("none.safetensors"), at("encoder.onnx"), "There is no checkpoint or run"},
            {"export", model.toString(), at("none/encoder.onnx"), "there is no such file or folder"},
            {"export", model.toString(), at("encoder.onnx"), "--precision", "int4", "There is no precision 'int4'"},
            {"export", model.toString(), at("encoder.onnx"), "--pooling", "sum", "There is no pooling 'sum'"},
            {"export", model.toString(), at("encoder.pth"), "--pooling", "cls", "part of an ONNX graph"},
            {"export", model.toString(), at("encoder.pth"), "--names", "ours", "There are no names 'ours'"},
            {"export", model.toString(), at("encoder.onnx"), "--names", "timm", "its own names"},
            {"export", model.toString(), at("encoder.onnx"), "--image", "30", "a multiple of 8"},
            {"convert", dir.toString(), at("encoder.onnx"), "is a folder"},
            {"convert", at("none.pth"), at("encoder.onnx"), "there is no such file"},
        };
        for (String[] arguments : cases) {
            String expected = arguments[arguments.length - 1];
            assertTrue(execute(Arrays.copyOf(arguments, arguments.length - 1)) > 0, expected);
            assertTrue(err.toString().contains(expected), err.toString());
            assertFalse(Files.exists(dir.resolve("encoder.onnx")) || Files.exists(dir.resolve("encoder.pth")));
        }
    }

    @Test
    void aFileThatIsThereIsReplacedOnlyWhereThatIsAskedFor() throws IOException {
        Path file = Files.writeString(dir.resolve("encoder.onnx"), "mine");
        assertEquals(1, execute("export", model.toString(), file.toString()));
        assertTrue(err.toString().contains("--force"), err.toString());
        assertEquals("mine", Files.readString(file));
        assertEquals(0, execute("export", model.toString(), file.toString(), "--force"), err.toString());
        assertTrue(Files.size(file) > 1000);
    }
}
