package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PyTorchCheckpointTest {
    @TempDir
    Path folder;

    /** Twelve floats 0 to 11, the storage that the made-up checkpoints below share. */
    private static final byte[] STORAGE;

    static {
        ByteBuffer floats = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 12; i++) {
            floats.putFloat(i);
        }
        STORAGE = floats.array();
    }

    /** Writes opcodes as Python's pickler would. */
    private static final class Pickler {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Pickler() {
            op(0x80, 2);
        }

        Pickler op(int... bytes) {
            for (int b : bytes) {
                out.write(b);
            }
            return this;
        }

        Pickler text(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            op('X', bytes.length, bytes.length >> 8, 0, 0);
            out.writeBytes(bytes);
            return this;
        }

        Pickler global(String module, String name) {
            out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
            return this;
        }

        Pickler number(long value) {
            op(0x8a, 8);
            out.writeBytes(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
            return this;
        }

        Pickler tuple(long... values) {
            op('(');
            for (long value : values) {
                number(value);
            }
            return op('t');
        }

        Pickler tensor(String storage, long offset, long[] size, long[] stride) {
            global("torch._utils", "_rebuild_tensor_v2").op('(', '(').text("storage");
            global("torch", storage)
                    .text("0")
                    .text("cpu")
                    .number(12)
                    .op('t', 'Q')
                    .number(offset);
            return tuple(size)
                    .tuple(stride)
                    .op(0x89)
                    .global("collections", "OrderedDict")
                    .op(')', 'R', 't', 'R');
        }

        byte[] end() {
            op('.');
            return out.toByteArray();
        }
    }

    private Path archive(byte[] pickle, int method) throws IOException {
        Path file = folder.resolve("made-up.pth");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            add(zip, "archive/data.pkl", pickle, method);
            add(zip, "archive/data/0", STORAGE, method);
        }
        return file;
    }

    private static void add(ZipOutputStream zip, String name, byte[] bytes, int method) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(method);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    private TensorSource open(Pickler pickler) throws IOException {
        return TensorSource.open(archive(pickler.end(), ZipEntry.STORED));
    }

    private void refused(Pickler pickler, String words) throws IOException {
        Path file = archive(pickler.end(), ZipEntry.STORED);
        IOException thrown =
                assertThrows(IOException.class, () -> TensorSource.open(file).close());
        assertTrue(thrown.getMessage().startsWith(file.toString()), thrown.getMessage());
        assertTrue(thrown.getMessage().contains(words), thrown.getMessage());
    }

    @Test
    void thePublishedLayoutEqualsTheGoldenTensors() throws IOException {
        Path pth = TestData.shared("golden/release-tiny.pth");
        try (TensorSource source = TensorSource.open(pth);
                TensorSource golden = TensorSource.open(TestData.shared("golden/release-tiny.safetensors"))) {
            assertTrue(assertInstanceOf(PyTorchCheckpoint.class, source).epoch().isPresent());
            List<String> names = source.names();
            assertEquals(
                    golden.names().stream().filter(n -> n.startsWith("after.")).count(), names.size());
            for (String name : names) {
                TensorInfo info = source.info(name);
                assertArrayEquals(golden.info("after." + name).shape(), info.shape(), name);
                if (info.dtype().isFloat()) {
                    assertArrayEquals(golden.floats("after." + name), source.floats(name), name);
                } else {
                    assertArrayEquals(golden.longs("after." + name), source.longs(name), name);
                }
            }
        }
    }

    @Test
    void stridedViewsAreReadInRowMajorOrder() throws IOException {
        Pickler pickler = new Pickler().op('}', '(').text("model").op('}', '(');
        pickler.text("plain").tensor("FloatStorage", 2, new long[] {2, 3}, new long[] {3, 1});
        pickler.text("transposed").tensor("FloatStorage", 0, new long[] {3, 4}, new long[] {1, 3});
        pickler.text("column").tensor("FloatStorage", 1, new long[] {4}, new long[] {3});
        pickler.text("repeated").tensor("FloatStorage", 5, new long[] {2, 2}, new long[] {0, 1});
        pickler.text("scalar").tensor("FloatStorage", 11, new long[] {}, new long[] {});
        pickler.text("empty").tensor("FloatStorage", 12, new long[] {0, 3}, new long[] {3, 1});
        pickler.text("parameter").global("torch._utils", "_rebuild_parameter").op('(');
        pickler.tensor("FloatStorage", 0, new long[] {1}, new long[] {1})
                .op(0x88)
                .op('}', 't', 'R');
        pickler.op('u').text("epoch").number(799).op('u');
        try (TensorSource source = open(pickler)) {
            assertEquals(OptionalLong.of(799), ((PyTorchCheckpoint) source).epoch());
            assertArrayEquals(new float[] {2, 3, 4, 5, 6, 7}, source.floats("plain"));
            assertArrayEquals(new float[] {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}, source.floats("transposed"));
            assertArrayEquals(new float[] {1, 4, 7, 10}, source.floats("column"));
            assertArrayEquals(new float[] {5, 6, 5, 6}, source.floats("repeated"));
            assertArrayEquals(new float[] {11}, source.floats("scalar"));
            assertArrayEquals(new float[0], source.floats("empty"));
            assertArrayEquals(new float[] {0}, source.floats("parameter"));
            ByteBuffer part = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            source.read("transposed", 16, part);
            assertEquals(1, part.getFloat(0));
            assertEquals(4, part.getFloat(4));
        }
    }

    @Test
    void aPlainStateDictNeedsNoWrapper() throws IOException {
        Pickler pickler = new Pickler().global("collections", "OrderedDict").op(')', 'R', '(');
        pickler.text("norm.weight")
                .tensor("HalfStorage", 0, new long[] {2}, new long[] {1})
                .op('u');
        // torch.save keeps a state dict's _metadata as an attribute.
        pickler.op('}').text("_metadata").op('}', 's', 'b');
        try (TensorSource source = open(pickler)) {
            assertEquals(List.of("norm.weight"), source.names());
            assertEquals(DType.F16, source.info("norm.weight").dtype());
            assertFalse(source.contains("_metadata"));
        }
    }

    @Test
    void nothingIsExecutedAndStrangersAreRefusedByName() throws IOException {
        Path proof = folder.resolve("proof");
        Pickler elsewhere =
                new Pickler().op('}', '(').text("args").global("os", "system").op('(');
        elsewhere.text("touch " + proof).op('t', 'R').text("model").op('}', '(');
        elsewhere
                .text("w")
                .tensor("FloatStorage", 0, new long[] {1}, new long[] {1})
                .op('u', 'u');
        try (TensorSource source = open(elsewhere)) {
            assertEquals(List.of("w"), source.names());
        }
        Pickler inside =
                new Pickler().op('}', '(').text("w").global("os", "system").op('(');
        refused(inside.text("touch " + proof).op('t', 'R', 'u'), "os.system");
        assertFalse(Files.exists(proof));
        refused(new Pickler().op('}', '(').text("epoch").number(3).op('u'), "epoch");
    }

    @Test
    void viewsBeyondTheirStorageAreRefused() throws IOException {
        long[][][] shapes = {
            {{0}, {13}, {1}},
            {{12}, {1}, {1}},
            {{-1}, {1}, {1}},
            {{Long.MAX_VALUE}, {2}, {1}},
            {{0}, {2}, {Long.MAX_VALUE}},
            {{0}, {2}, {-1}},
            {{0}, {1L << 40}, {0}},
            {{0}, {1L << 40, 1L << 40}, {0, 0}},
            {{0}, {3, 3}, {5, 1}},
            {{0}, {2}, {1, 1}},
        };
        for (long[][] s : shapes) {
            Pickler pickler = new Pickler().op('}', '(').text("w");
            refused(pickler.tensor("FloatStorage", s[0][0], s[1], s[2]).op('u'), "entry w");
        }
        refused(
                new Pickler()
                        .op('}', '(')
                        .text("w")
                        .tensor("QInt8Storage", 0, new long[] {1}, new long[] {1})
                        .op('u'),
                "torch.QInt8Storage");
    }

    @Test
    void hostilePicklesAreRefused() throws IOException {
        refused(new Pickler(), "empty stack");
        refused(new Pickler().op('('), "empty stack");
        refused(new Pickler().op('t'), "mark");
        refused(new Pickler().op('h', 5), "memo 5");
        refused(new Pickler().op('X', 0xff, 0xff, 0xff, 0x7f), "beyond its end");
        refused(new Pickler().op('N'), "not a dictionary");
        refused(new Pickler().op('}'), "empty");
        refused(new Pickler().op('i'), "opcode 0x69");
        refused(new Pickler().op(0x80, 9), "protocol 9");
        refused(new Pickler().op('N', ')', 'R'), "calls something");
        // A list that contains itself, as a dictionary's key.
        refused(new Pickler().op('}', '(', ']', 'q', 0, 'h', 0, 'a', 'N', 'u'), "empty");
        int[] marks = new int[5 << 20];
        Arrays.fill(marks, '}');
        refused(new Pickler().op(marks), "more than");
        Path unfinished = archive(new byte[] {(byte) 0x80, 2, 'J'}, ZipEntry.STORED);
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(unfinished))
                .getMessage()
                .contains("ends early"));
        Path compressed = archive(new Pickler().op('}').end(), ZipEntry.DEFLATED);
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(compressed))
                .getMessage()
                .contains("compressed"));
    }

    @Test
    void otherFilesAreNamed() throws IOException {
        Path old = Files.write(folder.resolve("old.pth"), new byte[] {(byte) 0x80, 2, (byte) 0x8a, 10, 0x6c, 1});
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(old))
                .getMessage()
                .contains("1.6"));
        Path zip = Files.write(folder.resolve("cut.pth"), new byte[] {'P', 'K', 3, 4, 0, 0});
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(zip))
                .getMessage()
                .contains("zip"));
        assertThrows(IOException.class, () -> TensorSource.open(folder));
    }

    @Test
    void mutatedCheckpointsAreReadOrRefused() throws IOException {
        Pickler pickler = new Pickler().op('}', '(').text("model").op('}', '(');
        pickler.text("a")
                .tensor("FloatStorage", 2, new long[] {2, 3}, new long[] {3, 1})
                .op('q', 1);
        pickler.text("b").tensor("FloatStorage", 0, new long[] {3, 4}, new long[] {1, 3});
        pickler.op('u').text("args").global("argparse", "Namespace").op(')', 0x81, '}', 'b', 'u');
        byte[] valid = Files.readAllBytes(archive(pickler.end(), ZipEntry.STORED));
        Path file = folder.resolve("fuzz.pth");
        int read = 0;
        int refused = 0;
        for (long seed = 0; seed < 4000; seed++) {
            Files.write(file, SafetensorsTest.mutate(valid, new Random(seed)));
            try (PyTorchCheckpoint source = PyTorchCheckpoint.open(file)) {
                for (String name : source.names()) {
                    if (source.info(name).dtype().isFloat()) {
                        source.floats(name);
                    } else {
                        source.longs(name);
                    }
                }
                read++;
            } catch (IOException e) {
                assertTrue(e.getMessage().startsWith(file.toString()), "seed " + seed + ": " + e.getMessage());
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        assertTrue(read > 100 && refused > 100, "read " + read + ", refused " + refused);
    }
}
