package io.github.vicmae.data.view;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.kernel.Philox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ViewWriterTest {
    private static FloatBuffer buffer(int size) {
        return ByteBuffer.allocateDirect(4 * size)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    private static float[] view(ViewSettings settings, Image image, Kind kind, int view, long seed) {
        FloatBuffer out = buffer(settings.viewSize());
        new ViewWriter(settings).write(image, kind, view, new Philox(seed, 0, 0, view), out, 0);
        float[] values = new float[settings.viewSize()];
        out.get(0, values);
        return values;
    }

    private static ViewSettings plain(ViewSettings settings) {
        float[] zero = new float[settings.channels()];
        float[] one = new float[settings.channels()];
        Arrays.fill(one, 1);
        return settings.normalised(zero, one);
    }

    @Test
    void evaluationViewsAreTheNormalisedCentre() {
        ViewSettings settings = ViewSettings.release(16, 16, 3);
        FloatBuffer out = buffer(5 + settings.viewSize());
        new EvalView(settings).write(Pictures.constant(40, 20, 255, 0, 128), out, 5);
        assertEquals(0, out.get(4));
        assertEquals((1 - 0.485) / 0.229, out.get(5), 1e-5);
        assertEquals(-0.456 / 0.224, out.get(5 + 256), 1e-5);
        assertEquals((128 / 255.0 - 0.406) / 0.225, out.get(5 + 512), 1e-5);
        // The central square of a wide ramp goes from a quarter to three quarters.
        FloatBuffer ramp = buffer(settings.viewSize());
        new EvalView(plain(settings)).write(Pictures.gradient(200, 100), ramp, 0);
        assertEquals(0.25 + 0.5 / 32, ramp.get(8 * 16), 0.01);
        assertEquals(0.75 - 0.5 / 32, ramp.get(8 * 16 + 15), 0.01);
        FloatBuffer half = buffer(settings.viewSize());
        new EvalView(plain(settings), 0.5).write(Pictures.gradient(200, 100), half, 0);
        assertEquals(0.375 + 0.25 / 32, half.get(8 * 16), 0.01);
    }

    @Test
    void viewsOfOneImageDifferAndRepeatWithTheSameSeed() {
        Image image = Pictures.gradient(50, 40);
        for (ViewSettings settings :
                new ViewSettings[] {ViewSettings.release(12, 20, 3), ViewSettings.paper(12, 20, 3)}) {
            float[] first = view(settings, image, Kind.IMAGE, 0, 1);
            assertArrayEquals(first, view(settings, image, Kind.IMAGE, 0, 1));
            assertFalse(Arrays.equals(first, view(settings, image, Kind.IMAGE, 1, 1)));
            assertFalse(Arrays.equals(first, view(settings, image, Kind.IMAGE, 0, 2)));
        }
    }

    /** The paper's video views keep the colours of a constant picture, its image views do not. */
    @Test
    void thePaperChangesNoColoursOfVideos() {
        ViewSettings settings = plain(ViewSettings.paper(8, 8, 3));
        Image image = Pictures.constant(30, 30, 200, 100, 50);
        int changed = 0;
        for (int seed = 0; seed < 50; seed++) {
            float[] video = view(settings, image, Kind.VIDEO, seed % 2, seed);
            assertEquals(200 / 255f, video[0], 1e-5);
            assertEquals(50 / 255f, video[2 * 64 + 63], 1e-5);
            changed += Math.abs(view(settings, image, Kind.IMAGE, seed % 2, seed)[0] - 200 / 255f) > 0.01 ? 1 : 0;
        }
        assertTrue(changed > 25 && changed < 48, "jitter is applied with probability 0.8, here " + changed + " of 50");
    }

    /** In the release only the second view is solarized, with probability 0.2, and videos are treated like images. */
    @Test
    void theReleaseSolarizesTheSecondView() {
        ViewSettings settings = plain(ViewSettings.release(8, 8, 3));
        Image white = Pictures.constant(30, 30, 255, 255, 255);
        for (Kind kind : Kind.values()) {
            int[] dark = new int[2];
            int count = 400;
            for (int seed = 0; seed < count; seed++) {
                for (int v = 0; v < 2; v++) {
                    dark[v] += view(settings, white, kind, v, seed)[0] < 0.45 ? 1 : 0;
                }
            }
            assertEquals(0, dark[0]);
            assertEquals(0.2, (double) dark[1] / count, 0.06);
        }
    }

    @Test
    void theReleaseBlursTheFirstViewOnly() {
        ViewSettings settings = plain(ViewSettings.release(32, 32, 3)).with(true, false);
        Image noise = Pictures.random(32, 32, 3, 1);
        double[] roughness = new double[2];
        for (int seed = 0; seed < 40; seed++) {
            for (int v = 0; v < 2; v++) {
                float[] values = view(settings, noise, Kind.IMAGE, v, seed);
                for (int i = 1; i < 1024; i++) {
                    roughness[v] += Math.abs(values[i] - values[i - 1]);
                }
            }
        }
        assertTrue(roughness[0] < 0.6 * roughness[1], roughness[0] + " against " + roughness[1]);
    }

    @Test
    void switchesTurnOffColourAndSpace() {
        Image image = Pictures.gradient(40, 40);
        ViewSettings base = ViewSettings.release(10, 10, 3);
        FloatBuffer centre = buffer(base.viewSize());
        new EvalView(base).write(image, centre, 0);
        float[] expected = new float[base.viewSize()];
        centre.get(0, expected);
        for (int seed = 0; seed < 10; seed++) {
            assertArrayEquals(expected, view(base.with(false, false), image, Kind.IMAGE, seed % 2, seed));
        }
        Image constant = Pictures.constant(40, 40, 10, 20, 30);
        float[] spatial = view(plain(base).with(false, true), constant, Kind.IMAGE, 0, 3);
        assertEquals(10 / 255f, spatial[0], 1e-6);
        assertFalse(Arrays.equals(expected, view(base.with(false, true), image, Kind.IMAGE, 0, 3)));
        assertFalse(Arrays.equals(expected, view(base.with(true, false), image, Kind.IMAGE, 0, 3)));
    }

    @Test
    void flipsHappenHalfOfTheTime() {
        ViewSettings settings = plain(ViewSettings.paper(8, 8, 3));
        int flipped = 0;
        for (int seed = 0; seed < 400; seed++) {
            float[] values = view(settings, Pictures.gradient(64, 64), Kind.VIDEO, 0, seed);
            flipped += values[0] > values[7] ? 1 : 0;
        }
        assertEquals(200, flipped, 50);
    }

    @Test
    void otherNumbersOfChannelsAndSizesWork() {
        for (int channels = 1; channels <= 4; channels++) {
            for (int v = 0; v < 2; v++) {
                ViewSettings settings = ViewSettings.release(9, 14, channels);
                float[] values = view(settings, Pictures.random(23, 31, 3, 1), Kind.IMAGE, v, 5);
                assertEquals(channels * 9 * 14, values.length);
                for (float value : values) {
                    assertTrue(Float.isFinite(value) && Math.abs(value) < 3);
                }
                if (channels % 2 == 0) {
                    assertEquals(1f, values[values.length - 1], 1e-5, "alpha stays opaque: (1 - 0.5) / 0.5");
                }
            }
        }
    }

    /** Runs that are resumed, and results that were published, depend on what a seed draws. */
    @Test
    void whatASeedDrawsStaysAsItIs() {
        ViewSettings settings = ViewSettings.release(224, 224, 3);
        assertEquals(
                new ViewDraw(new CropBox(248, 33, 262, 334), false, null, false, 0.5679943f, false),
                ViewDraw.random(settings, Kind.IMAGE, 0, 640, 480, new Philox(1, 2, 3, 4)));
        assertEquals(
                new ViewDraw(
                        new CropBox(33, 22, 187, 204),
                        false,
                        new ColourJitter.Factors(5, 1.0197719f, 1.2043129f, 0.98592675f, 0.055311f),
                        true,
                        0,
                        true),
                ViewDraw.random(settings, Kind.VIDEO, 1, 340, 256, new Philox(5, 6, 7, 9)));
    }

    private static List<ReducedImage> whole(List<Image> frames) {
        return frames.stream().map(ReducedImage::of).toList();
    }

    /** One draw for a view: its frames are what the same draw makes of each of them, in [C, T, H, W]. */
    @Test
    void allFramesOfAViewGetTheSameDraw() {
        ViewSettings one = ViewSettings.release(7, 5, 3);
        ViewSettings clip = one.withFrames(3);
        List<Image> frames =
                List.of(Pictures.random(40, 30, 3, 1), Pictures.random(40, 30, 3, 2), Pictures.random(40, 30, 3, 3));
        assertEquals(3 * one.viewSize(), clip.viewSize());
        FloatBuffer views = FloatBuffer.allocate(clip.viewSize());
        new ViewWriter(clip).write(whole(frames), Kind.VIDEO, 0, new Philox(5, 0, 1, 0), views, 0);
        FloatBuffer alone = FloatBuffer.allocate(one.viewSize());
        for (int t = 0; t < 3; t++) {
            new ViewWriter(one).write(frames.get(t), Kind.VIDEO, 0, new Philox(5, 0, 1, 0), alone, 0);
            for (int c = 0; c < 3; c++) {
                for (int i = 0; i < 35; i++) {
                    assertEquals(alone.get(c * 35 + i), views.get((c * 3 + t) * 35 + i), "frame " + t);
                }
            }
        }
        assertThrows(IllegalArgumentException.class, () -> new ViewWriter(clip)
                .write(frames.get(0), Kind.VIDEO, 0, new Philox(5, 0, 1, 0), views, 0));
    }

    /** A frame of another size in the middle of a clip is cropped at the same relative place. */
    @Test
    void aFrameOfAnotherSizeIsCroppedAtTheSamePlace() {
        assertEquals(new CropBox(20, 10, 40, 30), new CropBox(10, 5, 20, 15).scaled(50, 40, 100, 80));
        assertEquals(new CropBox(0, 0, 1, 1), new CropBox(49, 39, 1, 1).scaled(50, 40, 1, 1));
    }

    @Test
    void theViewOfAMaskedAutoencoderKeepsItsColours() {
        ViewSettings mae = ViewSettings.mae(6, 6, 3, 1);
        assertEquals(1, mae.views());
        assertEquals(1, mae.frames());
        for (Kind kind : Kind.values()) {
            for (int i = 0; i < 200; i++) {
                ViewDraw draw = ViewDraw.random(mae, kind, 0, 100, 100, new Philox(1, 0, i, 0));
                assertNull(draw.jitter());
                assertEquals(0, draw.sigma());
                assertFalse(draw.gray() || draw.solarize());
                assertTrue(draw.box().width() * draw.box().height() >= 1900, draw.toString());
            }
        }
    }
}
