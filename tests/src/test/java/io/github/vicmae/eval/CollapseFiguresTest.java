package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CollapseFiguresTest {
    /** Rows plus and minus s[i] times unit vector i: a centred set whose covariance is diagonal. */
    private static float[][] axes(int dim, double... scales) {
        float[][] rows = new float[2 * scales.length][dim];
        for (int i = 0; i < scales.length; i++) {
            rows[2 * i][i] = (float) scales[i];
            rows[2 * i + 1][i] = (float) -scales[i];
        }
        return rows;
    }

    private static float[][] gaussian(int rows, int dim, long seed) {
        Random random = new Random(seed);
        float[][] values = new float[rows][dim];
        for (float[] row : values) {
            for (int d = 0; d < dim; d++) {
                row[d] = (float) random.nextGaussian();
            }
        }
        return values;
    }

    /** Both branches: fewer rows than dimensions, and more. */
    @ParameterizedTest
    @CsvSource({"4,4", "4,7", "4,64"})
    void theRankOfAKnownSpectrumIsExact(int axes, int dim) {
        double[] equal = new double[axes];
        Arrays.fill(equal, 2);
        float[][] rows = axes(dim, equal);
        assertEquals(axes, CollapseFigures.of(rows, rows).effectiveRank(), 1e-9);
        // Shares 16/20, 4/20: an entropy of 0.500402 nats.
        float[][] uneven = axes(dim, 4, 2);
        assertEquals(Math.exp(0.5004024235), CollapseFigures.of(uneven, uneven).effectiveRank(), 1e-9);
        float[][] line = axes(dim, 3);
        assertEquals(1, CollapseFigures.of(line, line).effectiveRank(), 1e-9);
    }

    @Test
    void collapsedFeaturesShow() {
        float[][] same = new float[16][32];
        for (float[] row : same) {
            for (int d = 0; d < 32; d++) {
                row[d] = 0.1f * d - 0.7f;
            }
        }
        CollapseFigures figures = CollapseFigures.of(same, same);
        assertEquals(0, figures.featureDeviation(), 1e-6);
        assertEquals(0, figures.effectiveRank());
        assertEquals(1, figures.positiveSimilarity(), 1e-12);
        assertEquals(1, figures.negativeSimilarity(), 1e-12);
    }

    @Test
    void isotropicFeaturesShow() {
        long seed = 5;
        CollapseFigures figures = CollapseFigures.of(gaussian(2000, 16, seed), gaussian(2000, 16, seed + 1));
        String message = "seed " + seed + ": " + figures;
        assertEquals(1, figures.featureDeviation(), 0.01, message);
        assertTrue(figures.effectiveRank() > 15.9 && figures.effectiveRank() <= 16, message);
        assertEquals(0, figures.positiveSimilarity(), 0.03, message);
        assertEquals(0, figures.negativeSimilarity(), 0.01, message);
    }

    @Test
    void similaritiesAreMeansOverThePairs() {
        long seed = 9;
        float[][] a = gaussian(5, 3, seed);
        float[][] b = gaussian(5, 3, seed + 1);
        double positive = 0;
        double negative = 0;
        for (int i = 0; i < 5; i++) {
            for (int j = 0; j < 5; j++) {
                double cosine = cosine(a[i], b[j]);
                positive += i == j ? cosine / 5 : 0;
                negative += i == j ? 0 : cosine / 20;
            }
        }
        CollapseFigures figures = CollapseFigures.of(a, b);
        assertEquals(positive, figures.positiveSimilarity(), 1e-9, "seed " + seed);
        assertEquals(negative, figures.negativeSimilarity(), 1e-9, "seed " + seed);
        assertTrue(Double.isNaN(
                CollapseFigures.of(gaussian(1, 3, seed), gaussian(1, 3, seed)).negativeSimilarity()));
    }

    private static double cosine(float[] a, float[] b) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int d = 0; d < a.length; d++) {
            dot += (double) a[d] * b[d];
            aa += (double) a[d] * a[d];
            bb += (double) b[d] * b[d];
        }
        return dot / Math.sqrt(aa * bb);
    }

    @Test
    void unusableFeaturesAreRefused() {
        float[][] good = new float[2][3];
        float[][] bad = {{0, 0, Float.NaN}, {0, 0, 0}};
        assertThrows(IllegalArgumentException.class, () -> CollapseFigures.of(new float[0][], new float[0][]));
        assertThrows(IllegalArgumentException.class, () -> CollapseFigures.of(good, new float[3][3]));
        assertThrows(IllegalArgumentException.class, () -> CollapseFigures.of(good, new float[2][4]));
        assertThrows(IllegalArgumentException.class, () -> CollapseFigures.of(good, bad));
        assertEquals(0, CollapseFigures.of(good, good).effectiveRank(), "all zero is not an error");
    }

    /** The matrix with 2 on the diagonal and -1 beside it has the eigenvalues 2 - 2 cos(pi i / (n + 1)). */
    @ParameterizedTest
    @CsvSource({"1", "2", "3", "33", "120"})
    void eigenvaluesOfAKnownMatrixUnderARotation(int n) {
        double[][] matrix = new double[n][n];
        double[] expected = new double[n];
        for (int i = 0; i < n; i++) {
            matrix[i][i] = 2;
            if (i > 0) {
                matrix[i][i - 1] = -1;
                matrix[i - 1][i] = -1;
            }
            expected[n - 1 - i] = 2 - 2 * Math.cos(Math.PI * (i + 1) / (n + 1));
        }
        long seed = 3;
        double[] normal = new Random(seed).doubles(n, -1, 1).toArray();
        double[] values = SymmetricEigenvalues.of(reflected(matrix, normal));
        assertArrayEquals(expected, values, 1e-12, "seed " + seed);
    }

    /** Returns H A H for the reflection H = I - 2vv'/v'v, which keeps the eigenvalues and fills the matrix. */
    private static double[][] reflected(double[][] a, double[] v) {
        int n = v.length;
        double vv = Arrays.stream(v).map(x -> x * x).sum();
        double[][] h = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                h[i][j] = (i == j ? 1 : 0) - 2 * v[i] * v[j] / vv;
            }
        }
        return product(product(h, a), h);
    }

    private static double[][] product(double[][] a, double[][] b) {
        int n = a.length;
        double[][] c = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                for (int k = 0; k < n; k++) {
                    c[i][j] += a[i][k] * b[k][j];
                }
            }
        }
        return c;
    }
}
