package io.github.vicmae.eval;

/** Arithmetic on feature vectors in double precision. */
final class Features {
    private Features() {}

    /**
     * Copies a feature vector.
     *
     * @throws IllegalArgumentException if its length is not {@code dim} or a value is not finite
     */
    static double[] toDouble(float[] row, int dim, int index) {
        if (row.length != dim || dim == 0) {
            throw new IllegalArgumentException("Feature " + index + " has " + row.length
                    + " dimensions, but the first has " + dim + "; at least one is needed.");
        }
        double[] copy = new double[dim];
        for (int d = 0; d < dim; d++) {
            if (!Float.isFinite(row[d])) {
                throw new IllegalArgumentException(
                        "Feature " + index + " has the value " + row[d] + " in dimension " + d + ".");
            }
            copy[d] = row[d];
        }
        return copy;
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int d = 0; d < a.length; d++) {
            sum += a[d] * b[d];
        }
        return sum;
    }

    static void add(double[] sum, double[] row) {
        for (int d = 0; d < sum.length; d++) {
            sum[d] += row[d];
        }
    }

    /** Divides a vector by its length; a zero vector stays as it is. */
    static void normalise(double[] row) {
        double norm = Math.sqrt(dot(row, row));
        for (int d = 0; norm > 0 && d < row.length; d++) {
            row[d] /= norm;
        }
    }
}
