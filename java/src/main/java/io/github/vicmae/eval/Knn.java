package io.github.vicmae.eval;

import java.util.Arrays;

/**
 * The weighted k-nearest-neighbour classifier on features: the k training samples of the highest cosine similarity s vote
 * for their class with weight exp(s / temperature) (Wu et al., Unsupervised Feature Learning via Non-Parametric Instance
 * Discrimination, CVPR 2018, section 3.4).
 */
public final class Knn {
    private final double[][] features;
    private final int[] labels;
    private final int classes;
    private final int k;
    private final double temperature;

    /**
     * The result of a classifier on test samples.
     *
     * @param accuracy the share of samples classified correctly, 0 to 1
     * @param confusion [true class][predicted class], counts
     */
    public record Result(double accuracy, int[][] confusion) {}

    /** Makes a classifier with the usual k = 20 and temperature 0.07; see the other constructor. */
    public Knn(float[][] features, int[] labels, int classes) {
        this(features, labels, classes, 20, 0.07);
    }

    /**
     * Makes a classifier from training samples.
     *
     * @param features [N][D], not necessarily normalised
     * @param labels [N], each from 0 to classes - 1
     * @param k the number of neighbours; with fewer samples, all of them vote
     * @param temperature a positive number; smaller ones favour the nearest
     * @throws IllegalArgumentException if there are no samples, or the arguments do not fit together, or a value is not
     *     finite
     */
    public Knn(float[][] features, int[] labels, int classes, int k, double temperature) {
        if (k < 1 || !(temperature > 0)) {
            throw new IllegalArgumentException(
                    "k-NN needs k >= 1 and a positive temperature; found " + k + " and " + temperature + ".");
        }
        checkLabels(features, labels, classes);
        this.features = normalised(features, features[0].length);
        this.labels = labels.clone();
        this.classes = classes;
        this.k = Math.min(k, features.length);
        this.temperature = temperature;
    }

    private static void checkLabels(float[][] features, int[] labels, int classes) {
        if (features.length == 0 || features.length != labels.length) {
            throw new IllegalArgumentException("k-NN needs one label for each feature, and at least one; found "
                    + features.length + " features and " + labels.length + " labels.");
        }
        for (int label : labels) {
            if (label < 0 || label >= classes) {
                throw new IllegalArgumentException("Label " + label + " is not one of " + classes + " classes.");
            }
        }
    }

    private static double[][] normalised(float[][] features, int dim) {
        double[][] rows = new double[features.length][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Features.toDouble(features[i], dim, i);
            Features.normalise(rows[i]);
        }
        return rows;
    }

    /**
     * Returns the class with the most votes; of equal ones the first.
     *
     * @param feature [D]
     * @throws IllegalArgumentException if D differs from the training samples' or a value is not finite
     */
    public int classify(float[] feature) {
        double[] query = Features.toDouble(feature, features[0].length, 0);
        Features.normalise(query);
        double[] similarity = new double[k];
        int[] neighbour = new int[k];
        Arrays.fill(similarity, Double.NEGATIVE_INFINITY);
        for (int i = 0; i < features.length; i++) {
            double s = Features.dot(query, features[i]);
            int at = k;
            for (; at > 0 && s > similarity[at - 1]; at--) {
                if (at < k) {
                    similarity[at] = similarity[at - 1];
                    neighbour[at] = neighbour[at - 1];
                }
            }
            if (at < k) {
                similarity[at] = s;
                neighbour[at] = i;
            }
        }
        double[] votes = new double[classes];
        for (int i = 0; i < k; i++) {
            // Relative to the nearest, so that a small temperature cannot overflow.
            votes[labels[neighbour[i]]] += Math.exp((similarity[i] - similarity[0]) / temperature);
        }
        int best = 0;
        for (int c = 1; c < classes; c++) {
            best = votes[c] > votes[best] ? c : best;
        }
        return best;
    }

    /**
     * Classifies test samples and compares the classes with their labels.
     *
     * @param test [M][D]
     * @param testLabels [M]
     * @throws IllegalArgumentException as the constructor
     */
    public Result evaluate(float[][] test, int[] testLabels) {
        checkLabels(test, testLabels, classes);
        int[][] confusion = new int[classes][classes];
        int right = 0;
        for (int i = 0; i < test.length; i++) {
            int predicted = classify(test[i]);
            confusion[testLabels[i]][predicted]++;
            right += predicted == testLabels[i] ? 1 : 0;
        }
        return new Result((double) right / test.length, confusion);
    }
}
