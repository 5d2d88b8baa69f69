package io.github.vicmae.io;

import io.github.vicmae.io.onnx.OnnxFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A file of named tensors. Instances are for one thread at a time and have to be closed. */
public interface TensorSource extends AutoCloseable {
    /** Returns the file that this was opened from. */
    Path path();

    /** Returns the names of all tensors, in the order of the file. */
    List<String> names();

    /** Returns whether the file has a tensor of that name. */
    boolean contains(String name);

    /**
     * Returns the entries among the file's tensors that are not tensors, or cannot be read here: each name with a few words
     * that say what it is. Empty for formats that hold nothing but tensors.
     */
    default Map<String, String> passedOver() {
        return Map.of();
    }

    /** Returns the file's texts by key; empty for formats that have none. */
    default Map<String, String> metadata() {
        return Map.of();
    }

    /**
     * Describes a tensor.
     *
     * @throws IOException if the file has no tensor of that name
     */
    TensorInfo info(String name) throws IOException;

    /**
     * Reads a part of a tensor's elements in row-major order and little-endian bytes: as many bytes as {@code into} has
     * remaining. Reading in parts is the way to tensors of more than 2 GiB.
     *
     * @param offset the first byte to read, counted from the tensor's start
     * @throws IOException if the tensor is missing or cannot be read
     * @throws IndexOutOfBoundsException if the part reaches beyond the tensor
     */
    void read(String name, long offset, ByteBuffer into) throws IOException;

    @Override
    void close() throws IOException;

    /**
     * Reads a whole tensor of floating-point numbers; F16, BF16 and F64 are converted.
     *
     * @throws IOException if the tensor is missing, cannot be read, holds integers or is too large for one array
     */
    default float[] floats(String name) throws IOException {
        TensorInfo info = info(name);
        if (!info.dtype().isFloat()) {
            throw new IOException(path() + ": tensor " + info + " was asked for as floating-point numbers.");
        }
        float[] values = new float[length(info)];
        chunks(info, (chunk, at, count) -> info.dtype().toFloats(chunk, values, at, count));
        return values;
    }

    /**
     * Reads a whole tensor of integers; narrower types are widened.
     *
     * @throws IOException if the tensor is missing, cannot be read, holds floating-point numbers or is too large for one
     *     array
     */
    default long[] longs(String name) throws IOException {
        TensorInfo info = info(name);
        if (info.dtype().isFloat()) {
            throw new IOException(path() + ": tensor " + info + " was asked for as integers.");
        }
        long[] values = new long[length(info)];
        chunks(info, (chunk, at, count) -> info.dtype().toLongs(chunk, values, at, count));
        return values;
    }

    /**
     * Opens a file by its content: a zip archive as a PyTorch checkpoint, an ONNX model of ours as what it was made of, anything else as safetensors.
     *
     * @throws IOException if the file cannot be read or is damaged; the message names the file and the fault
     */
    static TensorSource open(Path path) throws IOException {
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(9);
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
        boolean zip = start.length >= 4 && start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4;
        // A pickle of protocol 2 to 5 that starts with a long integer: how PyTorch wrote files before version 1.6.
        boolean oldPickle =
                start.length >= 4 && (start[0] & 0xff) == 0x80 && start[1] >= 2 && start[1] <= 5 && start[3] != 0;
        if (oldPickle) {
            throw new IOException(
                    path + ": a PyTorch file in the format from before version 1.6. Load it in PyTorch and"
                            + " write it again with torch.save.");
        }
        // A model begins with its version as a number (field 1), and a safetensors file with eight bytes and a brace.
        if (start.length == 9 && start[0] == 8 && start[8] != '{') {
            return OnnxFile.open(path);
        }
        return zip ? PyTorchCheckpoint.open(path) : Safetensors.open(path);
    }

    private int length(TensorInfo info) throws IOException {
        if (info.elements() > Integer.MAX_VALUE - 8) {
            throw new IOException(path() + ": tensor " + info + " is too large for one array; read it in parts.");
        }
        return (int) info.elements();
    }

    private void chunks(TensorInfo info, ChunkConsumer consumer) throws IOException {
        int most = 1 << 22;
        ByteBuffer chunk =
                ByteBuffer.allocate((int) Math.min(info.bytes(), most)).order(ByteOrder.LITTLE_ENDIAN);
        int size = info.dtype().bytes();
        for (long offset = 0; offset < info.bytes(); offset += chunk.limit()) {
            chunk.clear().limit((int) Math.min(info.bytes() - offset, most));
            read(info.name(), offset, chunk);
            chunk.flip();
            consumer.accept(chunk, (int) (offset / size), chunk.limit() / size);
        }
    }

    /** Takes {@code count} elements from a chunk, the first of them element number {@code at} of the tensor. */
    @FunctionalInterface
    interface ChunkConsumer {
        void accept(ByteBuffer chunk, int at, int count);
    }
}
