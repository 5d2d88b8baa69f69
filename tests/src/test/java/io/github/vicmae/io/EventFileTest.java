package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a reader of its own, written from the descriptions of TFRecord, protocol buffers and event.proto. */
class EventFileTest {
    @TempDir
    Path folder;

    /** The bytes of "123456789" have the CRC-32C e3069283 (RFC 3720 has others); masked as TFRecord says. */
    @Test
    void checksumsAreMasked() {
        byte[] nine = "123456789".getBytes(StandardCharsets.US_ASCII);
        long crc = 0xe3069283L;
        long masked = (crc >>> 15 | crc << 17 & 0xffffffffL) + 0xa282ead8L & 0xffffffffL;
        assertEquals((int) masked, EventFile.checksum(nine, nine.length));
    }

    /** Bit by bit, with the polynomial 1edc6f41 reflected. */
    private static int crc(byte[] bytes, int from, int count) {
        int crc = -1;
        for (int i = from; i < from + count; i++) {
            crc ^= bytes[i] & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) != 0 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
            }
        }
        crc = ~crc;
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }

    /** The records of a file, their checksums compared. */
    private static List<byte[]> records(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> records = new ArrayList<>();
        while (in.hasRemaining()) {
            int start = in.position();
            long length = in.getLong();
            assertEquals(crc(bytes, start, 8), in.getInt());
            byte[] data = new byte[Math.toIntExact(length)];
            in.get(data);
            assertEquals(crc(bytes, start + 12, data.length), in.getInt());
            records.add(data);
        }
        return records;
    }

    /** The fields of a message by number: numbers, or bytes. */
    private static Map<Integer, List<Object>> fields(byte[] message) {
        ByteBuffer in = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        Map<Integer, List<Object>> fields = new TreeMap<>();
        while (in.hasRemaining()) {
            long key = varint(in);
            Object value;
            switch ((int) (key & 7)) {
                case 0 -> value = varint(in);
                case 1 -> value = in.getDouble();
                case 2 -> {
                    byte[] bytes = new byte[(int) varint(in)];
                    in.get(bytes);
                    value = bytes;
                }
                case 5 -> value = in.getFloat();
                default -> throw new AssertionError("wire type " + (key & 7));
            }
            fields.computeIfAbsent((int) (key >>> 3), k -> new ArrayList<>()).add(value);
        }
        return fields;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = in.get();
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
    }

    private static String text(Object bytes) {
        return new String((byte[]) bytes, StandardCharsets.UTF_8);
    }

    @Test
    void eventsAreThoseOfTensorBoard() throws IOException {
        Map<String, Double> numbers = new LinkedHashMap<>();
        numbers.put("loss/total", 1.5);
        numbers.put("rate", 1e-4);
        byte[] png = {1, 2, 3, (byte) 200};
        Path path;
        try (EventFile file = EventFile.begin(folder, 1234.5, 0)) {
            path = file.path();
            file.scalars(1235, 300, numbers);
            file.image(1236, 1L << 40, "pictures", 70, 130, png);
        }
        assertTrue(path.getFileName().toString().startsWith("events.out.tfevents.0000001234."), path.toString());
        List<byte[]> records = records(path);
        assertEquals(3, records.size());
        Map<Integer, List<Object>> version = fields(records.get(0));
        assertEquals(List.of(1234.5), version.get(1));
        assertEquals("brain.Event:2", text(version.get(3).get(0)));

        Map<Integer, List<Object>> scalars = fields(records.get(1));
        assertEquals(List.of(1235.0), scalars.get(1));
        assertEquals(List.of(300L), scalars.get(2));
        List<Object> values = fields((byte[]) scalars.get(5).get(0)).get(1);
        assertEquals(2, values.size());
        assertEquals("loss/total", text(fields((byte[]) values.get(0)).get(1).get(0)));
        assertEquals(List.of(1.5f), fields((byte[]) values.get(0)).get(2));
        assertEquals(List.of(1e-4f), fields((byte[]) values.get(1)).get(2));

        Map<Integer, List<Object>> picture = fields(records.get(2));
        assertEquals(List.of(1L << 40), picture.get(2));
        Map<Integer, List<Object>> value =
                fields((byte[]) fields((byte[]) picture.get(5).get(0)).get(1).get(0));
        assertEquals("pictures", text(value.get(1).get(0)));
        Map<Integer, List<Object>> image = fields((byte[]) value.get(4).get(0));
        assertEquals(List.of(70L), image.get(1));
        assertEquals(List.of(130L), image.get(2));
        assertEquals(List.of(3L), image.get(3));
        assertArrayEquals(png, (byte[]) image.get(4).get(0));
    }

    /** A run that is resumed has a second file, whose start takes back what the first has from that step on. */
    @Test
    void aResumedRunBeginsAnotherFile() throws IOException {
        EventFile.begin(folder, 10, 0).close();
        try (EventFile second = EventFile.begin(folder, 10, 7)) {
            assertNotEquals(1, Files.list(folder).count());
            Map<Integer, List<Object>> start = fields(records(second.path()).get(1));
            assertEquals(List.of(7L), start.get(2));
            assertEquals(List.of(1L), fields((byte[]) start.get(7).get(0)).get(1));
        }
    }
}
