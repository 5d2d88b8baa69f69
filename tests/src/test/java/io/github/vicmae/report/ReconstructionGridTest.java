package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PixelTarget;
import io.github.vicmae.report.ReconstructionGrid.Images;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReconstructionGridTest {
    private static final int PATCH = 4;
    private static final int HEIGHT = 8;
    private static final int WIDTH = 12;
    private static final int PATCHES = 6;
    private static final float[] MEAN = {0.485f, 0.456f, 0.406f, 0.5f};
    private static final float[] DEVIATION = {0.229f, 0.224f, 0.225f, 0.25f};

    private static ReconstructionGrid grid(int channels, boolean normPix) {
        return new ReconstructionGrid(
                PatchGrid.ofImage(HEIGHT, WIDTH, PATCH),
                channels,
                Arrays.copyOf(MEAN, channels),
                Arrays.copyOf(DEVIATION, channels),
                PixelTarget.of(PatchGrid.ofImage(HEIGHT, WIDTH, PATCH), normPix));
    }

    /** Levels [channel][y][x] of a random picture. */
    private static int[][][] picture(int channels, Random random) {
        int[][][] levels = new int[channels][HEIGHT][WIDTH];
        for (int[][] plane : levels) {
            for (int[] row : plane) {
                for (int x = 0; x < WIDTH; x++) {
                    row[x] = random.nextInt(256);
                }
            }
        }
        return levels;
    }

    private static float[] normalised(int[][][] levels) {
        float[] view = new float[levels.length * HEIGHT * WIDTH];
        int at = 0;
        for (int c = 0; c < levels.length; c++) {
            for (int[] row : levels[c]) {
                for (int level : row) {
                    view[at++] = (level / 255f - MEAN[c]) / DEVIATION[c];
                }
            }
        }
        return view;
    }

    /** The training target of a view: patches in (row, column, channel) order, normalised if asked. */
    private static float[] target(float[] view, int channels, boolean normPix) {
        float[] target = new float[view.length];
        int at = 0;
        for (int p = 0; p < PATCHES; p++) {
            int start = at;
            for (int y = p / 3 * PATCH; y < p / 3 * PATCH + PATCH; y++) {
                for (int x = p % 3 * PATCH; x < p % 3 * PATCH + PATCH; x++) {
                    for (int c = 0; c < channels; c++) {
                        target[at++] = view[c * HEIGHT * WIDTH + y * WIDTH + x];
                    }
                }
            }
            if (normPix) {
                normalise(target, start, at);
            }
        }
        return target;
    }

    private static void normalise(float[] values, int from, int to) {
        double mean = 0;
        double variance = 0;
        for (int i = from; i < to; i++) {
            mean += values[i] / (to - from);
        }
        for (int i = from; i < to; i++) {
            variance += (values[i] - mean) * (values[i] - mean) / (to - from - 1);
        }
        for (int i = from; i < to; i++) {
            values[i] = (float) ((values[i] - mean) / Math.sqrt(variance + 1e-6));
        }
    }

    @ParameterizedTest
    @CsvSource({"1,true", "1,false", "2,true", "3,true", "3,false", "4,true", "4,false"})
    void aPerfectPredictionGivesTheInputBack(int channels, boolean normPix) {
        long seed = 7;
        int[][][] levels = picture(channels, new Random(seed));
        float[] view = normalised(levels);
        float[] mask = {1, 0, 1, 1, 0, 1};
        Images images = grid(channels, normPix).images(view, target(view, channels, normPix), mask);
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                int red = levels[0][y][x];
                int green = channels == 1 ? red : levels[1][y][x];
                int blue = channels == 1 ? red : channels == 2 ? 0 : levels[2][y][x];
                int expected = 0xff000000 | red << 16 | green << 8 | blue;
                String at = "seed " + seed + ", pixel " + x + ", " + y;
                assertEquals(expected, images.input().getRGB(x, y), at);
                assertEquals(expected, images.predicted().getRGB(x, y), at);
                assertEquals(expected, images.pasted().getRGB(x, y), at);
                boolean masked = mask[y / PATCH * 3 + x / PATCH] == 1;
                assertEquals(masked ? 0xff808080 : expected, images.masked().getRGB(x, y), at);
            }
        }
    }

    @Test
    void visiblePatchesArePastedFromTheInput() {
        float[] view = normalised(picture(3, new Random(1)));
        float[] white = new float[view.length];
        Arrays.fill(white, 100);
        float[] mask = {0, 1, 0, 0, 0, 0};
        Images images = grid(3, false).images(view, white, mask);
        assertEquals(0xffffffff, images.pasted().getRGB(5, 0));
        assertEquals(0xffffffff, images.predicted().getRGB(0, 0));
        assertEquals(images.input().getRGB(3, 3), images.pasted().getRGB(3, 3));
        assertEquals(images.input().getRGB(8, 0), images.pasted().getRGB(8, 0));
        Arrays.fill(white, Float.NaN);
        assertEquals(
                0xff000000, grid(3, true).images(view, white, mask).predicted().getRGB(0, 0));
    }

    @Test
    void pngKeepsEveryPixel() throws IOException {
        float[] view = normalised(picture(3, new Random(2)));
        BufferedImage image = grid(3, false)
                .images(view, new float[view.length], new float[PATCHES])
                .input();
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(ReconstructionGrid.png(image)));
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                assertEquals(image.getRGB(x, y), read.getRGB(x, y));
            }
        }
    }

    @Test
    void shapesThatDoNotFitAreRefused() {
        float[] one = {1};
        PixelTarget plain = PixelTarget.of(PatchGrid.ofImage(8, 8, 4), false);
        assertThrows(
                IllegalArgumentException.class,
                () -> new ReconstructionGrid(PatchGrid.ofImage(8, 9, 4), 1, one, one, plain));
        assertThrows(
                IllegalArgumentException.class,
                () -> new ReconstructionGrid(PatchGrid.ofImage(8, 8, 4), 3, one, one, plain));
        assertThrows(
                IllegalArgumentException.class,
                () -> new ReconstructionGrid(PatchGrid.ofImage(8, 8, 4), 5, new float[5], new float[5], plain));
        String message = assertThrows(IllegalArgumentException.class, () -> grid(3, false)
                        .images(new float[288], new float[288], new float[5]))
                .getMessage();
        assertTrue(message.contains("a mask of 5"), message);
    }
}
