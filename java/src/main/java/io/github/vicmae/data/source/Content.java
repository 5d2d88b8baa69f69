package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;

/**
 * The bytes of one sample, wherever they are stored: in a file of its own, or in a part of an archive.
 *
 * <p>Implementations are immutable and may be used from several threads; what {@link #open} returns is for one thread.
 */
public interface Content {
    /** Its name in messages, on one line: a file's path. */
    String name();

    /**
     * The same as it is, whatever characters it holds, to be looked up again: see {@link FileNames} for bytes that are no UTF-8. No two samples of a
     * data set that are stored in different places have the same.
     */
    default String location() {
        return name();
    }

    /** Number of bytes. @throws IOException if it cannot be found out; {@link ReadFailure#reason} puts it into words */
    long size() throws IOException;

    /**
     * Opens the bytes for reading, positioned at the first one; the caller closes it.
     *
     * @throws IOException if there is nothing that can be read; {@link ReadFailure#reason} puts it into words
     */
    SeekableByteChannel open() throws IOException;

    /** The tar file that it is a part of, or the folder that its file lies in: what has the same is stored together. */
    Path shard();

    /**
     * The content of bytes in memory, which must not change while it is used.
     *
     * @param name for messages
     */
    static Content of(String name, byte[] bytes) {
        return new BytesContent(name, bytes);
    }

    /** The content of a file. */
    static Content of(Path file) {
        return new FileContent(file);
    }
}
