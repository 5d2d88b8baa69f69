package io.github.vicmae.eval;

import java.util.stream.IntStream;

/** Feature vectors of length one in double precision, of which only the floats and their lengths are kept: a zero vector stays as it is. */
final class UnitRows {
    private final float[][] rows;
    private final int width;
    private final double[] norms;

    /**
     * @param rows [N][D]; kept and not copied
     * @throws IllegalArgumentException if a row's length is not {@code width} or a value is not finite
     */
    UnitRows(float[][] rows, int width) {
        this.rows = rows;
        this.width = width;
        norms = new double[rows.length];
        for (int i = 0; i < rows.length; i++) {
            double[] row = Features.toDouble(rows[i], width, i);
            norms[i] = Math.sqrt(Features.dot(row, row));
        }
    }

    int count() {
        return rows.length;
    }

    int width() {
        return width;
    }

    /** A row divided by its length. */
    double[] row(int i) {
        double[] row = new double[width];
        for (int d = 0; d < width; d++) {
            row[d] = value(i, d);
        }
        return row;
    }

    private double value(int i, int d) {
        return norms[i] > 0 ? rows[i][d] / norms[i] : rows[i][d];
    }

    /** The inner product of a row with a vector, summed up in order. */
    double similarity(int i, double[] vector) {
        float[] row = rows[i];
        double norm = norms[i] > 0 ? norms[i] : 1;
        double sum = 0;
        for (int d = 0; d < width; d++) {
            sum += vector[d] * (row[d] / norm);
        }
        return sum;
    }

    /** The values of some rows as floats. */
    void write(int start, int count, float[] out) {
        IntStream.range(0, count).parallel().forEach(i -> {
            for (int d = 0; d < width; d++) {
                out[i * width + d] = (float) value(start + i, d);
            }
        });
    }
}
