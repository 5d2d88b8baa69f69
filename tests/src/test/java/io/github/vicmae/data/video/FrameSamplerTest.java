package io.github.vicmae.data.video;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.kernel.Philox;
import org.junit.jupiter.api.Test;

class FrameSamplerTest {
    /** The beginnings of frames, 25 a second. */
    private static double[] evenly(double duration) {
        double[] starts = new double[(int) Math.max(1, Math.round(duration * 25))];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = i / 25.0;
        }
        return starts;
    }

    @Test
    void distantFramesComeOneFromEachSegment() {
        FrameSampler sampler = FrameSampler.distant(4);
        double least = 10;
        double most = 0;
        for (int i = 0; i < 2000; i++) {
            double[] times = sampler.times(new Philox(3, 0, i, 0), 10, evenly(10));
            for (int k = 0; k < 4; k++) {
                assertTrue(times[k] >= 0 && times[k] <= 10);
                assertTrue(k == 0 || times[k] >= times[k - 1]);
            }
            assertTrue(times[3] - times[0] <= FrameSampler.DEFAULT_WINDOW);
            assertTrue(times[2] - times[0] >= FrameSampler.DEFAULT_WINDOW / 4 - 1e-9);
            least = Math.min(least, times[0]);
            most = Math.max(most, times[3]);
        }
        assertTrue(least < 0.2 && most > 9.8, "the window moves over the whole clip: " + least + " to " + most);
    }

    @Test
    void theMeanDistanceOfAPairIsThePapers() {
        FrameSampler sampler = FrameSampler.distant(2);
        double sum = 0;
        int count = 20_000;
        for (int i = 0; i < count; i++) {
            double[] times = sampler.times(new Philox(3, 0, i, 0), 10, evenly(10));
            sum += times[1] - times[0];
        }
        assertEquals(1.06, sum / count, 0.01);
    }

    @Test
    void aShortClipIsUsedWhole() {
        FrameSampler sampler = FrameSampler.distant(2);
        for (int i = 0; i < 500; i++) {
            double[] times = sampler.times(new Philox(4, 0, i, 0), 1, evenly(1));
            assertTrue(times[0] >= 0 && times[0] <= 0.5 && times[1] >= 0.5 && times[1] <= 1);
        }
        assertArrayEquals(new double[2], sampler.times(new Philox(4, 0, 0, 0), 0, evenly(0)));
    }

    @Test
    void fixedDistancesAreInFrames() {
        for (int distance : new int[] {0, 4}) {
            FrameSampler sampler = FrameSampler.fixed(2, distance);
            int first = 100;
            int last = 0;
            for (int i = 0; i < 1000; i++) {
                double[] times = sampler.times(new Philox(5, 0, i, 0), 2, evenly(2));
                assertEquals(distance / 25.0, times[1] - times[0], 1e-9);
                first = Math.min(first, (int) (times[0] * 25));
                last = Math.max(last, (int) (times[1] * 25));
            }
            assertEquals(0, first);
            assertEquals(49, last);
        }
        double[] tooShort = FrameSampler.fixed(2, 4).times(new Philox(5, 0, 0, 0), 0.08, evenly(0.08));
        assertEquals(1.5 / 25, tooShort[1], 1e-9);
    }

    @Test
    void wrongSettingsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new FrameSampler(0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new FrameSampler(2, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new FrameSampler(2, Double.NaN, 0));
        assertThrows(IllegalArgumentException.class, () -> new FrameSampler(2, 1, -2));
    }

    /** Each view has the whole video to itself: neither order nor distance. */
    @Test
    void viewsAnywhereAreIndependent() {
        FrameSampler sampler = FrameSampler.anywhere(2);
        double product = 0;
        double sum = 0;
        int count = 20_000;
        for (int i = 0; i < count; i++) {
            double[] times = sampler.times(new Philox(6, 0, i, 0), 10, evenly(10));
            product += (times[0] - 5) * (times[1] - 5) / count;
            sum += times[1] / count;
        }
        assertEquals(5, sum, 0.1);
        assertEquals(0, product, 0.2); // the variance of each is 8.3
        assertFalse(sampler.isAnotherFrame(1)); // two views of one frame are no fault
    }

    @Test
    void clipsAnywhereLieInsideOfTheVideo() {
        FrameSampler sampler = FrameSampler.anywhere(3).withClips(8, 4);
        int first = 1000;
        int last = 0;
        for (int i = 0; i < 2000; i++) {
            double[] times = sampler.times(new Philox(7, 0, i, 0), 4, evenly(4));
            for (int t = 0; t < times.length; t++) {
                int frame = (int) (times[t] * 25);
                assertTrue(t % 8 == 0 || frame == (int) (times[t - 1] * 25) + 4, frame + " at " + t);
                first = Math.min(first, frame);
                last = Math.max(last, frame);
            }
        }
        assertEquals(0, first);
        assertEquals(99, last);
    }

    /** As torch.linspace(0, n - 1, 16).long() picks from the n frames of 2.7 seconds. */
    @Test
    void framesOfAClipInSecondsAreSpreadEvenly() {
        FrameSampler sampler = FrameSampler.anywhere(1).withClips(16, 2.7);
        for (int i = 0; i < 500; i++) {
            double[] times = sampler.times(new Philox(8, 0, i, 0), 10, evenly(10));
            int first = (int) (times[0] * 25);
            int span = (int) (times[15] * 25) - first;
            assertTrue(span == 66 || span == 67, "a clip of 2.7 seconds spans " + span + " frames");
            for (int t = 0; t < 16; t++) {
                assertEquals(first + span * t / 15, (int) (times[t] * 25));
            }
        }
        double[] whole = sampler.times(new Philox(8, 0, 0, 0), 1, evenly(1));
        assertEquals(0, (int) (whole[0] * 25));
        assertEquals(24, (int) (whole[15] * 25));
    }

    @Test
    void farViewsKeepTheirDistance() {
        FrameSampler sampler = FrameSampler.distant(2).withFar(2, 3);
        boolean before = false;
        boolean after = false;
        for (int i = 0; i < 2000; i++) {
            double[] near = sampler.times(new Philox(9, 0, i, 0), 20, evenly(20));
            double[] times = sampler.withFar(new Philox(9, 1, i, 0), 20, near);
            assertEquals(4, times.length);
            for (int k = 2; k < 4; k++) {
                assertTrue(times[k] >= 0 && times[k] <= 20);
                assertTrue(times[k] <= near[0] - 3 + 1e-9 || times[k] >= near[1] + 3 - 1e-9, times[k] + " near a view");
                before |= times[k] < near[0];
                after |= times[k] > near[1];
            }
        }
        assertTrue(before && after);
        // Nothing of a short video is so far away: the end that is farther away stands for it.
        double[] times = sampler.withFar(new Philox(9, 0, 0, 0), 3, new double[] {0.5, 1});
        assertArrayEquals(new double[] {0.5, 1, 3, 3}, times);
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        assertThrows(
                IllegalArgumentException.class, () -> FrameSampler.distant(2).withClips(4, 0.0));
        assertThrows(
                IllegalArgumentException.class, () -> FrameSampler.fixed(2, 4).withClips(4, 1.0));
        assertThrows(
                IllegalArgumentException.class, () -> FrameSampler.anywhere(2).withFar(1, 1));
        assertThrows(
                IllegalArgumentException.class, () -> FrameSampler.distant(2).withFar(-1, 1));
    }
}
