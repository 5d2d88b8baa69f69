package io.github.vicmae.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A PyTorch file (.pth) of float tensors by name, as {@code torch.save} writes a dictionary since version 1.6: a zip archive with a pickle of protocol 2
 * and an entry for each storage. {@code torch.load(file, weights_only=True)} reads it.
 */
public final class PyTorchWriter {
    private static final String FOLDER = "archive/";

    private final Map<String, float[]> values = new LinkedHashMap<>();
    private final Map<String, int[]> shapes = new LinkedHashMap<>();

    /**
     * Adds a tensor.
     *
     * @param data as many values as the shape has, in row-major order
     * @throws IllegalArgumentException if they are not, or there is a tensor of that name
     */
    public PyTorchWriter add(String name, float[] data, int... shape) {
        long size = Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact);
        if (size != data.length) {
            throw new IllegalArgumentException("The tensor " + name + " of the shape " + Arrays.toString(shape)
                    + " has " + size + " values, not " + data.length);
        }
        if (values.put(name, data) != null) {
            throw new IllegalArgumentException("There are two tensors named " + name);
        }
        shapes.put(name, shape.clone());
        return this;
    }

    /**
     * Writes the file; one of that name is replaced when the new one is complete.
     *
     * @throws IOException if it cannot be written
     */
    public void write(Path file) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            entry(zip, "data.pkl", pickle());
            int number = 0;
            for (float[] data : values.values()) {
                ByteBuffer storage = ByteBuffer.allocate(Math.multiplyExact(data.length, Float.BYTES))
                        .order(ByteOrder.LITTLE_ENDIAN);
                storage.asFloatBuffer().put(data);
                entry(zip, "data/" + number++, storage.array());
            }
            entry(zip, "version", "3\n".getBytes(StandardCharsets.US_ASCII));
        }
        AtomicFile.write(file, bytes.toByteArray());
    }

    /** Stored, not compressed: PyTorch maps storages into memory. */
    private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(FOLDER + name);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    /** The dictionary, with a call of {@code torch._utils._rebuild_tensor_v2} for each tensor. */
    private byte[] pickle() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[] {(byte) 0x80, 2, '}'}); // protocol 2, an empty dictionary
        int number = 0;
        for (Map.Entry<String, int[]> tensor : shapes.entrySet()) {
            text(out, tensor.getKey());
            global(out, "torch._utils", "_rebuild_tensor_v2");
            out.write('(');
            out.write('('); // the storage's identity
            text(out, "storage");
            global(out, "torch", "FloatStorage");
            text(out, Integer.toString(number++));
            text(out, "cpu");
            integer(out, values.get(tensor.getKey()).length);
            out.write('t');
            out.write('Q');
            integer(out, 0); // offset
            tuple(out, tensor.getValue());
            tuple(out, strides(tensor.getValue()));
            out.write(0x89); // needs no gradient
            global(out, "collections", "OrderedDict"); // no hooks
            out.write(')');
            out.write('R');
            out.write('t');
            out.write('R');
            out.write('s');
        }
        out.write('.');
        return out.toByteArray();
    }

    private static int[] strides(int[] shape) {
        int[] strides = new int[shape.length];
        int stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    private static void tuple(OutputStream out, int[] numbers) throws IOException {
        out.write('(');
        for (int number : numbers) {
            integer(out, number);
        }
        out.write('t');
    }

    private static void integer(OutputStream out, int number) throws IOException {
        out.write('J');
        out.write(littleEndian(number));
    }

    private static void text(OutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write('X');
        out.write(littleEndian(bytes.length));
        out.write(bytes);
    }

    private static byte[] littleEndian(int number) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array();
    }

    private static void global(OutputStream out, String module, String name) throws IOException {
        out.write(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }
}
