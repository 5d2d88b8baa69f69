package io.github.vicmae.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/** NumPy's format for one array (version 1.0 of numpy.lib.format): floats, little-endian, in row-major order. */
public final class NpyFile {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    /** The data begin at a multiple of this. */
    private static final int ALIGNMENT = 64;

    private NpyFile() {}

    /**
     * Writes an array; a file of that name is replaced when the new one is complete.
     *
     * @param values as many as the shape has
     * @throws IOException if it cannot be written
     */
    public static void write(Path file, float[] values, int... shape) throws IOException {
        long size = Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact);
        if (size != values.length) {
            throw new IllegalArgumentException(
                    "The shape " + Arrays.toString(shape) + " has " + size + " values, not " + values.length);
        }
        byte[] header = header(Arrays.stream(shape).asLongStream().toArray());
        ByteBuffer bytes = ByteBuffer.allocate(Math.addExact(header.length, Math.multiplyExact(values.length, 4)))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(header);
        bytes.asFloatBuffer().put(values);
        AtomicFile.write(file, bytes.array());
    }

    /** What stands before the values, which follow in row-major order, little-endian. */
    public static byte[] header(long... shape) {
        String dims = Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(", "));
        String header =
                "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + (shape.length == 1 ? ",)" : ")") + ", }";
        int start = MAGIC.length + Short.BYTES + header.length() + 1;
        String padding = " ".repeat((ALIGNMENT - start % ALIGNMENT) % ALIGNMENT);
        byte[] text = (header + padding + "\n").getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(MAGIC.length + Short.BYTES + text.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(MAGIC)
                .putShort((short) text.length)
                .put(text)
                .array();
    }

    /**
     * The length of what stands before the values, in bytes.
     *
     * @throws IOException if the file is not of this format
     */
    public static int headerLength(FileChannel file) throws IOException {
        ByteBuffer start = ByteBuffer.allocate(MAGIC.length + Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        Safetensors.readFully(file, 0, start);
        if (!Arrays.equals(start.array(), 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            throw new IOException("it is no .npy file of version 1.0");
        }
        return start.capacity() + Short.toUnsignedInt(start.getShort(MAGIC.length));
    }
}
