package io.github.vicmae.data.video;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
}
