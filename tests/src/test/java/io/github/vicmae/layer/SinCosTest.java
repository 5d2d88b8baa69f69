package io.github.vicmae.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SinCosTest {
    @Test
    void aPlaceHasItsColumnThenItsRow() {
        int dim = 8;
        float[] table = SinCos.table(dim, 2, 3, true);
        assertEquals(7 * dim, table.length);
        for (int i = 0; i < dim; i++) {
            assertEquals(0, table[i]);
        }
        int at = (1 + 5) * dim; // row 1, column 2
        double[] expected = {
            Math.sin(2),
            Math.sin(0.02),
            Math.cos(2),
            Math.cos(0.02),
            Math.sin(1),
            Math.sin(0.01),
            Math.cos(1),
            Math.cos(0.01)
        };
        for (int i = 0; i < dim; i++) {
            assertEquals(expected[i], table[at + i], 1e-7);
        }
        float[] patches = SinCos.table(dim, 2, 3, false);
        assertEquals(6 * dim, patches.length);
        assertEquals(table[at + 1], patches[at - dim + 1]);
    }

    @Test
    void aLineAlternatesSinesAndCosines() {
        float[] table = SinCos.line(4, 3);
        double[] expected = {0, 1, 0, 1, Math.sin(1), Math.cos(1), Math.sin(0.01), Math.cos(0.01)};
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], table[i], 1e-7);
        }
        assertEquals(Math.cos(0.02), table[11], 1e-7);
    }
}
