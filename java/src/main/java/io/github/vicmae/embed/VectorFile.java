package io.github.vicmae.embed;

import io.github.vicmae.io.FileErrors;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;

/** Rows of floats in a file, little-endian, in one or several parts. */
final class VectorFile implements AutoCloseable {
    private static final int CHUNK = 1 << 22;

    private final Path path;
    private final int width;
    private final FileChannel channel;
    /** The offset of each part's first byte by its first row. */
    private final TreeMap<Long, Long> parts;

    /** @param parts offset of the first byte of each part by the number of its first row, from row 0 on */
    VectorFile(Path path, int width, Map<Long, Long> parts) throws IOException {
        this.path = path;
        this.width = width;
        this.parts = new TreeMap<>(parts);
        channel = FileChannel.open(path, StandardOpenOption.READ);
    }

    /** Reads {@code count} rows into {@code out} from index 0 on. */
    void read(long first, int count, FloatBuffer out) throws IOException {
        int done = 0;
        while (done < count) {
            Map.Entry<Long, Long> part = parts.floorEntry(first + done);
            Long next = parts.higherKey(first + done);
            int rows = (int) Math.min(count - done, (next == null ? Long.MAX_VALUE : next) - first - done);
            rows = Math.min(rows, Math.max(1, CHUNK / (width * Float.BYTES)));
            long offset = part.getValue() + (first + done - part.getKey()) * width * Float.BYTES;
            ByteBuffer bytes = ByteBuffer.allocate(rows * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            fill(bytes, offset);
            out.put(done * width, bytes.flip().asFloatBuffer(), 0, rows * width);
            done += rows;
        }
    }

    private void fill(ByteBuffer bytes, long offset) throws IOException {
        long at = offset;
        try {
            while (bytes.hasRemaining()) {
                int read = channel.read(bytes, at);
                if (read < 0) {
                    throw new EOFException("it ends before its last row");
                }
                at += read;
            }
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
    }

    /** Copies all rows of a table to where a file is written. */
    static void copy(EmbeddingTable table, FileChannel out) throws IOException {
        copy(table, 0, table.rows(), out);
    }

    /** Copies rows of a table, little-endian. */
    static void copy(EmbeddingTable table, long first, long count, FileChannel out) throws IOException {
        int width = table.settings().width();
        int rows = (int) Math.min(Math.max(1, count), Math.max(1, CHUNK / (width * Float.BYTES)));
        ByteBuffer bytes = ByteBuffer.allocateDirect(rows * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long done = 0; done < count; done += rows) {
            int some = (int) Math.min(rows, count - done);
            bytes.clear();
            table.read(first + done, some, bytes.asFloatBuffer());
            bytes.limit(some * width * Float.BYTES);
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
