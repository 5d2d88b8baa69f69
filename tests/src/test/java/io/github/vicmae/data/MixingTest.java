package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Mixing.Mix;
import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MixingTest {
    private static Mixing mixing(double mixup, double cutmix, double smoothing, int classes) {
        return new Mixing(new MixingSettings(mixup, cutmix, 1, 0.5, smoothing), classes, 7);
    }

    private static FloatBuffer numbered(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i;
        }
        return FloatBuffer.wrap(values);
    }

    /** Mean a / (a + b), variance a b / ((a + b)^2 (a + b + 1)), third central moment from the skewness. */
    @ParameterizedTest
    @CsvSource({"0.8, 0.8", "1, 1", "0.2, 0.2", "3, 3", "2, 5", "0.01, 0.01"})
    void betaHasItsMoments(double a, double b) {
        int count = 40_000;
        double mean = 0;
        double square = 0;
        double cube = 0;
        double expectedMean = a / (a + b);
        for (int i = 0; i < count; i++) {
            double x = BetaDistribution.draw(new Philox(5, 0, i, 0), a, b);
            assertTrue(x >= 0 && x <= 1, "drawn " + x);
            double d = x - expectedMean;
            mean += x / count;
            square += d * d / count;
            cube += d * d * d / count;
        }
        double variance = a * b / ((a + b) * (a + b) * (a + b + 1));
        double skewness = 2 * (b - a) * Math.sqrt(a + b + 1) / ((a + b + 2) * Math.sqrt(a * b));
        assertEquals(expectedMean, mean, 4.5 * Math.sqrt(variance / count));
        assertEquals(variance, square, 0.02 * variance);
        assertEquals(skewness * Math.pow(variance, 1.5), cube, 0.04 * Math.pow(variance, 1.5));
    }

    @Test
    void mixupBlendsWithTheReversedBatch() {
        Mixing mixing = mixing(0.8, 0, 0.1, 4);
        Mix mix = mixing.draw(3, 2, 5);
        float share = (float) mix.share();
        assertTrue(share > 0 && share < 1 && !mix.cut());
        FloatBuffer views = numbered(5 * 3 * 2 * 5); // an odd batch
        Mixing.apply(mix, views, 5, 3, 2, 5);
        for (int i = 0; i < 5; i++) {
            for (int k = 0; k < 30; k++) {
                float own = i * 30 + k;
                float other = (4 - i) * 30 + k;
                float expected = i == 2 ? own : share * own + (1 - share) * other;
                assertEquals(expected, views.get(i * 30 + k), 1e-5f);
            }
        }
    }

    @Test
    void cutMixExchangesTheBoxAndTheShareIsWhatRemains() {
        Mixing mixing = mixing(0, 1, 0, 4);
        int boxes = 0;
        int clipped = 0;
        for (int update = 0; update < 60; update++) {
            Mix mix = mixing.draw(update, 6, 9);
            FloatBuffer views = numbered(4 * 2 * 54); // two frames, or two channels
            Mixing.apply(mix, views, 4, 2, 6, 9);
            int exchanged = 0;
            for (int at = 0; at < views.limit(); at++) {
                int sample = at / 108;
                int y = at % 54 / 9;
                int x = at % 9;
                boolean inside = y >= mix.top() && y < mix.bottom() && x >= mix.left() && x < mix.right();
                int from = inside ? (3 - sample) * 108 + at % 108 : at;
                assertEquals(from, views.get(at));
                exchanged += inside ? 1 : 0;
            }
            assertEquals(1 - exchanged / 8.0 / 54, mix.share(), 1e-12);
            boxes += exchanged > 0 ? 1 : 0;
            clipped += exchanged > 0 && (mix.left() == 0 || mix.bottom() == 6) ? 1 : 0;
        }
        assertTrue(boxes > 40 && clipped > 5, boxes + " boxes, " + clipped + " clipped");
    }

    /** timm's mixup_target: one-hot vectors of 1 - s + s / K and s / K, mixed. */
    @Test
    void targetsAreSmoothedMixedAndSumToOne() {
        Mixing mixing = mixing(0.8, 1, 0.1, 10);
        int[] labels = {3, 7, 7, 3, 0};
        Mix mix = new Mix(0.7, false, 0, 0, 0, 0);
        FloatBuffer targets = FloatBuffer.allocate(50);
        mixing.targets(mix, labels, targets);
        for (int i = 0; i < 5; i++) {
            float sum = 0;
            for (int k = 0; k < 10; k++) {
                double one = k == labels[i] ? 0.91 : 0.01;
                double other = k == labels[4 - i] ? 0.91 : 0.01;
                assertEquals(0.7 * one + 0.3 * other, targets.get(i * 10 + k), 1e-7);
                sum += targets.get(i * 10 + k);
            }
            assertEquals(1, sum, 1e-6f);
        }
        FloatBuffer hard = FloatBuffer.allocate(4);
        new Mixing(MixingSettings.none(), 2, 0).targets(Mix.NONE, new int[] {1, 0}, hard);
        assertArrayEquals(new float[] {0, 1, 1, 0}, hard.array());
    }

    @Test
    void drawsDependOnSeedAndUpdateAlone() {
        Mixing one = new Mixing(MixingSettings.usual(), 5, 7);
        Mix later = one.draw(12, 8, 8);
        one.draw(3, 8, 8);
        assertEquals(later, one.draw(12, 8, 8));
        assertEquals(later, new Mixing(MixingSettings.usual(), 5, 7).draw(12, 8, 8));
        assertNotEquals(later, one.draw(13, 8, 8));
        assertNotEquals(later, new Mixing(MixingSettings.usual(), 5, 8).draw(12, 8, 8));
    }

    @Test
    void probabilitiesAreKept() {
        Mixing mixing = new Mixing(new MixingSettings(0.8, 1, 0.6, 0.25, 0), 5, 1);
        int cut = 0;
        int none = 0;
        for (int i = 0; i < 4000; i++) {
            Mix mix = mixing.draw(i, 64, 64);
            none += mix.equals(Mix.NONE) ? 1 : 0;
            cut += mix.cut() ? 1 : 0;
        }
        assertEquals(1600, none, 140);
        assertEquals(600, cut, 100);
        assertEquals(Mix.NONE, new Mixing(MixingSettings.none(), 2, 1).draw(0, 8, 8));
        FloatBuffer views = numbered(8);
        Mixing.apply(Mix.NONE, views, 2, 1, 2, 2);
        assertArrayEquals(numbered(8).array(), views.array());
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 5})
    void labelsThatAreNoClassesAreRefused(int label) {
        Mixing mixing = mixing(0, 0, 0.1, 5);
        FloatBuffer targets = FloatBuffer.allocate(10);
        String message = assertThrows(
                        IllegalArgumentException.class, () -> mixing.targets(Mix.NONE, new int[] {0, label}, targets))
                .getMessage();
        assertTrue(message.contains("class") && message.endsWith("."), message);
        assertThrows(IllegalArgumentException.class, () -> new MixingSettings(-1, 0, 1, 0.5, 0.1));
        assertThrows(IllegalArgumentException.class, () -> new MixingSettings(0, 0, 1, 0.5, 1));
        FloatBuffer views = numbered(7);
        assertThrows(
                IllegalArgumentException.class, () -> Mixing.apply(new Mix(0.5, false, 0, 0, 0, 0), views, 2, 1, 2, 2));
    }
}
