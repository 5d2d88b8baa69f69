package io.github.vicmae.kernel.matmul;

/**
 * The tiles of C that a block of cuda/matmul_mma.cu can compute. What a tile costs is an estimate from bytes and instructions (see
 * docs/results/notes.md), not a measurement; it is used only to choose between tiles.
 */
enum MatMulTile {
    /** Eight warps of 64 x 64, one block a multiprocessor. */
    LARGE(128, 256, 32, 4, 256, 1, 1.0),
    /** Four warps of 64 x 64, two blocks a multiprocessor: one's epilogue is hidden behind the other's products. */
    MEDIUM(128, 128, 32, 4, 128, 2, 0.92),
    /** Four warps of 32 x 32, for products that larger tiles would not fill the card with; the only one for operands at odd addresses. */
    SMALL(64, 64, 64, 3, 128, 4, 0.5);

    /** Rows and columns of C. */
    final int m;

    final int n;
    /** Steps along k that are staged at once. */
    final int k;

    final int threads;
    final int sharedBytes;
    /** Blocks that a multiprocessor holds. */
    final int residents;
    /** The share of the matrix units' rate that shared memory lets it reach. */
    final double efficiency;

    MatMulTile(int m, int n, int k, int stages, int threads, int residents, double efficiency) {
        this.m = m;
        this.n = n;
        this.k = k;
        this.threads = threads;
        this.residents = residents;
        this.efficiency = efficiency;
        sharedBytes = stages * (m + n) * k * Short.BYTES;
    }

    /** How many of them cover C. */
    int count(int rows, int columns) {
        return Math.multiplyExact((rows + m - 1) / m, (columns + n - 1) / n);
    }

    /** The name's end in the kernel's name. */
    String suffix() {
        return switch (this) {
            case LARGE -> "large";
            case MEDIUM -> "medium";
            case SMALL -> "small";
        };
    }
}
