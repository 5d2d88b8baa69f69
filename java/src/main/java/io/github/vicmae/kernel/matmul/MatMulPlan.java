package io.github.vicmae.kernel.matmul;

/**
 * How cuda/matmul_mma.cu divides a product: the tile, and how many shares k is split into where there are fewer tiles than the card has room for.
 * A pure function of what {@link #choose} is given, so a product's bits are the same in every run on one card.
 *
 * @param tile a block's part of C
 * @param depth steps along k of a share, a multiple of the tile's unless there is one share
 * @param shares how many; more than one want scratch
 */
record MatMulPlan(MatMulTile tile, int depth, int shares) {
    private static final int MOST_SHARES = 32;
    // What surrounds a block's products, as steps along k: filling the pipeline, storing the tile; and GELU, which is
    // as long again.
    private static final double OVERHEAD = 96;
    private static final double GELU_OVERHEAD = 128;
    // In multiplications of one multiprocessor: a byte of the partial sums written or read, and a second launch.
    private static final double PER_BYTE = 50;
    private static final double PER_LAUNCH = 7e6;

    /** Floats of scratch that it takes. */
    long scratch(int m, int n) {
        return shares == 1 ? 0 : Math.multiplyExact((long) shares, Math.addExact((long) m * n, m));
    }

    /**
     * The one that is estimated to be the fastest.
     *
     * @param processors the card's multiprocessors
     * @param smallOnly whether the operands' addresses or lengths allow no other tile
     * @param gelu whether the epilogue has one
     * @param scratch floats that partial sums may take; 0 if k must not be cut
     */
    static MatMulPlan choose(int processors, int m, int n, int k, boolean smallOnly, boolean gelu, long scratch) {
        MatMulPlan best = null;
        double least = Double.POSITIVE_INFINITY;
        for (MatMulTile tile : MatMulTile.values()) {
            if (smallOnly && tile != MatMulTile.SMALL) {
                continue;
            }
            for (int shares = 1; shares <= MOST_SHARES; shares++) {
                MatMulPlan plan = of(tile, k, shares);
                // Rounded up to whole tiles, fewer shares may do.
                if (plan.shares != shares || plan.scratch(m, n) > scratch) {
                    continue;
                }
                double cost = plan.cost(processors, m, n, gelu);
                if (cost < least) {
                    least = cost;
                    best = plan;
                }
            }
        }
        return best;
    }

    /** A tile and at most that many shares. */
    static MatMulPlan of(MatMulTile tile, int k, int shares) {
        if (shares == 1) {
            return new MatMulPlan(tile, k, 1);
        }
        int depth = (divideUp(k, shares) + tile.k - 1) / tile.k * tile.k;
        return new MatMulPlan(tile, depth, divideUp(k, depth));
    }

    /** What the multiprocessor with the most blocks does, in multiplications at the matrix units' rate. */
    private double cost(int processors, int m, int n, boolean gelu) {
        long blocks = (long) tile.count(m, n) * shares;
        long busiest = (blocks + processors - 1) / processors;
        double around = (OVERHEAD + (gelu ? GELU_OVERHEAD : 0)) / tile.residents;
        double products = busiest * (double) tile.m * tile.n * (depth + around) / tile.efficiency;
        double sums = shares == 1 ? 0 : PER_LAUNCH + PER_BYTE * 2 * Float.BYTES * shares * m * n / processors;
        return products + sums;
    }

    private static int divideUp(int a, int b) {
        return (a + b - 1) / b;
    }
}
