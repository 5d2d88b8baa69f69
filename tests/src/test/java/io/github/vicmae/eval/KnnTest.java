package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.junit.jupiter.api.Test;

class KnnTest {
    private static float[][] clusters(int[] labels, double noise, Random random) {
        float[][] rows = new float[labels.length][8];
        for (int i = 0; i < rows.length; i++) {
            // The length varies: only the direction may count.
            double length = 0.1 + 10 * random.nextDouble();
            for (int d = 0; d < 8; d++) {
                rows[i][d] = (float) (length * ((d == labels[i] ? 1 : 0) + noise * random.nextGaussian()));
            }
        }
        return rows;
    }

    private static int[] labels(int count, int classes) {
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = i % classes;
        }
        return labels;
    }

    @Test
    void separableClustersAreFoundAndNoiseIsChance() {
        long seed = 1;
        Random random = new Random(seed);
        int[] labels = labels(300, 3);
        Knn knn = new Knn(clusters(labels, 0.1, random), labels, 3);
        Knn.Result result = knn.evaluate(clusters(labels, 0.1, random), labels);
        assertEquals(1, result.accuracy(), "seed " + seed);
        assertArrayEquals(new int[][] {{100, 0, 0}, {0, 100, 0}, {0, 0, 100}}, result.confusion());
        double chance = knn.evaluate(clusters(labels, 1000, random), labels).accuracy();
        assertEquals(1 / 3.0, chance, 0.15, "seed " + seed);
    }

    @Test
    void confusionHasTrueClassesInRows() {
        Knn knn = new Knn(new float[][] {{1, 0}, {0, 1}}, new int[] {0, 1}, 2, 1, 0.07);
        Knn.Result result = knn.evaluate(new float[][] {{1, 0}, {2, 0.1f}, {0, 3}}, new int[] {0, 1, 1});
        assertArrayEquals(new int[][] {{1, 0}, {1, 1}}, result.confusion());
        assertEquals(2 / 3.0, result.accuracy(), 1e-12);
    }

    /** One neighbour at similarity 1 against two at 0.6: exp(0.4 / t) is above 2 only if t is below 0.577. */
    @Test
    void theTemperatureWeighsTheVotes() {
        float[][] train = {{1, 0}, {0.6f, 0.8f}, {0.6f, -0.8f}};
        int[] labels = {0, 1, 1};
        float[] query = {5, 0};
        assertEquals(0, new Knn(train, labels, 2, 3, 0.55).classify(query));
        assertEquals(1, new Knn(train, labels, 2, 3, 0.60).classify(query));
        assertEquals(0, new Knn(train, labels, 2, 3, 1e-6).classify(query));
        assertEquals(0, new Knn(train, labels, 2, 1, 100).classify(query));
    }

    @Test
    void onlyTheNearestKVote() {
        float[][] train = {{1, 0.5f}, {1, 0}, {1, 0.4f}, {1, 0.3f}, {1, 0.1f}};
        int[] labels = {0, 1, 0, 0, 1};
        assertEquals(1, new Knn(train, labels, 2, 2, 100).classify(new float[] {1, 0}));
        assertEquals(0, new Knn(train, labels, 2, 5, 100).classify(new float[] {1, 0}));
    }

    @Test
    void unusableArgumentsAreRefused() {
        float[][] one = {{1, 0}};
        assertThrows(IllegalArgumentException.class, () -> new Knn(new float[0][], new int[0], 2));
        assertThrows(IllegalArgumentException.class, () -> new Knn(one, new int[] {2}, 2));
        assertThrows(IllegalArgumentException.class, () -> new Knn(one, new int[] {0, 1}, 2));
        assertThrows(IllegalArgumentException.class, () -> new Knn(one, new int[] {0}, 2, 0, 0.07));
        assertThrows(IllegalArgumentException.class, () -> new Knn(one, new int[] {0}, 2, 1, 0));
        Knn knn = new Knn(one, new int[] {0}, 2);
        assertThrows(IllegalArgumentException.class, () -> knn.classify(new float[] {1}));
        assertThrows(IllegalArgumentException.class, () -> knn.classify(new float[] {1, Float.NaN}));
    }
}
