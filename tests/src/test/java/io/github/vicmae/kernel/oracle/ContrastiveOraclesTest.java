package io.github.vicmae.kernel.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The oracles' gradients against central differences of their own losses. */
class ContrastiveOraclesTest {
    private static final double STEP = 1e-5;
    private static final int[][] SHAPES = {{4, 1}, {4, 5}, {6, 3}, {10, 7}};

    private final Random random = new Random(11);

    private double[] normal(int size) {
        return random.doubles(size, -2, 2).toArray();
    }

    private static double slope(ContrastiveOracle oracle, double[] moved, int i, double[] rows, double[] columns) {
        double before = moved[i];
        moved[i] = before + STEP;
        double above = oracle.loss(rows, columns);
        moved[i] = before - STEP;
        double below = oracle.loss(rows, columns);
        moved[i] = before;
        return (above - below) / (2 * STEP);
    }

    private void assertGradient(ContrastiveOracle oracle, int rows, int columns, int width) {
        for (boolean symmetric : new boolean[] {true, false}) {
            if (symmetric && rows != columns) {
                continue;
            }
            String what = oracle.getClass().getSimpleName() + " of " + rows + " x " + columns + " x " + width
                    + (symmetric ? ", symmetric" : "");
            double[] x = normal(rows * width);
            double[] z = symmetric ? x : normal(columns * width);
            double[] dx = new double[x.length];
            double[] dz = symmetric ? dx : new double[z.length];
            double[] terms = oracle.backward(dx, dz, x, z, 0.5);
            for (int i = 0; i < x.length; i++) {
                assertEquals(0.5 * slope(oracle, x, i, x, z), dx[i], 1e-6, what + ", row element " + i);
            }
            for (int i = 0; i < z.length; i++) {
                assertEquals(0.5 * slope(oracle, z, i, x, z), dz[i], 1e-6, what + ", column element " + i);
            }
            double norm = Math.sqrt(java.util.Arrays.stream(dx).map(d -> d * d).sum());
            // Terms add up to the gradient, so that their norm is of its order at the least.
            assertTrue(terms[0] > 0.1 * norm && Double.isFinite(terms[1]), what + ": " + terms[0] + " of " + norm);
        }
    }

    @Test
    void infoNce() {
        for (int[] shape : SHAPES) {
            assertGradient(InfoNceOracle.ofTwoViews(shape[0], shape[0], shape[1], 0.5), shape[0], shape[0], shape[1]);
            assertGradient(
                    InfoNceOracle.ofTwoViews(shape[0], shape[0] + 3, shape[1], 0.5), shape[0], shape[0] + 3, shape[1]);
        }
    }

    @Test
    void vicReg() {
        for (int[] shape : SHAPES) {
            assertGradient(new VicRegOracle(shape[0], shape[1], 25, 25, 1, 1, 1e-4), shape[0], shape[0], shape[1]);
        }
    }

    /** The paper's hinge on a view that does not vary at all: each width costs gamma less the root of eps. */
    @Test
    void vicRegOfViewsThatDoNotVary() {
        double[] constant = new double[6 * 2];
        java.util.Arrays.fill(constant, 3);
        VicRegOracle oracle = new VicRegOracle(6, 2, 25, 25, 1, 1, 1e-4);
        assertEquals(25 * (1 - 0.01), oracle.loss(constant, constant), 1e-12);
    }

    /** Columns count as constants: in the symmetric form too, where moving the columns would double the slope. */
    @Test
    void simSiamStopsAtTheColumns() {
        for (int[] shape : SHAPES) {
            int rows = shape[0];
            int width = shape[1];
            SimSiamOracle oracle = new SimSiamOracle(rows, width);
            double[] x = normal(rows * width);
            double[] z = normal(rows * width);
            for (double[] columns : new double[][] {z, x.clone()}) {
                double[] dx = new double[x.length];
                double[] dz = new double[z.length];
                oracle.backward(dx, dz, x, columns, 0.5);
                for (int i = 0; i < x.length; i++) {
                    assertEquals(0.5 * slope(oracle, x, i, x, columns), dx[i], 1e-6, "row element " + i);
                    assertEquals(0, dz[i], 0.0, "column element " + i);
                }
                if (columns != z) {
                    double[] both = new double[x.length];
                    oracle.backward(both, both, x, x, 0.5);
                    org.junit.jupiter.api.Assertions.assertArrayEquals(dx, both, 1e-15);
                }
            }
            assertEquals(-1, oracle.loss(same(rows, width), same(rows, width)), 1e-12);
        }
    }

    private static double[] same(int rows, int width) {
        double[] all = new double[rows * width];
        for (int i = 0; i < all.length; i++) {
            all[i] = 1 + i % width;
        }
        return all;
    }
}
