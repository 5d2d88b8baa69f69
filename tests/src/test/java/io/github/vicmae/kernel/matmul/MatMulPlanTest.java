package io.github.vicmae.kernel.matmul;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestSeed;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which tile and how many shares, on a card with 132 multiprocessors. */
class MatMulPlanTest {
    private static final int PROCESSORS = 132;
    private static final long PLENTY = 1L << 30;

    private static MatMulPlan choose(int m, int n, int k, long scratch) {
        return MatMulPlan.choose(PROCESSORS, m, n, k, false, false, scratch);
    }

    @Test
    void largeProductsTakeLargeTiles() {
        assertEquals(MatMulTile.LARGE, choose(25_600, 768, 3072, 0).tile());
        assertEquals(1, choose(25_600, 768, 3072, PLENTY).shares());
    }

    @Test
    void productsThatDoNotFillTheCardTakeSmallerOnes() {
        assertEquals(MatMulTile.SMALL, choose(512, 768, 768, 0).tile());
    }

    @Test
    void weightGradientsOfManyRowsAreCut() {
        MatMulPlan plan = choose(768, 768, 25_600, PLENTY);
        assertTrue(plan.shares() > 1, plan.toString());
        assertTrue(plan.tile().count(768, 768) * plan.shares() >= PROCESSORS / 2, plan.toString());
    }

    @Test
    void nothingIsCutWithoutScratch() {
        assertEquals(1, choose(768, 768, 25_600, 0).shares());
        assertEquals(1, choose(768, 768, 25_600, 768 * 768).shares());
    }

    @Test
    void oddOperandsTakeSmallTiles() {
        assertEquals(
                MatMulTile.SMALL,
                MatMulPlan.choose(PROCESSORS, 4096, 4096, 4095, true, false, 0).tile());
    }

    /** Shares cover k, none is empty, all but the last are whole tiles, and the partial sums fit the scratch. */
    @Test
    void sharesCoverAllOfK() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            int m = 1 + random.nextInt(4096);
            int n = 1 + random.nextInt(4096);
            int k = 1 + random.nextInt(40_000);
            long scratch = random.nextInt(3) == 0 ? 0 : random.nextLong(PLENTY);
            MatMulPlan plan = choose(m, n, k, scratch);
            String what = plan + " for " + m + ", " + n + ", " + k + "; seed " + seed;
            assertTrue((long) plan.shares() * plan.depth() >= k, what);
            assertTrue((long) (plan.shares() - 1) * plan.depth() < k, what);
            assertTrue(plan.shares() == 1 || plan.depth() % plan.tile().k == 0, what);
            assertTrue(plan.scratch(m, n) <= scratch, what);
        }
    }
}
