package io.github.vicmae.model;

import java.util.Arrays;

/**
 * Positions on a grid, brought to a grid of another size by bicubic interpolation (Keys 1981, a = -0.75, centres of cells aligned, border values
 * repeated), as MAE's fine-tuning does for images of another size; the same as PyTorch's {@code interpolate(mode="bicubic", align_corners=False)}.
 *
 * @param rows of the grid
 * @param columns of the grid
 */
record PositionGrid(int rows, int columns) {
    private static final double A = -0.75;

    int places() {
        return rows * columns;
    }

    /**
     * Interpolates a table.
     *
     * @param table of which [places, width] from {@code at} on are this grid's
     * @return [to.places, width]
     */
    float[] resized(float[] table, int at, int width, PositionGrid to) {
        double[][] rowWeights = new double[to.rows][];
        double[][] columnWeights = new double[to.columns][];
        int[] firstRow = weights(rows, to.rows, rowWeights);
        int[] firstColumn = weights(columns, to.columns, columnWeights);
        float[] result = new float[to.places() * width];
        double[] sum = new double[width];
        for (int r = 0; r < to.rows; r++) {
            for (int c = 0; c < to.columns; c++) {
                Arrays.fill(sum, 0);
                for (int i = 0; i < 4; i++) {
                    for (int j = 0; j < 4; j++) {
                        double weight = rowWeights[r][i] * columnWeights[c][j];
                        int place = clamp(firstRow[r] + i, rows) * columns + clamp(firstColumn[c] + j, columns);
                        for (int d = 0; d < width; d++) {
                            sum[d] += weight * table[at + place * width + d];
                        }
                    }
                }
                for (int d = 0; d < width; d++) {
                    result[(r * to.columns + c) * width + d] = (float) sum[d];
                }
            }
        }
        return result;
    }

    /** The four neighbours' weights of each new place along one side; returns the first neighbour of each. */
    private static int[] weights(int from, int to, double[][] weights) {
        int[] first = new int[to];
        for (int i = 0; i < to; i++) {
            double at = (i + 0.5) * from / to - 0.5;
            int below = (int) Math.floor(at);
            double t = at - below;
            first[i] = below - 1;
            weights[i] = new double[] {far(t + 1), near(t), near(1 - t), far(2 - t)};
        }
        return first;
    }

    /** The kernel within a distance of 1. */
    private static double near(double x) {
        return ((A + 2) * x - (A + 3)) * x * x + 1;
    }

    /** The kernel from a distance of 1 to 2. */
    private static double far(double x) {
        return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
    }

    private static int clamp(int place, int size) {
        return Math.max(0, Math.min(size - 1, place));
    }
}
