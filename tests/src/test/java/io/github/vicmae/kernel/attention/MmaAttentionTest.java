package io.github.vicmae.kernel.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.kernel.attention.MmaAttention.Form;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the blocks of attention on matrix units have on chip, for cards with little and with much shared memory. */
class MmaAttentionTest {
    private static final int TILE = 16;
    /** Compute capabilities 8.6, 8.0 and 9.0. */
    private static final int LITTLE = 99 << 10;

    private static final int HOPPER = 227 << 10;

    @ParameterizedTest
    @ValueSource(ints = {LITTLE, 163 << 10, HOPPER})
    void fitsAtEveryLength(int sharedBytes) {
        for (Form form : Form.values()) {
            for (int tokens = 1; tokens <= 4096; tokens++) {
                String at = form + ", " + tokens + " tokens";
                int panel = form.keyPanel(tokens, sharedBytes);
                assertEquals(0, panel % TILE, at);
                assertTrue(form.forwardBytes(panel) <= sharedBytes, at);
                int forwardWarps = form.forwardWarps(tokens);
                assertTrue(forwardWarps >= 1 && forwardWarps <= 4, at);

                int group = form.keyGroup(tokens, sharedBytes);
                int queries = form.queryPanel(tokens, group, sharedBytes);
                assertTrue(form.backwardBytes(group, queries) <= sharedBytes, at);
                int tiles = (tokens + TILE - 1) / TILE;
                assertTrue(queries >= 1 && queries <= tiles, at);
                int warps = form.backwardWarps(group);
                assertTrue(
                        warps >= 1 && form.backwardBlocks(warps, form.backwardBytes(group, queries), sharedBytes) >= 1);
                // The two rules on which attention_mma_backward.cu relies.
                boolean severalPanels = queries < tiles;
                assertTrue(!severalPanels || warps * form.keyTiles() >= group, at + ": sums cannot stay in registers");
                assertTrue(
                        group >= tiles || MmaAttention.sumsInPieces(tokens, form.dim()),
                        at + ": scratchSize() does not tell of the partial sums");
            }
        }
    }

    /** At the lengths that matter a Hopper card has a whole head on chip, forward and backward, and all queries are read once. */
    @Test
    void aHeadIsWholeAtTheUsualLengths() {
        for (int tokens : new int[] {50, 99, 197}) {
            for (Form form : new Form[] {Form.D32, Form.D64, Form.D80}) {
                int tiles = (tokens + TILE - 1) / TILE;
                assertEquals(TILE * tiles, form.keyPanel(tokens, HOPPER));
                int group = form.keyGroup(tokens, HOPPER);
                assertTrue(group - tiles < form.keyTiles() && group >= tiles, form + ", " + tokens + " tokens");
                assertEquals(tiles, form.queryPanel(tokens, group, HOPPER));
            }
        }
    }

    @Test
    void narrowerHeadsTakeTheNextForm() {
        assertEquals(Form.D32, Form.of(8));
        assertEquals(Form.D32, Form.of(32));
        assertEquals(Form.D64, Form.of(40));
        assertEquals(Form.D80, Form.of(72));
        assertEquals(Form.D128, Form.of(96));
        assertEquals(Form.D128, Form.of(AttentionKernels.MAX_HEAD_DIM));
    }
}
