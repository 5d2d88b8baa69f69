package io.github.vicmae.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Collects tensors and writes them as one safetensors file through {@link AtomicFile}. Tensors of wider element types
 * come first, otherwise in the order in which they were added, so that every tensor starts at a multiple of its element size.
 */
public final class SafetensorsWriter implements TensorWriter {
    private static final int CHUNK = 1 << 22;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final List<Pending> tensors = new ArrayList<>();
    private final Set<String> names = new HashSet<>();

    private record Pending(String name, DType dtype, long[] shape, long bytes, Source source) {}

    /** Adds a text to the file's {@code __metadata__}; a second value under one key replaces the first. */
    @Override
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /**
     * Adds a tensor whose bytes are asked for when the file is written.
     *
     * @throws IllegalArgumentException if the name is already taken or reserved, or the shape has no size
     */
    @Override
    public SafetensorsWriter add(String name, DType dtype, long[] shape, Source source) {
        long bytes = TensorInfo.sizeInBytes(shape, dtype);
        if (bytes < 0) {
            throw new IllegalArgumentException(
                    "Tensor " + name + ": the shape " + Arrays.toString(shape) + " is negative or too large.");
        }
        if (name.equals(Safetensors.METADATA) || !names.add(name)) {
            throw new IllegalArgumentException("Tensor " + name + ": this name is already taken.");
        }
        tensors.add(new Pending(name, dtype, shape.clone(), bytes, source));
        return this;
    }

    /**
     * Adds an F32 tensor. The array is read when the file is written.
     *
     * @throws IllegalArgumentException also if the array's length is not that of the shape
     */
    public SafetensorsWriter add(String name, long[] shape, float[] values) {
        checkLength(name, shape, DType.F32, values.length);
        return add(name, DType.F32, shape, (offset, chunk) -> {
            int count = chunk.remaining() / Float.BYTES;
            chunk.asFloatBuffer().put(values, (int) (offset / Float.BYTES), count);
            chunk.position(chunk.limit());
        });
    }

    /**
     * Adds an I64 tensor. The array is read when the file is written.
     *
     * @throws IllegalArgumentException also if the array's length is not that of the shape
     */
    public SafetensorsWriter add(String name, long[] shape, long[] values) {
        checkLength(name, shape, DType.I64, values.length);
        return add(name, DType.I64, shape, (offset, chunk) -> {
            int count = chunk.remaining() / Long.BYTES;
            chunk.asLongBuffer().put(values, (int) (offset / Long.BYTES), count);
            chunk.position(chunk.limit());
        });
    }

    /**
     * Writes the file.
     *
     * @throws IOException if a source or the disk fails; a file that was there before is then unchanged
     */
    @Override
    public void write(Path path) throws IOException {
        List<Pending> ordered = new ArrayList<>(tensors);
        ordered.sort(Comparator.comparingInt(t -> -t.dtype.bytes()));
        byte[] header = header(ordered);
        AtomicFile.write(path, out -> {
            ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
            writeFully(out, start.putLong(header.length).put(header).flip());
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
            for (Pending tensor : ordered) {
                writeTensor(tensor, chunk, out);
            }
        });
    }

    private static void writeTensor(Pending tensor, ByteBuffer chunk, FileChannel out) throws IOException {
        for (long offset = 0; offset < tensor.bytes; offset += chunk.limit()) {
            chunk.clear().limit((int) Math.min(CHUNK, tensor.bytes - offset));
            tensor.source.fill(offset, chunk);
            if (chunk.hasRemaining()) {
                throw new IOException("the source of tensor " + tensor.name + " left " + chunk.remaining()
                        + " bytes of a chunk unfilled");
            }
            writeFully(out, chunk.flip());
        }
    }

    private static void writeFully(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    /** Spaces at the end make the data start at a multiple of eight bytes. */
    private byte[] header(List<Pending> ordered) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(Safetensors.METADATA);
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long offset = 0;
            for (Pending tensor : ordered) {
                json.writeObjectFieldStart(tensor.name);
                json.writeStringField("dtype", tensor.dtype.name());
                json.writeFieldName("shape");
                json.writeArray(tensor.shape, 0, tensor.shape.length);
                json.writeFieldName("data_offsets");
                json.writeArray(new long[] {offset, Math.addExact(offset, tensor.bytes)}, 0, 2);
                json.writeEndObject();
                offset += tensor.bytes;
            }
            json.writeEndObject();
        }
        while (bytes.size() % Long.BYTES != 0) {
            bytes.write(' ');
        }
        return bytes.toByteArray();
    }

    private static void checkLength(String name, long[] shape, DType dtype, int length) {
        if (TensorInfo.sizeInBytes(shape, dtype) != (long) length * dtype.bytes()) {
            throw new IllegalArgumentException("Tensor " + name + ": the shape " + Arrays.toString(shape)
                    + " does not have " + length + " elements.");
        }
    }
}
