package io.github.vicmae.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A PyTorch file (.pth) of tensors by name, as {@code torch.save} writes a dictionary since version 1.6: a zip archive with a pickle of protocol 2 and an
 * entry for each storage. {@code torch.load(file, weights_only=True)} reads it.
 *
 * <p>Texts lie beside the pickle under {@code extra/}, where PyTorch keeps what is not its own and does not look: {@link PyTorchCheckpoint#metadata}
 * finds them.
 */
public final class PyTorchWriter implements TensorWriter {
    /** Where the archive has texts, behind its folder. */
    static final String EXTRA = "extra/vicmae/";

    private static final String FOLDER = "archive/";
    private static final int CHUNK = 1 << 20;
    private static final int MOST_KEY = 200;

    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, Pending> tensors = new LinkedHashMap<>();

    private record Pending(DType dtype, long[] shape, long bytes, Source source) {}

    @Override
    public PyTorchWriter metadata(String key, String value) {
        if (key.isEmpty() || key.contains("/") || key.contains("\\") || key.length() > MOST_KEY) {
            throw new IllegalArgumentException("A text's key in a PyTorch file has 1 to " + MOST_KEY
                    + " characters and no '/' or '\\', unlike " + key);
        }
        metadata.put(key, value);
        return this;
    }

    /**
     * {@inheritDoc}
     *
     * <p>PyTorch 1.6 to 2.2 has no unsigned integers of more than 8 bits.
     */
    @Override
    public PyTorchWriter add(String name, DType dtype, long[] shape, Source source) {
        long bytes = TensorInfo.sizeInBytes(shape, dtype);
        if (bytes < 0) {
            throw new IllegalArgumentException(
                    "The tensor " + name + ": the shape " + Arrays.toString(shape) + " is negative or too large");
        }
        PyTorchCheckpoint.storage(dtype); // refuses what there is none for
        if (tensors.put(name, new Pending(dtype, shape.clone(), bytes, source)) != null) {
            throw new IllegalArgumentException("There are two tensors named " + name);
        }
        return this;
    }

    /**
     * Adds a tensor of floats.
     *
     * @param data as many values as the shape has, in row-major order
     * @throws IllegalArgumentException if they are not, or there is a tensor of that name
     */
    public PyTorchWriter add(String name, float[] data, int... shape) {
        long[] sizes = Arrays.stream(shape).asLongStream().toArray();
        long size = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
        if (size != data.length) {
            throw new IllegalArgumentException("The tensor " + name + " of the shape " + Arrays.toString(shape)
                    + " has " + size + " values, not " + data.length);
        }
        return add(name, DType.F32, sizes, (offset, chunk) -> {
            chunk.asFloatBuffer().put(data, (int) (offset / Float.BYTES), chunk.remaining() / Float.BYTES);
            chunk.position(chunk.limit());
        });
    }

    /**
     * {@inheritDoc}
     *
     * <p>Every source is read twice: a checksum stands in front of its bytes.
     */
    @Override
    public void write(Path file) throws IOException {
        byte[] pickle = pickle();
        AtomicFile.write(file, channel -> {
            ZipOutputStream zip = new ZipOutputStream(Channels.newOutputStream(channel));
            ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
            entry(zip, "data.pkl", pickle);
            int number = 0;
            for (Pending tensor : tensors.values()) {
                CRC32 crc = new CRC32();
                copy(tensor, chunk, bytes -> crc.update(bytes.array(), 0, bytes.limit()));
                begin(zip, "data/" + number++, tensor.bytes, crc);
                copy(tensor, chunk, bytes -> zip.write(bytes.array(), 0, bytes.limit()));
                zip.closeEntry();
            }
            for (Map.Entry<String, String> text : metadata.entrySet()) {
                entry(zip, EXTRA + text.getKey(), text.getValue().getBytes(StandardCharsets.UTF_8));
            }
            entry(zip, "version", "3\n".getBytes(StandardCharsets.US_ASCII));
            zip.finish();
        });
    }

    private interface Target {
        void take(ByteBuffer bytes) throws IOException;
    }

    private static void copy(Pending tensor, ByteBuffer chunk, Target target) throws IOException {
        for (long offset = 0; offset < tensor.bytes; offset += chunk.limit()) {
            chunk.clear().limit((int) Math.min(CHUNK, tensor.bytes - offset));
            tensor.source.fill(offset, chunk);
            target.take(chunk.flip());
        }
    }

    private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        begin(zip, name, content.length, crc);
        zip.write(content);
        zip.closeEntry();
    }

    /** Stored, not compressed: PyTorch maps storages into memory. */
    private static void begin(ZipOutputStream zip, String name, long size, CRC32 crc) throws IOException {
        ZipEntry entry = new ZipEntry(FOLDER + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setTime(0); // the same bytes from the same tensors
        entry.setSize(size);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
    }

    /** The dictionary, with a call of {@code torch._utils._rebuild_tensor_v2} for each tensor. */
    private byte[] pickle() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[] {(byte) 0x80, 2, '}'}); // protocol 2, an empty dictionary
        int number = 0;
        for (Map.Entry<String, Pending> entry : tensors.entrySet()) {
            Pending tensor = entry.getValue();
            text(out, entry.getKey());
            global(out, "torch._utils", "_rebuild_tensor_v2");
            out.write('(');
            out.write('('); // the storage's identity
            text(out, "storage");
            global(out, "torch", PyTorchCheckpoint.storage(tensor.dtype));
            text(out, Integer.toString(number++));
            text(out, "cpu");
            integer(out, tensor.bytes / tensor.dtype.bytes());
            out.write('t');
            out.write('Q');
            integer(out, 0); // offset
            tuple(out, tensor.shape);
            tuple(out, strides(tensor.shape));
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

    private static long[] strides(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    private static void tuple(OutputStream out, long[] numbers) throws IOException {
        out.write('(');
        for (long number : numbers) {
            integer(out, number);
        }
        out.write('t');
    }

    /** An integer of four bytes, or of eight where it needs them. */
    private static void integer(OutputStream out, long number) throws IOException {
        if ((int) number == number) {
            out.write('J');
            out.write(littleEndian((int) number));
        } else {
            out.write(0x8a);
            out.write(Long.BYTES);
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(number)
                    .array());
        }
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
