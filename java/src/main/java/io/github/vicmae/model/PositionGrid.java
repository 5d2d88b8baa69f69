package io.github.vicmae.model;

import java.util.Arrays;

/**
 * Positions on a grid, brought to a grid of another size by bicubic interpolation: centres of cells are aligned.
 *
 * @param rows of the grid
 * @param columns of the grid
 */
record PositionGrid(int rows, int columns) {
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
        return resized(table, at, width, to, Interpolation.PLAIN);
    }

    /** The same in one of the ways that there are. A grid of the same size is as it was. */
    float[] resized(float[] table, int at, int width, PositionGrid to, Interpolation how) {
        if (equals(to)) {
            return Arrays.copyOfRange(table, at, at + places() * width);
        }
        double[][] rowWeights = new double[to.rows][];
        double[][] columnWeights = new double[to.columns][];
        int[] firstRow = how.weights(rows, to.rows, rowWeights);
        int[] firstColumn = how.weights(columns, to.columns, columnWeights);
        float[] result = new float[to.places() * width];
        double[] sum = new double[width];
        for (int r = 0; r < to.rows; r++) {
            for (int c = 0; c < to.columns; c++) {
                Arrays.fill(sum, 0);
                for (int i = 0; i < rowWeights[r].length; i++) {
                    for (int j = 0; j < columnWeights[c].length; j++) {
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

    private static int clamp(int place, int size) {
        return Math.max(0, Math.min(size - 1, place));
    }
}
