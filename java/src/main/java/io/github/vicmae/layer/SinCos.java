package io.github.vicmae.layer;

/** The fixed 2-D sine-cosine position table of MAE (He et al. 2022). */
public final class SinCos {
    private SinCos() {}

    /**
     * [1 + rows * columns, dim]: the class token's row is zero; then for each patch dim / 2 values from its column and dim / 2 from its row,
     * each half [sin | cos] over frequencies 10000^(-2 i / (dim / 2)).
     *
     * @throws IllegalArgumentException if dim is no multiple of 4
     */
    public static float[] table(int dim, int rows, int columns) {
        if (dim % 4 != 0) {
            throw new IllegalArgumentException(
                    "Sine-cosine positions need a width that is a multiple of 4, not " + dim);
        }
        float[] table = new float[Math.multiplyExact(1 + rows * columns, dim)];
        int quarter = dim / 4;
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++) {
                int at = (1 + y * columns + x) * dim;
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
}
