package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Rounding of a file's numbers to narrower types. */
class RetypedSourceTest {
    @TempDir
    Path dir;

    private Path file(float... values) throws IOException {
        Path file = dir.resolve("values.safetensors");
        new SafetensorsWriter()
                .add("x", new long[] {values.length}, values)
                .add("count", new long[] {1}, new long[] {7})
                .write(file);
        return file;
    }

    private float[] rounded(DType type, float... values) throws IOException {
        try (TensorSource source = new RetypedSource(TensorSource.open(file(values)), type)) {
            assertEquals(type, source.info("x").dtype());
            assertEquals(DType.I64, source.info("count").dtype());
            assertEquals(7, source.longs("count")[0]);
            return source.floats("x");
        }
    }

    /** Every number of a narrow type, from its bits: finite ones come back, and between neighbours the nearer wins, or the even one. */
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void allNumbersStayAndOthersGoToTheNearest(DType type) throws IOException {
        int infinity = type == DType.F16 ? 0x7c00 : 0x7f80;
        float[] exact = new float[infinity];
        ByteBuffer bits = ByteBuffer.allocate(2 * infinity).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < infinity; i++) {
            bits.putShort((short) i);
        }
        type.toFloats(bits.flip(), exact, 0, infinity);
        assertArrayEquals(exact, rounded(type, exact));

        float[] between = new float[infinity - 1];
        float[] expected = new float[infinity - 1];
        Random random = new Random(1);
        for (int i = 0; i < between.length; i++) {
            double middle = ((double) exact[i] + exact[i + 1]) / 2;
            int sign = random.nextBoolean() ? 1 : -1;
            int step = random.nextInt(3) - 1; // below the middle, on it, above
            between[i] = sign
                    * (step == 0
                            ? (float) middle
                            : step < 0 ? Math.nextDown((float) middle) : Math.nextUp((float) middle));
            int even = i % 2 == 0 ? i : i + 1;
            int wins = (float) middle != middle ? even : step == 0 ? even : step < 0 ? i : i + 1;
            expected[i] = sign * exact[wins];
            if ((float) middle != middle) { // the middle of the smallest bfloat16 is no float
                between[i] = sign * exact[even];
            }
        }
        assertArrayEquals(expected, rounded(type, between));
    }

    @Test
    void whatIsNotFiniteStaysSo() throws IOException {
        for (DType type : new DType[] {DType.F16, DType.BF16}) {
            float[] found = rounded(type, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0f);
            assertTrue(Float.isNaN(found[0]));
            assertEquals(Float.POSITIVE_INFINITY, found[1]);
            assertEquals(Float.NEGATIVE_INFINITY, found[2]);
            assertEquals(Float.floatToRawIntBits(-0f), Float.floatToRawIntBits(found[3]));
        }
    }

    @Test
    void whatIsBeyondFloat16IsRefused() throws IOException {
        assertEquals(65504, rounded(DType.F16, Math.nextDown(65520f))[0]);
        IOException e = assertThrows(IOException.class, () -> rounded(DType.F16, 1, 65520));
        assertTrue(e.getMessage().contains("tensor x holds 65520.0"), e.getMessage());
    }
}
