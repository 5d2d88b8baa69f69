package io.github.vicmae.kernel;

/** Launch geometry of kernels in which each warp handles one row: a few rows per block, one after another where a block is a single thread. */
public final class WarpRows {
    private static final int ROWS_A_BLOCK = 8;
    /** Threads of a block: one warp of 32 for each of its rows. */
    public static final int THREADS = 32 * ROWS_A_BLOCK;

    private WarpRows() {}

    public static int blocks(int rows) {
        return (rows - 1) / ROWS_A_BLOCK + 1;
    }
}
