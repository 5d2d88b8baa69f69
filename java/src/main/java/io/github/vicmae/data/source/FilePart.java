package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A part of a file, such as an entry of an archive.
 *
 * @param name in messages, on one line
 * @param offset of its first byte
 * @param size in bytes
 */
record FilePart(Path file, String name, long offset, long size) implements Content {
    @Override
    public String location() {
        return location(file, name);
    }

    /** @param inside the file's own name, and behind it the part's */
    static String location(Path file, String inside) {
        Path folder = file.getParent();
        String text = folder == null ? "" : FileNames.text(folder);
        return text.isEmpty() || text.endsWith("/") ? text + inside : text + "/" + inside;
    }

    @Override
    public SeekableByteChannel open() throws IOException {
        ReadFailure.requireFile(file);
        if (size == 0) {
            throw new IOException("the file is empty");
        }
        return new Channel(FileChannel.open(file, StandardOpenOption.READ), offset, size);
    }

    @Override
    public Path shard() {
        return file;
    }

    /** Reads the part as if it were all there is. */
    private static final class Channel implements SeekableByteChannel {
        private final FileChannel file;
        private final long offset;
        private final long size;
        private long position;

        Channel(FileChannel file, long offset, long size) {
            this.file = file;
            this.offset = offset;
            this.size = size;
        }

        @Override
        public int read(ByteBuffer into) throws IOException {
            if (position >= size) {
                return -1;
            }
            int limit = into.limit();
            into.limit((int) Math.min(limit, into.position() + (size - position)));
            try {
                int count = file.read(into, offset + position);
                position += Math.max(0, count);
                return count;
            } finally {
                into.limit(limit);
            }
        }

        @Override
        public int write(ByteBuffer from) {
            throw new NonWritableChannelException();
        }

        @Override
        public SeekableByteChannel truncate(long newSize) {
            throw new NonWritableChannelException();
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public SeekableByteChannel position(long newPosition) {
            if (newPosition < 0) {
                throw new IllegalArgumentException("A position cannot be negative: " + newPosition + ".");
            }
            position = newPosition;
            return this;
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        public boolean isOpen() {
            return file.isOpen();
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
