package io.github.vicmae.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Makes PyTorch checkpoints for tests: the opcodes that Python's pickler would write, and the archive around them. */
public final class Pickler {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final List<byte[]> storages = new ArrayList<>();

    /** With one storage of twelve floats, 0 to 11. */
    public Pickler() {
        float[] floats = new float[12];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = i;
        }
        storage(floats);
        op(0x80, 2);
    }

    private String storage(float[] floats) {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * floats.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(floats);
        storages.add(bytes.array());
        return Integer.toString(storages.size() - 1);
    }

    public Pickler op(int... bytes) {
        for (int b : bytes) {
            out.write(b);
        }
        return this;
    }

    public Pickler text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        op('X', bytes.length, bytes.length >> 8, 0, 0);
        out.writeBytes(bytes);
        return this;
    }

    public Pickler global(String module, String name) {
        out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
        return this;
    }

    public Pickler number(long value) {
        op(0x8a, 8);
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
        return this;
    }

    public Pickler tuple(long... values) {
        op('(');
        for (long value : values) {
            number(value);
        }
        return op('t');
    }

    /** An empty dictionary, and the mark of the entries that {@link #endDict} gives it. */
    public Pickler dict() {
        return op('}', '(');
    }

    public Pickler endDict() {
        return op('u');
    }

    /** A view of the twelve floats. */
    public Pickler tensor(String storage, long offset, long[] size, long[] stride) {
        return tensor(storage, "0", offset, size, stride);
    }

    /** A whole tensor with a storage of its own. */
    public Pickler tensor(long[] size, float... values) {
        long[] stride = new long[size.length];
        long dense = 1;
        for (int i = size.length - 1; i >= 0; i--) {
            stride[i] = dense;
            dense *= size[i];
        }
        return tensor("FloatStorage", storage(values), 0, size, stride);
    }

    private Pickler tensor(String type, String key, long offset, long[] size, long[] stride) {
        global("torch._utils", "_rebuild_tensor_v2").op('(', '(').text("storage");
        global("torch", type).text(key).text("cpu").number(12).op('t', 'Q').number(offset);
        return tuple(size)
                .tuple(stride)
                .op(0x89)
                .global("collections", "OrderedDict")
                .op(')', 'R', 't', 'R');
    }

    /** The pickle alone. */
    public byte[] end() {
        op('.');
        return out.toByteArray();
    }

    /** Ends the pickle and writes the checkpoint. */
    public Path write(Path file) throws IOException {
        return archive(file, end(), ZipEntry.STORED, storages);
    }

    /** Writes an archive around any pickle, with twelve floats as its only storage. */
    public static Path archive(Path file, byte[] pickle, int method) throws IOException {
        return archive(file, pickle, method, new Pickler().storages);
    }

    private static Path archive(Path file, byte[] pickle, int method, List<byte[]> storages) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            add(zip, "archive/data.pkl", pickle, method);
            for (int i = 0; i < storages.size(); i++) {
                add(zip, "archive/data/" + i, storages.get(i), method);
            }
        }
        return file;
    }

    private static void add(ZipOutputStream zip, String name, byte[] bytes, int method) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(method);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }
}
