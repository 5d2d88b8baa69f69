package io.github.vicmae.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The element types of safetensors files, by their names in the headers. Numbers are little-endian. */
public enum DType {
    BOOL(1),
    U8(1),
    I8(1),
    I16(2),
    U16(2),
    F16(2),
    BF16(2),
    I32(4),
    U32(4),
    F32(4),
    F64(8),
    I64(8),
    U64(8);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Returns the size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** Returns whether this is a floating-point type. */
    public boolean isFloat() {
        return this == F16 || this == BF16 || this == F32 || this == F64;
    }

    /**
     * Converts floating-point elements, from the buffer's position on, to floats. F64 is rounded to nearest, the
     * narrower types are exact.
     *
     * @throws IllegalArgumentException if this type is not a floating-point type
     */
    void toFloats(ByteBuffer from, float[] to, int at, int count) {
        ByteBuffer in = from.slice().order(ByteOrder.LITTLE_ENDIAN);
        switch (this) {
            case F32 -> in.asFloatBuffer().get(to, at, count);
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    to[at + i] = (float) in.getDouble();
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    to[at + i] = halfToFloat(in.getShort());
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    to[at + i] = Float.intBitsToFloat(in.getShort() << 16);
                }
            }
            default -> throw new IllegalArgumentException(this + " is not a floating-point type.");
        }
    }

    /**
     * Converts integer elements, from the buffer's position on, to longs. U64 values beyond 2^63 wrap around.
     *
     * @throws IllegalArgumentException if this type is a floating-point type
     */
    void toLongs(ByteBuffer from, long[] to, int at, int count) {
        ByteBuffer in = from.slice().order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            to[at + i] = switch (this) {
                case I64, U64 -> in.getLong();
                case I32 -> in.getInt();
                case U32 -> Integer.toUnsignedLong(in.getInt());
                case I16 -> in.getShort();
                case U16 -> Short.toUnsignedLong(in.getShort());
                case I8 -> in.get();
                case U8, BOOL -> Byte.toUnsignedLong(in.get());
                default -> throw new IllegalArgumentException(this + " is not an integer type.");
            };
        }
    }

    /** Converts an IEEE 754 binary16 number, which Java 17 has no method for. */
    private static float halfToFloat(short half) {
        int exponent = half >> 10 & 0x1f;
        int mantissa = half & 0x3ff;
        float magnitude;
        if (exponent == 0) {
            magnitude = mantissa * 0x1p-24f;
        } else if (exponent == 31) {
            magnitude = mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        } else {
            magnitude = Float.intBitsToFloat(exponent + 112 << 23 | mantissa << 13);
        }
        return half < 0 ? -magnitude : magnitude;
    }
}
