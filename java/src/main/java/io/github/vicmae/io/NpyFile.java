package io.github.vicmae.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
        String dims = Arrays.stream(shape).mapToObj(Integer::toString).collect(Collectors.joining(", "));
        String header =
                "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + (shape.length == 1 ? ",)" : ")") + ", }";
        int start = MAGIC.length + Short.BYTES + header.length() + 1;
        String padding = " ".repeat((ALIGNMENT - start % ALIGNMENT) % ALIGNMENT);
        byte[] text = (header + padding + "\n").getBytes(StandardCharsets.US_ASCII);
        ByteBuffer bytes = ByteBuffer.allocate(
                        Math.addExact(MAGIC.length + Short.BYTES + text.length, Math.multiplyExact(values.length, 4)))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(MAGIC).putShort((short) text.length).put(text);
        bytes.asFloatBuffer().put(values);
        AtomicFile.write(file, bytes.array());
    }
}
