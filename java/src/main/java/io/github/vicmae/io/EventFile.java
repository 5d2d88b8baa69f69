package io.github.vicmae.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * TensorBoard's event file: numbers and pictures by step. A record is its length, the length's checksum, a protocol buffer and its checksum (TFRecord);
 * the buffers are {@code Event}s of tensorflow/core/util/event.proto, of which a few fields are written here. Every record is appended with one write, so that
 * an interrupted process leaves whole records, but perhaps the last. For one thread at a time.
 */
public final class EventFile implements AutoCloseable {
    private static final String VERSION = "brain.Event:2";
    private static final int MASK_DELTA = 0xa282ead8;
    /** Wire types of protocol buffers. */
    private static final int VARINT = 0;

    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;
    /** {@code SessionLog.START}. */
    private static final int START = 1;

    private static final int RGB = 3;

    private final FileChannel out;
    private final Path path;

    private EventFile(Path path, FileChannel out) {
        this.path = path;
        this.out = out;
    }

    /**
     * Begins a new file in a folder, beside those that are there: TensorBoard reads them all.
     *
     * @param seconds since 1970, which order the files
     * @param step the first one to come; what earlier files have from it on does not count any more
     * @throws IOException if the file cannot be written
     */
    public static EventFile begin(Path folder, double seconds, long step) throws IOException {
        for (int number = 0; ; number++) {
            String name = String.format(Locale.ROOT, "events.out.tfevents.%010d.%s.%d", (long) seconds, host(), number);
            Path path = folder.resolve(name);
            if (Files.exists(path)) {
                continue;
            }
            EventFile file = new EventFile(
                    path, FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
            try {
                Message version = new Message().fixed64(1, Double.doubleToRawLongBits(seconds));
                file.record(version.bytes(3, VERSION.getBytes(StandardCharsets.UTF_8)));
                if (step > 0) {
                    file.record(event(seconds, step)
                            .bytes(7, new Message().varint(1, START).toBytes()));
                }
                return file;
            } catch (IOException e) {
                file.close();
                throw e;
            }
        }
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9-]", "_");
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** Where it is. */
    public Path path() {
        return path;
    }

    /**
     * Appends numbers of a step.
     *
     * @param seconds since 1970
     * @throws IOException if they cannot be written
     */
    public void scalars(double seconds, long step, Map<String, Double> values) throws IOException {
        Message summary = new Message();
        values.forEach((tag, value) -> summary.bytes(
                1,
                new Message()
                        .bytes(1, tag.getBytes(StandardCharsets.UTF_8))
                        .fixed32(2, Float.floatToRawIntBits(value.floatValue()))
                        .toBytes()));
        record(event(seconds, step).bytes(5, summary.toBytes()));
    }

    /**
     * Appends a picture of a step.
     *
     * @param png the picture as a PNG file, RGB
     * @throws IOException if it cannot be written
     */
    public void image(double seconds, long step, String tag, int height, int width, byte[] png) throws IOException {
        Message image =
                new Message().varint(1, height).varint(2, width).varint(3, RGB).bytes(4, png);
        Message value =
                new Message().bytes(1, tag.getBytes(StandardCharsets.UTF_8)).bytes(4, image.toBytes());
        record(event(seconds, step)
                .bytes(5, new Message().bytes(1, value.toBytes()).toBytes()));
    }

    private static Message event(double seconds, long step) {
        return new Message().fixed64(1, Double.doubleToRawLongBits(seconds)).varint(2, step);
    }

    private void record(Message message) throws IOException {
        byte[] data = message.toBytes();
        ByteBuffer record = ByteBuffer.allocate(Long.BYTES + 2 * Integer.BYTES + data.length)
                .order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length);
        record.putInt(checksum(record.array(), Long.BYTES));
        record.put(data);
        record.putInt(checksum(data, data.length));
        record.flip();
        while (record.hasRemaining()) {
            out.write(record);
        }
    }

    /** CRC-32C, masked, since a checksum of what holds checksums would be weak. */
    static int checksum(byte[] bytes, int count) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, count);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK_DELTA;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }

    /** A protocol buffer under construction. */
    private static final class Message {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        private void number(long value) {
            long rest = value;
            while ((rest & ~0x7fL) != 0) {
                bytes.write((int) (rest & 0x7f | 0x80));
                rest >>>= 7;
            }
            bytes.write((int) rest);
        }

        private void key(int field, int type) {
            number((long) field << 3 | type);
        }

        private void littleEndian(long value, int count) {
            for (int i = 0; i < count; i++) {
                bytes.write((int) (value >>> 8 * i));
            }
        }

        Message varint(int field, long value) {
            key(field, VARINT);
            number(value);
            return this;
        }

        Message fixed64(int field, long value) {
            key(field, FIXED64);
            littleEndian(value, Long.BYTES);
            return this;
        }

        Message fixed32(int field, int value) {
            key(field, FIXED32);
            littleEndian(value, Integer.BYTES);
            return this;
        }

        Message bytes(int field, byte[] value) {
            key(field, BYTES);
            number(value.length);
            bytes.writeBytes(value);
            return this;
        }

        byte[] toBytes() {
            return bytes.toByteArray();
        }
    }
}
