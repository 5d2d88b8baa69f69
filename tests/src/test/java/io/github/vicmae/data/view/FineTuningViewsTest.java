package io.github.vicmae.data.view;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** RandAugment and random erasing within views. */
class FineTuningViewsTest {
    private static final RandAugment USUAL = RandAugment.parse("rand-m9-mstd0.5-inc1");

    private static ViewSettings settings(RandAugment randAugment, RandomErasing erasing) {
        return ViewSettings.fineTuning(24, 32, 3, 1, randAugment, erasing, true);
    }

    private static RandomErasing always(RandomErasing.Fill fill) {
        return new RandomErasing(1, fill);
    }

    private static float[] view(ViewSettings settings, List<Image> frames, Kind kind, int sample) {
        float[] out = new float[settings.viewSize()];
        new ViewWriter(settings)
                .write(
                        frames.stream().map(ReducedImage::of).toList(),
                        kind,
                        0,
                        new Philox(9, 0, sample, 0),
                        FloatBuffer.wrap(out),
                        0);
        return out;
    }

    private static float[] view(ViewSettings settings, Image image, int sample) {
        return view(settings, List.of(image), Kind.IMAGE, sample);
    }

    @Test
    void withoutThemViewsAreThoseOfCropAndFlip() {
        Image image = Pictures.random(60, 50, 3, 4);
        for (int i = 0; i < 8; i++) {
            float[] plain = view(ViewSettings.probe(24, 32, 3), image, i);
            assertArrayEquals(plain, view(settings(RandAugment.NONE, RandomErasing.NONE), image, i));
            // Crop and flip are drawn first.
            ViewDraw with = draw(settings(USUAL, always(RandomErasing.Fill.PIXEL)), i);
            ViewDraw without = draw(ViewSettings.probe(24, 32, 3), i);
            assertEquals(without.box(), with.box());
            assertEquals(without.flip(), with.flip());
            assertNull(without.erased());
        }
    }

    private static ViewDraw draw(ViewSettings settings, int sample) {
        return ViewDraw.random(settings, Kind.IMAGE, 0, 60, 50, new Philox(9, 0, sample, 0));
    }

    @Test
    void erasedBoxesHaveTheirShareAndAspectAndReachTheBorders() {
        RandomErasing quarter = new RandomErasing(0.25f, RandomErasing.Fill.PIXEL);
        int erased = 0;
        double area = 0;
        boolean left = false;
        boolean bottom = false;
        for (int i = 0; i < 8000; i++) {
            RandomErasing.Box box = quarter.draw(new Philox(1, 0, i, 0), 100, 120);
            if (box != null) {
                double share = box.width() * box.height() / 12000.0;
                double aspect = (double) box.height() / box.width();
                assertTrue(share > 0.015 && share < 0.345, "share " + share);
                assertTrue(aspect > 0.27 && aspect < 3.7, "aspect " + aspect);
                assertTrue(box.left() + box.width() <= 120 && box.top() + box.height() <= 100);
                left |= box.left() == 0;
                bottom |= box.top() + box.height() == 100;
                area += share;
                erased++;
            }
        }
        assertEquals(2000, erased, 170);
        assertEquals(0.175, area / erased, 0.01);
        assertTrue(left && bottom);
        assertNull(always(RandomErasing.Fill.CONST).draw(new Philox(1, 0, 0, 0), 1, 1));
    }

    @Test
    void theBoxIsZeroOrNormalNoiseAndTheRestIsUntouched() {
        Image image = Pictures.random(60, 50, 3, 4);
        ViewSettings constant = settings(RandAugment.NONE, always(RandomErasing.Fill.CONST));
        ViewSettings noise = settings(RandAugment.NONE, always(RandomErasing.Fill.PIXEL));
        double sum = 0;
        double squares = 0;
        int values = 0;
        for (int i = 0; i < 40; i++) {
            RandomErasing.Box box = draw(noise, i).erased();
            float[] plain = view(ViewSettings.probe(24, 32, 3), image, i);
            float[] zeros = view(constant, image, i);
            float[] normal = view(noise, image, i);
            for (int k = 0; k < plain.length; k++) {
                int x = k % 32 - box.left();
                int y = k / 32 % 24 - box.top();
                if (x >= 0 && x < box.width() && y >= 0 && y < box.height()) {
                    assertEquals(0, zeros[k]);
                    sum += normal[k];
                    squares += normal[k] * normal[k];
                    values++;
                } else {
                    assertEquals(plain[k], zeros[k]);
                    assertEquals(plain[k], normal[k]);
                }
            }
        }
        assertTrue(values > 8000);
        assertEquals(0, sum / values, 4.5 / Math.sqrt(values));
        assertEquals(1, squares / values, 4.5 * Math.sqrt(2.0 / values));
    }

    @Test
    void framesOfAClipGetTheSameOperationsAndBoxButOtherNoise() {
        Image image = Pictures.gradient(60, 50);
        ViewSettings moving = settings(USUAL, RandomErasing.NONE).withFrames(3);
        for (int i = 0; i < 20; i++) {
            float[] clip = view(moving, Collections.nCopies(3, image), Kind.VIDEO, i);
            float[] single = view(settings(USUAL, RandomErasing.NONE), List.of(image), Kind.VIDEO, i);
            for (int k = 0; k < clip.length; k++) {
                int pixel = k % (24 * 32);
                int channel = k / (3 * 24 * 32);
                assertEquals(single[channel * 24 * 32 + pixel], clip[k]);
            }
        }
        ViewSettings erasing =
                settings(RandAugment.NONE, always(RandomErasing.Fill.PIXEL)).withFrames(2);
        float[] clip = view(erasing, Collections.nCopies(2, image), Kind.VIDEO, 1);
        float[] plain = view(ViewSettings.probe(24, 32, 3).withFrames(2), Collections.nCopies(2, image), Kind.VIDEO, 1);
        int plane = 24 * 32;
        int erased = 0;
        for (int k = 0; k < plane; k++) {
            boolean first = clip[k] != plain[k];
            assertEquals(first, clip[plane + k] != plain[plane + k]);
            if (first) {
                assertNotEquals(clip[k], clip[plane + k]);
                erased++;
            }
        }
        assertTrue(erased > 10 && erased < plane / 2, "erased " + erased);
    }

    @Test
    void theAblationsSwitchesTurnThemOff() {
        ViewSettings all = settings(RandAugment.parse("rand-m9-p1-inc1"), always(RandomErasing.Fill.PIXEL));
        assertEquals(2, draw(all, 1).steps().size());
        ViewDraw noColour = draw(all.with(false, true), 1);
        assertTrue(noColour.steps().isEmpty() && noColour.erased() != null);
        ViewDraw still = draw(all.with(true, false), 1);
        assertTrue(still.steps().isEmpty() && still.erased() == null);
        ViewSettings noFlip = ViewSettings.fineTuning(8, 8, 3, 1, USUAL, RandomErasing.NONE, false);
        for (int i = 0; i < 50; i++) {
            assertFalse(ViewDraw.random(noFlip, Kind.VIDEO, 0, 20, 20, new Philox(1, 0, i, 0))
                    .flip());
        }
    }

    @Test
    void aDeviceIsNotGivenWhatTheHostAloneCanMake() {
        for (ViewSettings settings : List.of(
                settings(USUAL, RandomErasing.NONE), settings(RandAugment.NONE, always(RandomErasing.Fill.CONST)))) {
            String message = assertThrows(IllegalArgumentException.class, () -> new FrameUpload(settings, 2))
                    .getMessage();
            assertTrue(message.contains("RandAugment") && message.endsWith("."), message);
        }
        assertEquals(2, new FrameUpload(ViewSettings.probe(8, 8, 3), 2).views());
        assertThrows(IllegalArgumentException.class, () -> new RandomErasing(1.1f, RandomErasing.Fill.PIXEL));
    }
}
