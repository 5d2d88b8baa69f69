package io.github.vicmae.data.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The chunks of a WebP file or of a frame in it: four letters, a length, the bytes, and one more where the length is odd. */
final class RiffChunks {
    /** Bytes in front of a file's first chunk: RIFF, a length, WEBP. */
    static final int HEADER = 12;

    private static final int CHUNK_HEADER = 8;

    private RiffChunks() {}

    /**
     * One chunk.
     *
     * @param start of its content
     * @param end behind its content, cut off at the file's end
     */
    record Chunk(String name, int start, int end) {
        int length() {
            return end - start;
        }
    }

    static List<Chunk> of(byte[] file, int start, int end) {
        List<Chunk> chunks = new ArrayList<>();
        for (long at = start; at + CHUNK_HEADER <= end; ) {
            int from = (int) at;
            long length = littleEndian(file, from + 4, 4);
            String name = new String(file, from, 4, StandardCharsets.ISO_8859_1);
            long last = Math.min(end, at + CHUNK_HEADER + length);
            chunks.add(new Chunk(name, from + CHUNK_HEADER, (int) last));
            at += CHUNK_HEADER + length + (length & 1);
        }
        return chunks;
    }

    /** A number of up to four bytes. */
    static long littleEndian(byte[] file, int at, int bytes) {
        long value = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            value = value << 8 | file[at + i] & 0xFF;
        }
        return value;
    }

    /** Builds a WebP file: the chunk {@code first}, unless it is null, then {@code chunks}, copied from the file {@code from}. */
    static byte[] file(byte[] first, byte[] from, List<Chunk> chunks) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        content.writeBytes("WEBP".getBytes(StandardCharsets.ISO_8859_1));
        if (first != null) {
            content.writeBytes(first);
        }
        for (Chunk chunk : chunks) {
            content.writeBytes(chunk.name().getBytes(StandardCharsets.ISO_8859_1));
            content.writeBytes(int32(chunk.length()));
            content.write(from, chunk.start(), chunk.length());
            if ((chunk.length() & 1) != 0) {
                content.write(0);
            }
        }
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.writeBytes("RIFF".getBytes(StandardCharsets.ISO_8859_1));
        file.writeBytes(int32(content.size()));
        file.writeBytes(content.toByteArray());
        return file.toByteArray();
    }

    static byte[] int32(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }
}
