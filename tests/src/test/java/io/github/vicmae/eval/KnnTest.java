package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
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

    /** The definition: all similarities in double precision, the k largest in order, of equal ones the first. */
    private static double[][] naive(float[][] train, int[] labels, int classes, int k, double t, float[][] queries) {
        double[][] shares = new double[queries.length][classes];
        for (int q = 0; q < queries.length; q++) {
            double[] query = unit(queries[q]);
            double[] similarity = new double[train.length];
            for (int i = 0; i < train.length; i++) {
                similarity[i] = Features.dot(query, unit(train[i]));
            }
            Integer[] order = IntStream.range(0, train.length).boxed().toArray(Integer[]::new);
            Arrays.sort(order, Comparator.comparing((Integer i) -> -similarity[i])); // stable
            double[] votes = new double[classes];
            double sum = 0;
            for (int i = 0; i < Math.min(k, train.length); i++) {
                double vote = Math.exp((similarity[order[i]] - similarity[order[0]]) / t);
                votes[labels[order[i]]] += vote;
            }
            for (double vote : votes) {
                sum += vote;
            }
            for (int c = 0; c < classes; c++) {
                shares[q][c] = votes[c] / sum;
            }
        }
        return shares;
    }

    private static double[] unit(float[] row) {
        double[] unit = Features.toDouble(row, row.length, 0);
        Features.normalise(unit);
        return unit;
    }

    /** Rows with copies, scaled copies, zeros, and neighbours that no float tells apart. */
    private static float[][] rowsWithTies(int count, int width, Random random) {
        float[][] rows = new float[count][width];
        for (int i = 0; i < count; i++) {
            int kind = random.nextInt(8);
            float[] other = rows[random.nextInt(i + 1)];
            for (int d = 0; d < width; d++) {
                rows[i][d] = switch (kind) {
                    case 0 -> 0;
                    case 1, 2 -> other[d];
                    case 3 -> 4 * other[d];
                    case 4 -> other[d] * (1 + 1e-6f * random.nextFloat());
                    default -> (float) random.nextGaussian() + 2; // all in one direction, as features are
                };
            }
        }
        return rows;
    }

    @Test
    void theDeviceFindsExactlyTheNeighboursOfTheDefinition() {
        for (long seed = 1; seed <= 4; seed++) {
            Random random = new Random(seed);
            int width = 1 + random.nextInt(60);
            int classes = 2 + random.nextInt(9);
            int k = 1 + random.nextInt(30);
            float[][] train = rowsWithTies(10 + random.nextInt(700), width, random);
            float[][] queries = rowsWithTies(600, width, random);
            int[] labels = random.ints(train.length, 0, classes).toArray();
            Knn knn = new Knn(train, labels, classes, k, 0.07);
            double[][] expected = naive(train, labels, classes, k, 0.07, queries);
            float[][] found;
            try (Device device = Device.open("cpu")) {
                found = knn.shares(queries, device);
            }
            assertArrayEquals(knn.shares(queries), found, "seed " + seed);
            for (int i = 0; i < queries.length; i++) {
                int best = first(expected[i]);
                assertEquals(best, knn.classify(queries[i]), "seed " + seed + ", query " + i);
                for (int c = 0; c < classes; c++) {
                    float share = (float) expected[i][c];
                    boolean isRaised = c == best && found[i][c] == Math.nextUp(share); // above its rounded equal
                    assertTrue(found[i][c] == share || isRaised, "seed " + seed + ", query " + i);
                    assertTrue(found[i][c] < found[i][best] || c >= best, "seed " + seed + ", query " + i);
                }
            }
        }
    }

    private static int first(double[] row) {
        int best = 0;
        for (int c = 1; c < row.length; c++) {
            best = row[c] > row[best] ? c : best;
        }
        return best;
    }
}
