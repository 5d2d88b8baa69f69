package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.Arrays;

/**
 * Which column is each row's positive and which one it leaves out, on the device, as InfoNCE's kernels read it (struct Pairs in
 * cuda/info_nce.cuh). Written once; checked here, since a kernel would follow any index.
 */
public final class InfoNcePairs {
    /** Rows of a kernel's smallest tile. */
    private static final int SMALLEST_TILE = 32;

    private final InfoNceShape shape;
    private final Tensor table;

    /** Declares the table: R + R + (K + 1) + R integers, and a counter for each tile of either side and one for all. */
    public InfoNcePairs(Arena arena, InfoNceShape shape) {
        this.shape = shape;
        long counters = 3L + (shape.rows() + shape.columns()) / SMALLEST_TILE;
        long size = 3L * shape.rows() + shape.columns() + 1 + counters;
        table = arena.tensor("infonce.pairs", DType.I32, Math.toIntExact(size));
    }

    InfoNceShape shape() {
        return shape;
    }

    Tensor table() {
        return table;
    }

    /**
     * Writes them, and waits.
     *
     * @param positive [R] in [0, K); any column may be the positive of any number of rows
     * @param excluded [R] in [-1, K), -1 for none; in the symmetric form each row itself
     * @throws IllegalArgumentException if an index is out of its range, or a row has no column left to sum over
     */
    public void write(Stream stream, int[] positive, int[] excluded) {
        int rows = shape.rows();
        int columns = shape.columns();
        if (positive.length != rows || excluded.length != rows) {
            throw new IllegalArgumentException("infoNce wants a positive and an excluded column for each of its " + rows
                    + " rows but was given " + positive.length + " and " + excluded.length);
        }
        int[] values = new int[(int) table.size()];
        int first = 2 * rows;
        for (int i = 0; i < rows; i++) {
            check(i, positive[i], excluded[i]);
            values[i] = positive[i];
            values[rows + i] = excluded[i];
            values[first + positive[i] + 1]++;
        }
        for (int j = 0; j < columns; j++) {
            values[first + j + 1] += values[first + j];
        }
        int rowOf = first + columns + 1;
        int[] next = Arrays.copyOfRange(values, first, rowOf);
        for (int i = 0; i < rows; i++) {
            values[rowOf + next[positive[i]]++] = i;
        }
        stream.write(table, values);
    }

    private void check(int row, int positive, int excluded) {
        int columns = shape.columns();
        if (positive < 0 || positive >= columns) {
            throw new IllegalArgumentException("infoNce wants row " + row + "'s positive among its " + columns
                    + " columns but was given " + positive);
        }
        if (excluded < -1 || excluded >= columns) {
            throw new IllegalArgumentException("infoNce wants the column that row " + row + " leaves out among its "
                    + columns + ", or -1 for none, but was given " + excluded);
        }
        if (shape.symmetric() && (excluded != row || positive == row)) {
            throw new IllegalArgumentException("infoNce in the symmetric form wants each row to leave itself out and"
                    + " to have another as its positive, but row " + row + " leaves out " + excluded
                    + " and has the positive " + positive);
        }
        if (columns == 1 && excluded == 0) {
            throw new IllegalArgumentException(
                    "infoNce wants a column to sum over for each row, but row " + row + " leaves out the only one");
        }
    }
}
