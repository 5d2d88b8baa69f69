package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Floats to bfloat16 and back: the device and {@link DType} agree, and both round to the nearest, ties to even. */
class ConversionTest {
    /** What lies below the upper half of a float: nothing, all but a tie, a tie, a little more, and everything. */
    private static final int[] LOWER_HALVES = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    /** On the emulated device every access is checked and slow: every 23rd pattern, and all with an exponent at the ends of its range. */
    private static final int STEP = 23;

    private static int[] patterns(boolean all) {
        java.util.stream.IntStream upper = java.util.stream.IntStream.range(0, 1 << 16)
                .filter(u -> {
                    int exponent = u >> 7 & 0xFF;
                    return all || u % STEP == 0 || (u & 0x7F) < 2 && (exponent < 2 || exponent > 253);
                });
        return upper.flatMap(u -> java.util.Arrays.stream(LOWER_HALVES).map(lower -> u << 16 | lower))
                .toArray();
    }

    /**
     * The definition, in double precision: of the two bfloat16 values around a float the nearer one, of two as near the one whose last bit is
     * 0. The infinity counts as 2^128, the value that would follow the largest.
     */
    private static short nearest(int bits) {
        short below = (short) (bits >>> 16); // towards zero
        short above = (short) (below + 1);
        double value = Math.abs((double) Float.intBitsToFloat(bits));
        double down = value - magnitude(below);
        double up = magnitude(above) - value;
        if (down == 0) {
            return below;
        }
        return down < up || down == up && (below & 1) == 0 ? below : above;
    }

    private static double magnitude(short bits) {
        float value = Math.abs(DType.fromBf16(bits));
        return Float.isInfinite(value) ? 0x1p128 : value;
    }

    @Test
    void javaRoundsToTheNearest() {
        for (int bits : patterns(true)) {
            float value = Float.intBitsToFloat(bits);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(DType.fromBf16(DType.toBf16(value))), Integer.toHexString(bits));
            } else if (Float.isInfinite(value)) {
                assertEquals(value, DType.fromBf16(DType.toBf16(value)));
            } else {
                assertEquals(nearest(bits), DType.toBf16(value), Integer.toHexString(bits));
            }
        }
    }

    /** Among them ties, denormals, infinities, both zeros, floats that round to infinity, and NaN, which may be any NaN afterwards. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void theDeviceRoundsAsJavaDoes(String device) {
        int[] bits = patterns(device.equals("cpu"));
        try (KernelFixture fixture = new KernelFixture(device);
                HostBuffer floats = fixture.stream().device().hostBuffer(4L * bits.length);
                HostBuffer halves = fixture.stream().device().hostBuffer(2L * bits.length)) {
            Tensor from = fixture.unwritten(bits.length);
            Tensor to = fixture.unwritten(DType.BF16, bits.length);
            floats.bytes().asIntBuffer().put(0, bits);
            fixture.stream().upload(from, floats, 0);
            new PointwiseKernels(fixture.stream()).convert(to, from);
            fixture.stream().download(halves, 0, to);
            fixture.stream().synchronize();
            for (int i = 0; i < bits.length; i++) {
                float value = Float.intBitsToFloat(bits[i]);
                short found = halves.bytes().getShort(2 * i);
                if (Float.isNaN(value)) {
                    assertTrue(Float.isNaN(DType.fromBf16(found)), Integer.toHexString(bits[i]));
                } else {
                    assertEquals(DType.toBf16(value), found, Integer.toHexString(bits[i]));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void everyBfloat16BecomesTheFloatThatItStandsFor(String device) {
        int size = 1 << 16;
        try (KernelFixture fixture = new KernelFixture(device);
                HostBuffer floats = fixture.stream().device().hostBuffer(4L * size);
                HostBuffer halves = fixture.stream().device().hostBuffer(2L * size)) {
            Tensor from = fixture.unwritten(DType.BF16, size);
            Tensor to = fixture.unwritten(size);
            for (int i = 0; i < size; i++) {
                halves.bytes().putShort(2 * i, (short) i);
            }
            fixture.stream().upload(from, halves, 0);
            new PointwiseKernels(fixture.stream()).convert(to, from);
            fixture.stream().download(floats, 0, to);
            fixture.stream().synchronize();
            for (int i = 0; i < size; i++) {
                int found = floats.bytes().getInt(4 * i);
                assertEquals(i << 16, found, Integer.toHexString(i));
                float value = DType.fromBf16((short) i);
                assertTrue(Float.isNaN(value) || Float.floatToRawIntBits(value) == found, Integer.toHexString(i));
            }
        }
    }
}
