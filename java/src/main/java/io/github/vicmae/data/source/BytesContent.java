package io.github.vicmae.data.source;

import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;

/** What a program holds in memory: a request's body, say. The bytes must not change while it is used. */
record BytesContent(String name, byte[] bytes) implements Content {
    @Override
    public long size() {
        return bytes.length;
    }

    @Override
    public SeekableByteChannel open() {
        return new Channel(ByteBuffer.wrap(bytes).asReadOnlyBuffer());
    }

    @Override
    public Path shard() {
        return Path.of("");
    }

    private static final class Channel implements SeekableByteChannel {
        private final ByteBuffer left;
        private boolean closed;

        Channel(ByteBuffer bytes) {
            left = bytes;
        }

        private void checkOpen() throws ClosedChannelException {
            if (closed) {
                throw new ClosedChannelException();
            }
        }

        @Override
        public int read(ByteBuffer into) throws ClosedChannelException {
            checkOpen();
            if (!left.hasRemaining()) {
                return -1;
            }
            int count = Math.min(into.remaining(), left.remaining());
            into.put(left.slice(left.position(), count));
            left.position(left.position() + count);
            return count;
        }

        @Override
        public int write(ByteBuffer from) {
            throw new NonWritableChannelException();
        }

        @Override
        public long position() throws ClosedChannelException {
            checkOpen();
            return left.position();
        }

        @Override
        public SeekableByteChannel position(long position) throws ClosedChannelException {
            checkOpen();
            if (position < 0) {
                throw new IllegalArgumentException("A position is 0 or more, not " + position);
            }
            left.position((int) Math.min(position, left.limit()));
            return this;
        }

        @Override
        public long size() throws ClosedChannelException {
            checkOpen();
            return left.limit();
        }

        @Override
        public SeekableByteChannel truncate(long size) {
            throw new NonWritableChannelException();
        }

        @Override
        public boolean isOpen() {
            return !closed;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
