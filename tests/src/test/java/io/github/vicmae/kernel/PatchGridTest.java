package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PatchGridTest {
    @Test
    void countsAnImagesPatches() {
        PatchGrid grid = PatchGrid.ofImage(32, 48, 16);
        assertEquals(6, grid.patches());
        assertEquals(7, grid.tokens());
        assertEquals(3, grid.tokens(2));
        assertEquals(768, grid.patchSize(3));
    }

    /** ST-MAE's: 16 frames of 224 x 224 pixels in tubes of 2 x 16 x 16. */
    @Test
    void countsAClipsTubes() {
        PatchGrid grid = new PatchGrid(16, 224, 224, 2, 16, false);
        assertEquals(8, grid.times());
        assertEquals(196, grid.places());
        assertEquals(1568, grid.patches());
        assertEquals(1568, grid.tokens());
        assertEquals(1536, grid.patchSize(3));
    }

    @Test
    void saysWhatDoesNotFit() {
        assertRefused("multiples of 16", 1, 30, 32, 1, 16);
        assertRefused("multiples of 16", 1, 32, 30, 1, 16);
        assertRefused("multiple of 2", 3, 32, 32, 2, 16);
        assertRefused("at least 1, not 0", 1, 32, 32, 1, 0);
        assertRefused("at least 1 frame, not 0", 1, 32, 32, 0, 16);
        assertRefused("0 frames", 0, 32, 32, 1, 16);
    }

    private static void assertRefused(String words, int frames, int height, int width, int tube, int patch) {
        var e = assertThrows(
                IllegalArgumentException.class, () -> new PatchGrid(frames, height, width, tube, patch, true));
        assertTrue(e.getMessage().contains(words), e.getMessage());
    }
}
