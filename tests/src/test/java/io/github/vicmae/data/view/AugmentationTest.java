package io.github.vicmae.data.view;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.kernel.Philox;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class AugmentationTest {
    private static float[] planes(int pixels, long seed) {
        Random random = new Random(seed);
        float[] rgb = new float[3 * pixels];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = random.nextFloat();
        }
        return rgb;
    }

    /** The definition, in double precision, for one output value. */
    private static double resized(
            Image image, CropBox box, Resize.Filter filter, int height, int width, int c, int y, int x) {
        double scaleY = (double) box.height() / height;
        double scaleX = (double) box.width() / width;
        double sum = 0;
        double weights = 0;
        for (int v = 0; v < box.height(); v++) {
            double wy = filter.weight((v + 0.5 - (y + 0.5) * scaleY) / Math.max(1, scaleY));
            for (int u = 0; u < box.width(); u++) {
                double w = wy * filter.weight((u + 0.5 - (x + 0.5) * scaleX) / Math.max(1, scaleX));
                sum += w * image.get(box.x() + u, box.y() + v, c);
                weights += w;
            }
        }
        return Math.max(0, Math.min(1, sum / weights / 255));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0, 32, 32, 64, 64, 3",
        "3, 5, 17, 9, 8, 8, 1",
        "1, 2, 40, 31, 7, 13, 4",
        "0, 0, 1, 1, 4, 3, 2",
        "10, 0, 2, 33, 5, 64, 3",
        "2, 2, 16, 16, 16, 16, 3"
    })
    void resizingMatchesTheDefinition(int x, int y, int w, int h, int height, int width, int channels) {
        Image image = Pictures.random(x + w + 2, y + h + 1, channels, 9);
        CropBox box = new CropBox(x, y, w, h);
        Resize resize = new Resize();
        float[] out = new float[channels * height * width];
        float[] flipped = new float[out.length];
        for (Resize.Filter filter : Resize.Filter.values()) {
            resize.apply(image, box, false, filter, out, height, width);
            resize.apply(image, box, true, filter, flipped, height, width);
            for (int c = 0; c < channels; c++) {
                for (int v = 0; v < height; v++) {
                    for (int u = 0; u < width; u++) {
                        double expected = resized(image, box, filter, height, width, c, v, u);
                        assertEquals(expected, out[(c * height + v) * width + u], 2e-6);
                        assertEquals(expected, flipped[(c * height + v) * width + width - 1 - u], 2e-6);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Resize.Filter.class)
    void resizingKeepsConstantsAndRamps(Resize.Filter filter) {
        float[] out = new float[3 * 20 * 30];
        new Resize()
                .apply(Pictures.constant(50, 40, 10, 128, 255), new CropBox(3, 4, 45, 33), false, filter, out, 20, 30);
        for (int i = 0; i < 600; i++) {
            assertEquals(10 / 255f, out[i], 1e-6);
            assertEquals(128 / 255f, out[600 + i], 1e-6);
            assertEquals(1f, out[1200 + i], 1e-6);
        }
        new Resize().apply(Pictures.gradient(256, 256), new CropBox(0, 0, 256, 256), false, filter, out, 20, 30);
        for (int i = 3; i < 26; i++) {
            assertEquals(((i + 0.5) * 256 / 30 - 0.5) / 255, out[10 * 30 + i], 2e-3);
        }
    }

    @Test
    void cropsHaveTheRightShareAndAspectAndReachEveryCorner() {
        int width = 100;
        int height = 80;
        boolean left = false;
        boolean bottom = false;
        double area = 0;
        int count = 5000;
        for (int i = 0; i < count; i++) {
            CropBox box = CropBox.random(new Philox(1, 0, i, 0), width, height, 0.08f, 1, 1);
            assertTrue(
                    box.x() >= 0 && box.y() >= 0 && box.x() + box.width() <= width && box.y() + box.height() <= height);
            double share = (double) box.width() * box.height() / (width * height);
            double ratio = (double) box.width() / box.height();
            assertTrue(share > 0.07 && share <= 1, "share " + share);
            assertTrue(ratio > 0.7 && ratio < 1.4, "ratio " + ratio);
            left |= box.x() == 0;
            bottom |= box.y() + box.height() == height;
            area += share / count;
        }
        assertTrue(left && bottom);
        assertTrue(area > 0.45 && area < 0.55, "mean share " + area);
    }

    /** A strip cannot hold a large box of a permitted aspect: the largest central one is taken. */
    @Test
    void stripsFallBackToTheCentre() {
        CropBox wide = CropBox.random(new Philox(1, 0, 0, 0), 1000, 30, 0.9f, 1, 1);
        assertEquals(new CropBox(480, 0, 40, 30), wide);
        CropBox tall = CropBox.random(new Philox(1, 0, 0, 0), 30, 1000, 0.9f, 1, 1);
        assertEquals(new CropBox(0, 480, 30, 40), tall);
        CropBox dot = CropBox.random(new Philox(1, 0, 0, 0), 1, 1, 0.08f, 1, 1);
        assertEquals(new CropBox(0, 0, 1, 1), dot);
    }

    @Test
    void aViewTwiceAsWideAsHighGetsBoxesOfThatAspect() {
        for (int i = 0; i < 500; i++) {
            CropBox box = CropBox.random(new Philox(2, 0, i, 0), 400, 200, 0.1f, 0.5f, 2);
            double ratio = (double) box.width() / box.height();
            assertTrue(ratio > 1.4 && ratio < 2.8, "ratio " + ratio);
        }
    }

    @Test
    void colourOperationsWithFactorOneChangeNothing() {
        float[] rgb = planes(500, 1);
        float[] work = rgb.clone();
        Colour.brightness(work, 500, 1);
        Colour.contrast(work, 500, 1);
        Colour.saturation(work, 500, 1);
        Colour.hue(work, 500, 0);
        assertArrayEquals(rgb, work, 2e-6f);
    }

    @Test
    void jitterOfStrengthZeroIsTheIdentity() {
        float[] rgb = planes(500, 2);
        for (int i = 0; i < 30; i++) {
            float[] work = rgb.clone();
            new ColourJitter(0, 0, 0, 0).draw(new Philox(1, 0, i, 0)).apply(work, 500);
            assertArrayEquals(rgb, work, 4e-6f);
        }
    }

    @Test
    void factorZeroGivesBlackMeanAndGray() {
        float[] rgb = planes(100, 3);
        float[] black = rgb.clone();
        Colour.brightness(black, 100, 0);
        assertArrayEquals(new float[300], black);
        float[] gray = rgb.clone();
        Colour.gray(gray, 100);
        float[] unsaturated = rgb.clone();
        Colour.saturation(unsaturated, 100, 0);
        assertArrayEquals(gray, unsaturated, 1e-6f);
        float[] flat = rgb.clone();
        Colour.contrast(flat, 100, 0);
        double mean = 0;
        for (int i = 0; i < 100; i++) {
            assertEquals(0.299 * rgb[i] + 0.587 * rgb[100 + i] + 0.114 * rgb[200 + i], gray[i], 1e-6);
            mean += gray[i] / 100.0;
        }
        for (float value : flat) {
            assertEquals(mean, value, 1e-5);
        }
    }

    @Test
    void hueTurnsTheCircle() {
        float[] rgb = planes(300, 4);
        for (float turn : new float[] {1, -1}) {
            float[] full = rgb.clone();
            Colour.hue(full, 300, turn);
            assertArrayEquals(rgb, full, 1e-5f);
        }
        float[] there = rgb.clone();
        Colour.hue(there, 300, 0.37f);
        Colour.hue(there, 300, -0.37f);
        assertArrayEquals(rgb, there, 1e-5f);
        // A third of the circle sends red to green, green to blue, blue to red.
        float[] third = rgb.clone();
        Colour.hue(third, 300, 1f / 3);
        for (int i = 0; i < 300; i++) {
            assertEquals(rgb[i], third[300 + i], 1e-5);
            assertEquals(rgb[300 + i], third[600 + i], 1e-5);
            assertEquals(rgb[600 + i], third[i], 1e-5);
        }
    }

    /** Against the JDK's own conversion to HSB and back. */
    @Test
    void hueAgreesWithTheJdk() {
        float[] rgb = planes(400, 5);
        float[] turned = rgb.clone();
        float turn = 0.083f;
        Colour.hue(turned, 400, turn);
        for (int i = 0; i < 400; i++) {
            int[] bytes = {Math.round(rgb[i] * 255), Math.round(rgb[400 + i] * 255), Math.round(rgb[800 + i] * 255)};
            float[] hsb = java.awt.Color.RGBtoHSB(bytes[0], bytes[1], bytes[2], null);
            int expected = java.awt.Color.HSBtoRGB(hsb[0] + turn, hsb[1], hsb[2]);
            for (int c = 0; c < 3; c++) {
                assertEquals(expected >> 16 - 8 * c & 0xFF, turned[c * 400 + i] * 255, 2.5);
            }
        }
    }

    @Test
    void solarizeInvertsFromTheThresholdOn() {
        float[] values = {0, 127 / 255f, 128 / 255f, 200 / 255f, 1};
        Colour.solarize(values, 5);
        assertArrayEquals(new float[] {0, 127 / 255f, 127 / 255f, 55 / 255f, 0}, values, 1e-6f);
    }

    @ParameterizedTest
    @CsvSource({"64, 64, 2", "9, 17, 0.1", "3, 2, 1.3", "1, 1, 2", "5, 40, 0.7"})
    void blurMatchesTheDefinitionAndKeepsTheMean(int height, int width, float sigma) {
        float[] in = planes(height * width, 6);
        float[] out = in.clone();
        new GaussianBlur().apply(out, 3, height, width, sigma);
        int radius = (int) Math.ceil(3 * sigma);
        for (int c = 0; c < 3; c++) {
            int plane = c * height * width;
            double before = 0;
            double after = 0;
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    before += in[plane + y * width + x];
                    after += out[plane + y * width + x];
                    double sum = 0;
                    double weights = 0;
                    for (int dy = -radius; dy <= radius; dy++) {
                        for (int dx = -radius; dx <= radius; dx++) {
                            double w = Math.exp(-0.5 * (dx * dx + dy * dy) / ((double) sigma * sigma));
                            weights += w;
                            sum += w
                                    * in[
                                            plane
                                                    + GaussianBlur.mirror(y + dy, height) * width
                                                    + GaussianBlur.mirror(x + dx, width)];
                        }
                    }
                    assertEquals(sum / weights, out[plane + y * width + x], 2e-6);
                }
            }
            assertEquals(before, after, 1e-4 * height * width);
        }
    }

    @Test
    void placesOutsideAreMirrored() {
        int[] expected = {1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0};
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], GaussianBlur.mirror(i - 5, 3));
        }
    }

    @Test
    void wrongSettingsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Augmentation.cropAndFlip(0, 1));
        assertThrows(IllegalArgumentException.class, () -> Augmentation.cropAndFlip(0.5f, 0.4f));
        assertThrows(IllegalArgumentException.class, () -> new ColourJitter(-1, 0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new ColourJitter(0, 0, 0, 0.6f));
        assertThrows(IllegalArgumentException.class, () -> ViewSettings.paper(0, 8, 3));
        assertThrows(IllegalArgumentException.class, () -> ViewSettings.paper(8, 8, 5));
        ViewSettings rgb = ViewSettings.paper(8, 8, 3);
        assertThrows(IllegalArgumentException.class, () -> rgb.normalised(new float[3], new float[3]));
        assertThrows(IllegalArgumentException.class, () -> rgb.normalised(new float[2], new float[2]));
    }
}
