package io.github.vicmae.eval;

import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The weighted k-nearest-neighbour classifier on features: the k training samples of the highest cosine similarity s vote
 * for their class with weight exp(s / temperature) (Wu et al., Unsupervised Feature Learning via Non-Parametric Instance
 * Discrimination, CVPR 2018, section 3.4). Similarities are computed in double precision; of equal ones the training sample that comes first is
 * nearer.
 *
 * <p>With a device its matrix product finds the candidates, which is faster by orders of magnitude; what is returned is the same.
 */
public final class Knn {
    /** The number of neighbours in the literature. */
    public static final int NEIGHBOURS = 20;

    /** The temperature in the literature. */
    public static final double TEMPERATURE = 0.07;

    private final UnitRows features;
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
        this(features, labels, classes, NEIGHBOURS, TEMPERATURE);
    }

    /**
     * Makes a classifier from training samples.
     *
     * @param features [N][D], not necessarily normalised; kept and not copied
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
        this.features = new UnitRows(features, features[0].length);
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

    /**
     * Returns the class with the most votes; of equal ones the first.
     *
     * @param feature [D]
     * @throws IllegalArgumentException if D differs from the training samples' or a value is not finite
     */
    public int classify(float[] feature) {
        UnitRows query = new UnitRows(new float[][] {feature}, features.width());
        return best(votes(nearest(query.row(0))));
    }

    private Neighbours nearest(double[] query) {
        Neighbours nearest = new Neighbours(k);
        for (int i = 0; i < features.count(); i++) {
            nearest.offer(i, features.similarity(i, query));
        }
        return nearest;
    }

    private double[] votes(Neighbours nearest) {
        double[] votes = new double[classes];
        for (int i = 0; i < nearest.count(); i++) {
            // Relative to the nearest, so that a small temperature cannot overflow.
            votes[labels[nearest.index(i)]] += Math.exp((nearest.similarity(i) - nearest.similarity(0)) / temperature);
        }
        return votes;
    }

    private static int best(double[] votes) {
        int best = 0;
        for (int c = 1; c < votes.length; c++) {
            best = votes[c] > votes[best] ? c : best;
        }
        return best;
    }

    /**
     * The classes' shares of the votes.
     *
     * @param queries [M][D]
     * @return [M][classes], each row's sum 1; the first of the largest values is that of the class that {@link #classify} returns
     * @throws IllegalArgumentException as {@link #classify}
     */
    public float[][] shares(float[][] queries) {
        return shares(queries, null);
    }

    /**
     * The same, with candidates from the device's matrix product.
     *
     * @param device null to do without
     */
    public float[][] shares(float[][] queries, Device device) {
        UnitRows rows = new UnitRows(queries, features.width());
        float[][] shares = new float[queries.length][];
        if (device == null) {
            IntStream.range(0, queries.length).parallel().forEach(i -> shares[i] = shares(votes(nearest(rows.row(i)))));
        } else if (queries.length > 0) {
            try (SimilaritySearch search = new SimilaritySearch(device, features, rows.count())) {
                search.forEach(rows, k, (i, nearest) -> shares[i] = shares(votes(nearest)));
            }
        }
        return shares;
    }

    private static float[] shares(double[] votes) {
        double sum = 0;
        for (double vote : votes) {
            sum += vote;
        }
        float[] shares = new float[votes.length];
        float largest = 0;
        for (int c = 0; c < shares.length; c++) {
            shares[c] = (float) (votes[c] / sum);
            largest = Math.max(largest, shares[c]);
        }
        // Rounding may have made another class its equal.
        int best = best(votes);
        for (int c = 0; c < best; c++) {
            if (shares[c] == largest) {
                shares[best] = Math.nextUp(largest);
            }
        }
        return shares;
    }

    /**
     * The scores of test samples among training samples: classes are matched by name, and those of the training samples can be predicted.
     *
     * @param train training samples that have a class, with their features [N][D]
     * @param test test samples that have a class, with their features [M][D]
     * @param device computes the similarities; null to do without
     * @throws IOException if the training samples have only one class, or the test samples none of theirs
     * @throws IllegalArgumentException as the constructor
     */
    public static Scores scores(
            List<Sample> train,
            float[][] trainFeatures,
            List<Sample> test,
            float[][] testFeatures,
            int k,
            double temperature,
            Device device)
            throws IOException {
        List<String> known = ClassMatch.several(train);
        int[] labels = ClassMatch.of(known, train).labels();
        ClassMatch match = ClassMatch.of(known, test);
        Knn knn = new Knn(trainFeatures, labels, known.size(), k, temperature);
        return new Scores(match, test, knn.shares(testFeatures, device));
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
