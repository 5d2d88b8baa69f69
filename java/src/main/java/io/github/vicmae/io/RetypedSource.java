package io.github.vicmae.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A file's tensors with all floating-point numbers in one type, rounded to nearest, ties to even; other numbers are as they are, and so are the bytes of
 * what has the type already. Closing it closes the file.
 */
public final class RetypedSource implements TensorSource {
    private final TensorSource source;
    private final DType type;

    /**
     * @param type F32, F16 or BF16
     */
    public RetypedSource(TensorSource source, DType type) {
        if (type != DType.F32 && type != DType.F16 && type != DType.BF16) {
            throw new IllegalArgumentException("Tensors can be written as F32, F16 or BF16, not as " + type);
        }
        this.source = source;
        this.type = type;
    }

    @Override
    public Path path() {
        return source.path();
    }

    @Override
    public List<String> names() {
        return source.names();
    }

    @Override
    public boolean contains(String name) {
        return source.contains(name);
    }

    @Override
    public Map<String, String> passedOver() {
        return source.passedOver();
    }

    @Override
    public Map<String, String> metadata() {
        return source.metadata();
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        TensorInfo info = source.info(name);
        if (!info.dtype().isFloat() || info.dtype() == type) {
            return info;
        }
        return new TensorInfo(name, type, info.shape(), 0, info.elements() * type.bytes());
    }

    /**
     * {@inheritDoc}
     *
     * <p>A part has to begin and end between elements.
     *
     * @throws IOException also if a number is too large for the type
     */
    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        TensorInfo info = source.info(name);
        if (!info.dtype().isFloat() || info.dtype() == type) {
            source.read(name, offset, into);
            return;
        }
        int count = into.remaining() / type.bytes();
        int size = info.dtype().bytes();
        ByteBuffer bytes = ByteBuffer.allocate(count * size).order(ByteOrder.LITTLE_ENDIAN);
        source.read(name, offset / type.bytes() * size, bytes);
        float[] values = new float[count];
        info.dtype().toFloats(bytes.flip(), values, 0, count);
        ByteOrder order = into.order();
        into.order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (type) {
                case F32 -> into.putFloat(value);
                case F16 -> into.putShort(half(name, value));
                default -> into.putShort(bfloat16(value));
            }
        }
        into.order(order);
    }

    private static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /** To IEEE 754 binary16, which Java 17 has no method for. */
    private short half(String name, float value) throws IOException {
        int sign = Float.floatToRawIntBits(value) >>> 16 & 0x8000;
        if (Float.isNaN(value)) {
            return (short) (sign | 0x7e00);
        }
        float magnitude = Math.abs(value);
        if (magnitude >= 65520 && magnitude < Float.POSITIVE_INFINITY) {
            throw new IOException(path() + ": tensor " + name + " holds " + value
                    + ", which is beyond the range of float16; take bfloat16 or float32");
        }
        if (magnitude == Float.POSITIVE_INFINITY) {
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x1p-14f) { // a multiple of 2^-24, which may be that of the smallest normal number
            return (short) (sign | (int) Math.rint(magnitude * 0x1p24));
        }
        int bits = Float.floatToRawIntBits(magnitude);
        int rounded = bits + 0xfff + (bits >>> 13 & 1);
        return (short) (sign | (rounded >>> 13) - (112 << 10));
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
