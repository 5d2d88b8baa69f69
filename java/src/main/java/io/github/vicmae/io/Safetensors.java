package io.github.vicmae.io;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A safetensors file opened for reading: eight bytes with the header's length, a JSON header, the tensors' bytes. The
 * whole header is checked against the file's size before anything is allocated. Bytes are read through the channel and
 * not mapped: a mapped file that another process shortens kills the JVM.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">The format</a>
 */
public final class Safetensors implements TensorSource {
    static final String METADATA = "__metadata__";
    private final Path path;
    private final FileChannel channel;
    private final SafetensorsHeader header;

    private Safetensors(Path path, FileChannel channel, SafetensorsHeader header) {
        this.path = path;
        this.channel = channel;
        this.header = header;
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws IOException if the file cannot be read, is truncated or contradicts itself; the message names the file and
     *     the fault
     */
    public static Safetensors open(Path path) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
        try {
            return new Safetensors(path, channel, SafetensorsHeader.read(channel));
        } catch (IOException e) {
            channel.close();
            GitLfsPointer.refuse(path);
            throw new IOException(path + ": not a valid safetensors file: " + e.getMessage(), e);
        }
    }

    @Override
    public Path path() {
        return path;
    }

    /** Returns the names in the order of the tensors' data. */
    @Override
    public List<String> names() {
        return List.copyOf(header.tensors().keySet());
    }

    /** Returns the texts of the header's {@code __metadata__}; empty if it has none. */
    @Override
    public Map<String, String> metadata() {
        return header.metadata();
    }

    @Override
    public boolean contains(String name) {
        return header.tensors().containsKey(name);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        TensorInfo info = header.tensors().get(name);
        if (info == null) {
            throw new IOException(path + ": there is no tensor " + name + " among its "
                    + header.tensors().size() + " tensors.");
        }
        return info;
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        TensorInfo info = info(name);
        Objects.checkFromIndexSize(offset, into.remaining(), info.bytes());
        long position = header.dataStart() + info.offset() + offset;
        try {
            readFully(channel, position, into);
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
    }

    /**
     * Reads a whole tensor's bytes.
     *
     * @throws IndexOutOfBoundsException if the buffer has more room than the tensor has bytes
     */
    public void read(String name, ByteBuffer into) throws IOException {
        read(name, 0, into);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    static void readFully(FileChannel channel, long position, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            int count = channel.read(into, position);
            if (count < 0) {
                throw new EOFException("the file ends at byte " + position);
            }
            position += count;
        }
    }
}
