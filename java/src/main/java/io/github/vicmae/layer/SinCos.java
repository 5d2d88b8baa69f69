package io.github.vicmae.layer;

/** Fixed sine-cosine position tables. */
public final class SinCos {
    private SinCos() {}

    /**
     * The 2-D table of MAE (He et al. 2022), [(1 +) rows * columns, dim]: the class token's row, if there is one, is zero; then for each patch dim
     * / 2 values from its column and dim / 2 from its row, each half [sin | cos] over frequencies 10000^(-2 i / (dim / 2)).
     *
     * @throws IllegalArgumentException if dim is no multiple of 4
     */
    public static float[] table(int dim, int rows, int columns, boolean classToken) {
        if (dim % 4 != 0) {
            throw new IllegalArgumentException(
                    "Sine-cosine positions need a width that is a multiple of 4, not " + dim);
        }
        int first = classToken ? 1 : 0;
        float[] table = new float[Math.multiplyExact(first + rows * columns, dim)];
        int quarter = dim / 4;
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++) {
                int at = (first + y * columns + x) * dim;
                for (int i = 0; i < quarter; i++) {
                    double omega = 1 / Math.pow(10000, i / (double) quarter);
                    table[at + i] = (float) Math.sin(x * omega);
                    table[at + quarter + i] = (float) Math.cos(x * omega);
                    table[at + 2 * quarter + i] = (float) Math.sin(y * omega);
                    table[at + 3 * quarter + i] = (float) Math.cos(y * omega);
                }
            }
        }
        return table;
    }

    /**
     * The 1-D table of Vaswani et al. 2017, [rows, dim]: column j of row i is the sine (j even) or cosine (j odd) of i / 10000^(2 (j / 2) / dim),
     * j / 2 rounded down.
     */
    public static float[] line(int dim, int rows) {
        float[] table = new float[Math.multiplyExact(rows, dim)];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < dim; j++) {
                double angle = i / Math.pow(10000, 2 * (j / 2) / (double) dim);
                table[i * dim + j] = (float) (j % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
            }
        }
        return table;
    }
}
