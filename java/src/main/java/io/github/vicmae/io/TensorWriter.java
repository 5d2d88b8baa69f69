package io.github.vicmae.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** Collects tensors by name, and texts by key, and writes them as one file. */
public interface TensorWriter {
    /** Supplies the bytes of a tensor, row-major and little-endian. */
    @FunctionalInterface
    interface Source {
        /**
         * Fills a chunk up to its limit. Chunks are asked for in order; all of them a second time if the format needs that.
         *
         * @param offset the chunk's first byte, counted from the tensor's start
         * @param chunk a little-endian buffer
         */
        void fill(long offset, ByteBuffer chunk) throws IOException;
    }

    /** Adds a text; a second value under one key replaces the first. */
    TensorWriter metadata(String key, String value);

    /**
     * Adds a tensor whose bytes are asked for when the file is written.
     *
     * @throws IllegalArgumentException if the name is already taken, the shape has no size, or the format does not have the type
     */
    TensorWriter add(String name, DType dtype, long[] shape, Source source);

    /**
     * Writes the file.
     *
     * @throws IOException if a source or the disk fails; a file that was there before is then unchanged
     */
    void write(Path path) throws IOException;
}
