package io.github.vicmae.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PositionGridTest {
    private static final float[] TABLE = {1, -2, 3, 0.5f, 4, -1};
    private static final PositionGrid GRID = new PositionGrid(2, 3);

    /** Expected: torch.nn.functional.interpolate(table, size, mode="bicubic", align_corners=False) of PyTorch 1.13. */
    @Test
    void aLargerAndASmallerGridAreAsInPyTorch() {
        float[] larger = {
            1.4065468f,
            -0.8131950f,
            -2.6328126f,
            0.8072975f,
            4.0031252f,
            1.0333437f,
            0.0972345f,
            -0.6406248f,
            0.9228442f,
            2.3562503f,
            0.4186564f,
            1.5967655f,
            2.6406250f,
            1.1131561f,
            -0.3562499f,
            0.0454534f,
            2.5071950f,
            4.6328125f,
            1.2287027f,
            -2.0031250f
        };
        assertArrayEquals(larger, GRID.resized(TABLE, 0, 1, new PositionGrid(4, 5)), 1e-5f);
        assertArrayEquals(
                new float[] {0.8066406f, 1.0087891f}, GRID.resized(TABLE, 0, 1, new PositionGrid(1, 2)), 1e-5f);
    }

    @Test
    void theSameGridKeepsEveryBitAndColumnsAreApart() {
        float[] two = new float[1 + 2 * TABLE.length]; // one value before the table, and two columns
        for (int i = 0; i < TABLE.length; i++) {
            two[1 + 2 * i] = TABLE[i];
            two[2 + 2 * i] = 7;
        }
        float[] same = GRID.resized(two, 1, 2, GRID);
        assertArrayEquals(Arrays.copyOfRange(two, 1, two.length), same);
        float[] resized = GRID.resized(two, 1, 2, new PositionGrid(5, 4));
        for (int i = 1; i < resized.length; i += 2) {
            assertEquals(7, resized[i], 1e-5f);
        }
    }
}
