package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        float[] weights = {1.5f, -0f, Float.NaN, Float.MIN_VALUE, 3e38f, 7};
        long[] count = {Long.MIN_VALUE};
        Path file = folder.resolve("a.safetensors");
        new SafetensorsWriter()
                .metadata("config", "{\"a\": \"\u00e9\u2028\"}")
                .add("blocks.0.weight", new long[] {2, 3}, weights)
                .add("empty", new long[] {0, 5}, new float[0])
                .add("count", new long[] {}, count)
                .write(file);
        try (Safetensors read = Safetensors.open(file)) {
            assertEquals(
                    List.of("count", "blocks.0.weight", "empty"),
                    read.names(),
                    "wider types come first, so that all are aligned");
            assertEquals(Map.of("config", "{\"a\": \"\u00e9\u2028\"}"), read.metadata());
            assertArrayEquals(weights, read.floats("blocks.0.weight"));
            assertArrayEquals(count, read.longs("count"));
            assertArrayEquals(new float[0], read.floats("empty"));
            assertArrayEquals(new long[] {0, 5}, read.info("empty").shape());
            assertEquals(24, read.info("blocks.0.weight").bytes());
            ByteBuffer third = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
            read.read("blocks.0.weight", 12, third);
            assertEquals(Float.MIN_VALUE, third.getFloat(0));
            assertThrows(
                    IndexOutOfBoundsException.class, () -> read.read("blocks.0.weight", 24, ByteBuffer.allocate(1)));
            assertThrows(IOException.class, () -> read.floats("count"));
            assertThrows(IOException.class, () -> read.longs("blocks.0.weight"));
            IOException missing = assertThrows(IOException.class, () -> read.floats("norm.bias"));
            assertTrue(missing.getMessage().contains("norm.bias"), missing.getMessage());
            assertFalse(read.contains("norm.bias"));
        }
        byte[] bytes = Files.readAllBytes(file);
        assertEquals(0, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong() % 8);
    }

    @Test
    void tensorsLargerThanAChunkAreWrittenInOrder() throws IOException {
        int length = (5 << 20) / 4 * 2 + 3;
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = i;
        }
        Path file = folder.resolve("large.safetensors");
        new SafetensorsWriter().add("x", new long[] {length}, values).write(file);
        try (Safetensors read = Safetensors.open(file)) {
            assertArrayEquals(values, read.floats("x"));
        }
    }

    /** Every half and bfloat16 pattern against arithmetic that does not share code with the reader. */
    @Test
    void narrowAndWideFloatsAreConverted() throws IOException {
        long[] all = {1 << 16};
        Path file = folder.resolve("half.safetensors");
        SafetensorsWriter.Source patterns = (offset, chunk) -> {
            for (int i = (int) offset / 2; chunk.hasRemaining(); i++) {
                chunk.putShort((short) i);
            }
        };
        new SafetensorsWriter()
                .add("f16", DType.F16, all, patterns)
                .add("bf16", DType.BF16, all, patterns)
                .add("f64", DType.F64, new long[] {1}, (offset, chunk) -> chunk.putDouble(0.1))
                .write(file);
        try (Safetensors read = Safetensors.open(file)) {
            assertArrayEquals(new float[] {0.1f}, read.floats("f64"));
            float[] half = read.floats("f16");
            float[] brain = read.floats("bf16");
            for (int i = 0; i < 1 << 16; i++) {
                assertEquals((float) value(i, 5, 10), half[i], "F16 pattern " + i);
                assertEquals((float) value(i, 8, 7), brain[i], "BF16 pattern " + i);
            }
        }
    }

    private static double value(int bits, int exponentBits, int mantissaBits) {
        double sign = bits >> 15 == 0 ? 1 : -1;
        int exponent = bits >> mantissaBits & (1 << exponentBits) - 1;
        double fraction = (bits & (1 << mantissaBits) - 1) / (double) (1 << mantissaBits);
        int bias = (1 << exponentBits - 1) - 1;
        if (exponent == (1 << exponentBits) - 1) {
            return fraction == 0 ? sign / 0 : Double.NaN;
        }
        return sign
                * (exponent == 0 ? fraction * Math.pow(2, 1 - bias) : (1 + fraction) * Math.pow(2, exponent - bias));
    }

    @Test
    void integersAreWidened() throws IOException {
        Path file = folder.resolve("int.safetensors");
        new SafetensorsWriter()
                .add("u8", DType.U8, new long[] {2}, (o, c) -> c.put((byte) 255).put((byte) 1))
                .add("i8", DType.I8, new long[] {1}, (o, c) -> c.put((byte) -1))
                .add("u16", DType.U16, new long[] {1}, (o, c) -> c.putShort((short) -1))
                .add("i32", DType.I32, new long[] {1}, (o, c) -> c.putInt(-7))
                .add("u32", DType.U32, new long[] {1}, (o, c) -> c.putInt(-1))
                .write(file);
        try (Safetensors read = Safetensors.open(file)) {
            assertArrayEquals(new long[] {255, 1}, read.longs("u8"));
            assertArrayEquals(new long[] {-1}, read.longs("i8"));
            assertArrayEquals(new long[] {65535}, read.longs("u16"));
            assertArrayEquals(new long[] {-7}, read.longs("i32"));
            assertArrayEquals(new long[] {0xffffffffL}, read.longs("u32"));
        }
    }

    @Test
    void theWriterRefusesWhatItCannotWrite() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().add("a", new long[] {1}, new float[1]);
        assertThrows(IllegalArgumentException.class, () -> writer.add("a", new long[] {1}, new float[1]));
        assertThrows(IllegalArgumentException.class, () -> writer.add("__metadata__", new long[] {1}, new float[1]));
        assertThrows(IllegalArgumentException.class, () -> writer.add("b", new long[] {2, 2}, new float[3]));
        assertThrows(
                IllegalArgumentException.class,
                () -> writer.add("c", DType.F32, new long[] {1L << 40, 1L << 40}, (o, c) -> {}));
        Path file = Files.writeString(folder.resolve("old"), "old");
        writer.add("lazy", DType.F32, new long[] {1}, (offset, chunk) -> {});
        assertThrows(IOException.class, () -> writer.write(file));
        assertEquals("old", Files.readString(file));
    }

    @Test
    void goldenFilesAreRead() throws IOException {
        try (TensorSource source = TensorSource.open(TestData.shared("golden/release-tiny.safetensors"))) {
            assertEquals(201, source.names().size());
            assertArrayEquals(new long[] {5, 3, 32, 32}, source.info("in.x1").shape());
            float[] positions = source.floats("param.pos_embed");
            for (int i = 0; i < 64; i++) {
                assertEquals(0, positions[i], "the class row of the position table is zero");
            }
            assertEquals(1, positions[64 + 16], "the cosine of position 0");
            assertArrayEquals(new long[] {6}, source.longs("after.projector.1.num_batches_tracked"));
        }
    }

    private Path raw(long length, byte[] header, int dataBytes) throws IOException {
        ByteBuffer file = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        return Files.write(
                folder.resolve("hostile.safetensors"),
                file.putLong(length).put(header).array());
    }

    private void refused(Path file, String... words) {
        IOException thrown =
                assertThrows(IOException.class, () -> Safetensors.open(file).close());
        assertTrue(thrown.getMessage().startsWith(file.toString()), thrown.getMessage());
        for (String word : words) {
            assertTrue(thrown.getMessage().contains(word), thrown.getMessage());
        }
    }

    /** Each header is followed by eight bytes of data. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{",
                " {}",
                "{\"a\":}",
                "{}garbage!",
                "{\"a\":1}",
                "{\"a\":{}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}",
                "{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,16]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551618],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,2],\"data_offsets\":[0,0]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9223372036854775807]}}",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],\"data_offsets\":[0,9223372036854775807]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                "{\"__metadata__\":{\"a\":1}}",
                "{\"__metadata__\":{\"a\":\"b\"}}"
            })
    void contradictoryHeadersAreRefused(String header) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        refused(raw(text.length, text, 8));
    }

    @Test
    void falseLengthsAreRefusedWithoutAllocatingThem() throws IOException {
        byte[] text = "{}".getBytes(StandardCharsets.UTF_8);
        refused(raw(100, text, 0), "100 bytes", "only 2");
        refused(raw(100_000_001, text, 0), "100000001");
        refused(raw(-1, text, 0), "18446744073709551615");
        refused(raw(Long.MAX_VALUE, text, 0));
        refused(Files.write(folder.resolve("empty"), new byte[0]), "only 0 bytes");
        refused(folder.resolve("missing"), "no such file");
    }

    @Test
    void deepNestingAndBadTextAreRefused() throws IOException {
        byte[] deep = ("{\"a\":{\"x\":" + "[".repeat(1_000_000)).getBytes(StandardCharsets.UTF_8);
        refused(raw(deep.length, deep, 0), "nesting");
        byte[] many = ("{\"a\":{\"shape\":[" + "0,".repeat(1000)).getBytes(StandardCharsets.UTF_8);
        refused(raw(many.length, many, 0), "more than 64");
        byte[] malformed = "{\"?\":1}".getBytes(StandardCharsets.UTF_8);
        malformed[2] = (byte) 0xff;
        refused(raw(malformed.length, malformed, 0), "UTF-8");
        byte[] wide = "{\"a\":{}}".getBytes(StandardCharsets.UTF_16LE);
        refused(raw(wide.length, wide, 0));
    }

    @Test
    void mutatedFilesAreReadOrRefused() throws IOException {
        Path file = folder.resolve("valid.safetensors");
        new SafetensorsWriter()
                .metadata("config", "{}")
                .add("a", new long[] {3, 2}, new float[6])
                .add("b", new long[] {2}, new long[2])
                .add("c", DType.BF16, new long[] {1, 5}, (offset, chunk) -> chunk.position(chunk.limit()))
                .write(file);
        Mutations.areReadOrRefused(file, Safetensors::open);
    }

    @Test
    void gitLfsPointersAreCalledSo() throws IOException {
        String pointer =
                "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0a".repeat(32) + "\nsize 343268\n";
        for (String name : List.of("model.safetensors", "model.pth")) {
            Path file = Files.writeString(folder.resolve(name), pointer);
            for (Executable open : List.<Executable>of(
                    () -> TensorSource.open(file), () -> Safetensors.open(file), () -> PyTorchCheckpoint.open(file))) {
                String message = assertThrows(IOException.class, open).getMessage();
                assertTrue(message.startsWith(file + ": a Git LFS pointer"), message);
                assertTrue(message.contains("343268 bytes") && message.contains("git lfs pull"), message);
            }
        }
        Path reported = TestData.shared("data/reports/lfs.safetensors");
        assertTrue(assertThrows(IOException.class, () -> TensorSource.open(reported))
                .getMessage()
                .contains("Git LFS pointer"));
    }
}
