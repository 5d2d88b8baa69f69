package io.github.vicmae.eval;

import java.util.Arrays;

/**
 * The eigenvalues of a real symmetric matrix: Householder reflections make it tridiagonal, then each eigenvalue is
 * enclosed by bisection with Sturm counts (Golub and Van Loan, Matrix Computations, 8.3 and 8.4). Errors are of the order
 * of the largest eigenvalue times 1e-15. The work is 4/3 n^3 operations.
 */
final class SymmetricEigenvalues {
    private SymmetricEigenvalues() {}

    /**
     * Returns the eigenvalues in descending order.
     *
     * @param matrix [n][n], symmetric and finite; it is overwritten
     */
    static double[] of(double[][] matrix) {
        int n = matrix.length;
        double[] diagonal = new double[n];
        double[] offDiagonal = new double[n];
        tridiagonalise(matrix, diagonal, offDiagonal);
        double bound = 0;
        for (int i = 0; i < n; i++) {
            double right = i + 1 < n ? Math.abs(offDiagonal[i]) : 0;
            double left = i > 0 ? Math.abs(offDiagonal[i - 1]) : 0;
            bound = Math.max(bound, Math.abs(diagonal[i]) + left + right);
        }
        double[] values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = bisect(diagonal, offDiagonal, n - 1 - i, bound);
        }
        return values;
    }

    private static void tridiagonalise(double[][] a, double[] diagonal, double[] offDiagonal) {
        int n = a.length;
        double[] v = new double[n];
        double[] w = new double[n];
        for (int k = 0; k < n; k++) {
            diagonal[k] = a[k][k];
            if (k + 1 < n) {
                offDiagonal[k] = reflect(a, k, v, w);
            }
        }
    }

    /** Makes column k zero below its second row and returns the element that stays there. */
    private static double reflect(double[][] a, int k, double[] v, double[] w) {
        int n = a.length;
        double norm = 0;
        for (int i = k + 1; i < n; i++) {
            norm = Math.hypot(norm, a[i][k]);
        }
        double first = a[k + 1][k];
        double kept = first > 0 ? -norm : norm;
        double scale = Math.sqrt(2 * norm * (norm + Math.abs(first)));
        if (scale == 0) {
            return first;
        }
        for (int i = k + 1; i < n; i++) {
            v[i] = a[i][k] / scale;
        }
        v[k + 1] = (first - kept) / scale;
        // With the unit normal v, A becomes (I - 2vv')A(I - 2vv') = A - vw' - wv' for the w below.
        double alongNormal = 0;
        for (int i = k + 1; i < n; i++) {
            w[i] = 0;
            for (int j = k + 1; j < n; j++) {
                w[i] += a[i][j] * v[j];
            }
            alongNormal += v[i] * w[i];
        }
        for (int i = k + 1; i < n; i++) {
            w[i] = 2 * (w[i] - alongNormal * v[i]);
        }
        for (int i = k + 1; i < n; i++) {
            for (int j = k + 1; j < n; j++) {
                a[i][j] -= v[i] * w[j] + w[i] * v[j];
            }
        }
        return kept;
    }

    /** Finds the eigenvalue that has exactly {@code below} eigenvalues before it in ascending order. */
    private static double bisect(double[] diagonal, double[] offDiagonal, int below, double bound) {
        double low = -bound;
        double high = bound;
        while (high - low > 1e-16 * bound) {
            double middle = low + (high - low) / 2;
            if (middle <= low || middle >= high) {
                break;
            }
            if (countBelow(diagonal, offDiagonal, middle) > below) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return low + (high - low) / 2;
    }

    /** Counts the eigenvalues below x: the negative pivots of the matrix minus x. */
    private static int countBelow(double[] diagonal, double[] offDiagonal, double x) {
        int count = 0;
        double pivot = 1;
        for (int i = 0; i < diagonal.length; i++) {
            double coupling = i == 0 ? 0 : offDiagonal[i - 1] * offDiagonal[i - 1];
            pivot = diagonal[i] - x - (coupling == 0 ? 0 : coupling / pivot);
            if (pivot == 0) {
                pivot = -Double.MIN_NORMAL;
            }
            count += pivot < 0 ? 1 : 0;
        }
        return count;
    }

    /** Returns exp of the entropy of the values' shares in their sum; negative values count as zero. */
    static double entropyRank(double[] values) {
        double sum = Arrays.stream(values).filter(v -> v > 0).sum();
        double entropy = 0;
        for (double value : values) {
            if (value > 0) {
                double share = value / sum;
                entropy -= share * Math.log(share);
            }
        }
        return Math.exp(entropy);
    }
}
