package io.github.vicmae.eval;

/**
 * Figures that show whether an encoder maps everything to the same place or into few directions.
 *
 * @param featureDeviation the standard deviation of the L2-normalised features, averaged over the dimensions, times
 *     sqrt(D): 1 when they are spread evenly over the sphere, 0 when all are equal
 * @param effectiveRank exp of the entropy of the covariance's normalised eigenvalues (Roy and Vetterli, The effective
 *     rank, EUSIPCO 2007, applied to the covariance matrix): between 1 and min(2N - 1, D), and 0 when all features are
 *     equal
 * @param positiveSimilarity the mean cosine similarity of a sample's two views
 * @param negativeSimilarity the mean cosine similarity of views of different samples, one of either side; NaN with one
 *     sample
 */
public record CollapseFigures(
        double featureDeviation, double effectiveRank, double positiveSimilarity, double negativeSimilarity) {
    /** Deviations below this share of the features' size are float32 rounding. */
    private static final double ROUNDING = 1e-12;

    /**
     * Computes the figures over the 2N rows of both views.
     *
     * @param view1 the pooled features of the first views, [N][D]
     * @param view2 those of the second views, [N][D], in the same order
     * @throws IllegalArgumentException if there are no rows, or the shapes differ, or a value is not finite
     */
    public static CollapseFigures of(float[][] view1, float[][] view2) {
        int samples = view1.length;
        if (samples == 0 || view2.length != samples) {
            throw new IllegalArgumentException(
                    "Collapse figures need as many first as second views, and at least one; found " + samples + " and "
                            + view2.length + ".");
        }
        int dim = view1[0].length;
        double[][] rows = new double[2 * samples][];
        for (int i = 0; i < samples; i++) {
            rows[i] = Features.toDouble(view1[i], dim, i);
            rows[samples + i] = Features.toDouble(view2[i], dim, i);
        }
        double rank = effectiveRank(rows);
        for (double[] row : rows) {
            Features.normalise(row);
        }
        double positive = 0;
        double[] sum1 = new double[dim];
        double[] sum2 = new double[dim];
        for (int i = 0; i < samples; i++) {
            positive += Features.dot(rows[i], rows[samples + i]);
            Features.add(sum1, rows[i]);
            Features.add(sum2, rows[samples + i]);
        }
        double pairs = (double) samples * (samples - 1);
        double negative = pairs == 0 ? Double.NaN : (Features.dot(sum1, sum2) - positive) / pairs;
        return new CollapseFigures(deviation(rows), rank, positive / samples, negative);
    }

    private static double deviation(double[][] rows) {
        double[] mean = mean(rows);
        double total = 0;
        for (int d = 0; d < mean.length; d++) {
            double squares = 0;
            for (double[] row : rows) {
                squares += (row[d] - mean[d]) * (row[d] - mean[d]);
            }
            total += Math.sqrt(squares / rows.length);
        }
        return total / Math.sqrt(mean.length);
    }

    private static double[] mean(double[][] rows) {
        double[] mean = new double[rows[0].length];
        for (double[] row : rows) {
            Features.add(mean, row);
        }
        for (int d = 0; d < mean.length; d++) {
            mean[d] /= rows.length;
        }
        return mean;
    }

    /** The covariance and the Gram matrix of the centred rows share their nonzero eigenvalues: the smaller one is used. */
    private static double effectiveRank(double[][] rows) {
        double[] mean = mean(rows);
        int dim = mean.length;
        double[][] centred = new double[rows.length][dim];
        double squares = 0;
        double deviations = 0;
        for (int i = 0; i < rows.length; i++) {
            for (int d = 0; d < dim; d++) {
                centred[i][d] = rows[i][d] - mean[d];
            }
            squares += Features.dot(rows[i], rows[i]);
            deviations += Features.dot(centred[i], centred[i]);
        }
        if (deviations <= ROUNDING * squares) {
            return 0;
        }
        double[][] vectors = rows.length <= dim ? centred : transpose(centred);
        double[][] products = new double[vectors.length][vectors.length];
        for (int i = 0; i < vectors.length; i++) {
            for (int j = 0; j <= i; j++) {
                products[i][j] = Features.dot(vectors[i], vectors[j]) / deviations;
                products[j][i] = products[i][j];
            }
        }
        return SymmetricEigenvalues.entropyRank(SymmetricEigenvalues.of(products));
    }

    private static double[][] transpose(double[][] matrix) {
        double[][] transposed = new double[matrix[0].length][matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            for (int j = 0; j < matrix[i].length; j++) {
                transposed[j][i] = matrix[i][j];
            }
        }
        return transposed;
    }
}
