package io.github.vicmae.device;

/** The element types of device tensors. */
public enum DType {
    F32(4),
    I32(4),
    /** bfloat16: the upper half of a float. */
    BF16(2),
    U8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether values of this type stand for real numbers. */
    public boolean isFloating() {
        return this == F32 || this == BF16;
    }

    /** The bits of the bfloat16 nearest to a float, ties to even; NaN stays NaN. */
    public static short toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int rounded = Float.isNaN(value) ? bits | 0x400000 : bits + 0x7FFF + (bits >>> 16 & 1);
        return (short) (rounded >>> 16);
    }

    /** The float that bfloat16 bits stand for. */
    public static float fromBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
