package io.github.vicmae.kernel.oracle;

/** Softmax cross-entropy with soft targets as it is written down, in double precision. */
public final class CrossEntropyOracle {
    private CrossEntropyOracle() {}

    /** The loss of each row, -sum_j t_j log softmax(l)_j. */
    public static double[] losses(double[] logits, double[] targets, int rows, int columns) {
        double[] losses = new double[rows];
        for (int i = 0; i < rows; i++) {
            double[] p = softmax(logits, i * columns, columns);
            for (int j = 0; j < columns; j++) {
                double t = targets[i * columns + j];
                losses[i] -= t == 0 ? 0 : t * Math.log(p[j]);
            }
        }
        return losses;
    }

    /** The gradient of {@code weight} times the mean of the losses with respect to the logits, by the chain rule through every p. */
    public static double[] gradient(double[] logits, double[] targets, double weight, int rows, int columns) {
        double[] gradient = new double[rows * columns];
        for (int i = 0; i < rows; i++) {
            double[] p = softmax(logits, i * columns, columns);
            for (int j = 0; j < columns; j++) {
                double slope = 0; // of sum_k t_k log p_k: d log p_k / d l_j = [j = k] - p_j
                for (int k = 0; k < columns; k++) {
                    slope += targets[i * columns + k] * ((j == k ? 1 : 0) - p[j]);
                }
                gradient[i * columns + j] = -weight / rows * slope;
            }
        }
        return gradient;
    }

    private static double[] softmax(double[] logits, int from, int columns) {
        double high = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < columns; j++) {
            high = Math.max(high, logits[from + j]);
        }
        double[] p = new double[columns];
        double sum = 0;
        for (int j = 0; j < columns; j++) {
            p[j] = Math.exp(logits[from + j] - high);
            sum += p[j];
        }
        for (int j = 0; j < columns; j++) {
            p[j] /= sum;
        }
        return p;
    }
}
