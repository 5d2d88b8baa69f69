package io.github.vicmae.eval;

import io.github.vicmae.data.source.Sample;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How a classifier did on test samples: accuracies, a table of the classes, the confusion matrix, the predictions. The predicted class is the one of
 * the largest probability, the first of equal ones.
 */
public final class Scores {
    /** The top-5 accuracy says nothing of fewer classes. */
    public static final int LEAST_FOR_TOP_5 = 6;

    private final ClassMatch classes;
    private final List<Sample> samples;
    private final int[] predicted;
    private final float[] confidence;
    private final int[][] confusion;
    private final int right;
    private final int rightInFive;

    /**
     * One class.
     *
     * @param name the class
     * @param count its test samples
     * @param right those that were classified correctly
     * @param confusedWith the class that most of the others were taken for, the first of equal ones; null if there are no others
     * @param confused how many
     */
    public record ClassRow(String name, int count, int right, String confusedWith, int confused) {
        /** The share that was right; NaN without samples. */
        public double accuracy() {
            return (double) right / count;
        }
    }

    /**
     * Judges predictions.
     *
     * @param classes the classes' names and the samples' labels
     * @param samples the test samples
     * @param probabilities of each sample for each class that can be predicted, [samples][classes.known()]; votes' shares or a softmax
     * @throws IllegalArgumentException if there are no samples, the numbers of samples or classes differ, or a value is not a number
     */
    public Scores(ClassMatch classes, List<Sample> samples, float[][] probabilities) {
        int count = samples.size();
        if (count == 0 || classes.labels().length != count || probabilities.length != count) {
            throw new IllegalArgumentException("Scores need a label and probabilities for each sample, and at least one"
                    + " sample; found " + count + " samples, " + classes.labels().length + " labels and "
                    + probabilities.length + " rows of probabilities");
        }
        this.classes = classes;
        this.samples = List.copyOf(samples);
        predicted = new int[count];
        confidence = new float[count];
        confusion = new int[classes.names().size()][classes.known()];
        int first = 0;
        int five = 0;
        for (int i = 0; i < count; i++) {
            float[] row = probabilities[i];
            check(row, i);
            int best = Softmax.largest(row);
            int label = classes.labels()[i];
            predicted[i] = best;
            confidence[i] = row[best];
            confusion[label][best]++;
            first += label == best ? 1 : 0;
            five += label < row.length && isAmong(row, label, 5) ? 1 : 0;
        }
        right = first;
        rightInFive = five;
    }

    private void check(float[] row, int index) {
        if (row.length != classes.known()) {
            throw new IllegalArgumentException("Sample " + index + " has " + row.length + " probabilities, but "
                    + classes.known() + " classes can be predicted");
        }
        for (float value : row) {
            if (Float.isNaN(value)) {
                throw new IllegalArgumentException("A probability of sample " + index + " is not a number");
            }
        }
    }

    /** Whether fewer than {@code n} classes come before this one. A class without any probability is never among them. */
    private static boolean isAmong(float[] row, int label, int n) {
        int before = 0;
        for (int c = 0; c < row.length; c++) {
            before += row[c] > row[label] || row[c] == row[label] && c < label ? 1 : 0;
        }
        return before < n && row[label] > 0;
    }

    /** Test samples. */
    public int count() {
        return samples.size();
    }

    /** Those that were classified correctly. */
    public int right() {
        return right;
    }

    /** The share of samples classified correctly, 0 to 1. */
    public double accuracy() {
        return (double) right / count();
    }

    /** Whether there are enough classes for a top-5 accuracy. */
    public boolean hasTop5() {
        return classes.known() >= LEAST_FOR_TOP_5;
    }

    /** Samples whose class is among the five of the largest probabilities, of equal ones the first. */
    public int rightInFive() {
        return rightInFive;
    }

    /** Their share. */
    public double top5() {
        return (double) rightInFive / count();
    }

    /** The standard error of a share p of the samples, sqrt(p (1 - p) / n). */
    public double standardError(double p) {
        return standardError(p, count());
    }

    /** The standard error of a share p of n samples, sqrt(p (1 - p) / n). */
    public static double standardError(double p, int n) {
        return Math.sqrt(p * (1 - p) / n);
    }

    /** The mean over the classes that have test samples of their accuracies: each class counts alike, however many samples it has. */
    public double meanClassAccuracy() {
        return table().stream()
                .filter(row -> row.count > 0)
                .mapToDouble(ClassRow::accuracy)
                .average()
                .orElseThrow();
    }

    /** The accuracy of guessing among the classes that can be predicted. */
    public double chance() {
        return 1.0 / classes.known();
    }

    /** The classes. */
    public ClassMatch classes() {
        return classes;
    }

    /** A row for each of the classes' names, in their order. */
    public List<ClassRow> table() {
        List<ClassRow> rows = new ArrayList<>();
        for (int c = 0; c < confusion.length; c++) {
            int count = 0;
            int most = -1;
            for (int p = 0; p < classes.known(); p++) {
                int n = confusion[c][p];
                count += n;
                if (p != c && n > 0 && (most < 0 || n > confusion[c][most])) {
                    most = p;
                }
            }
            rows.add(new ClassRow(
                    classes.names().get(c),
                    count,
                    c < classes.known() ? confusion[c][c] : 0,
                    most < 0 ? null : classes.names().get(most),
                    most < 0 ? 0 : confusion[c][most]));
        }
        return rows;
    }

    /** Counts, [true class][predicted class]: a row for each of the names, a column for each that can be predicted. */
    public int[][] confusion() {
        int[][] copy = new int[confusion.length][];
        for (int c = 0; c < copy.length; c++) {
            copy[c] = confusion[c].clone();
        }
        return copy;
    }

    /** The test samples. */
    public List<Sample> samples() {
        return samples;
    }

    /** A sample's name in messages: for a file its path. */
    public String name(int sample) {
        return samples.get(sample).name();
    }

    /** A sample's true class. */
    public String trueClass(int sample) {
        return classes.names().get(classes.labels()[sample]);
    }

    /** The class that was predicted for a sample. */
    public String predictedClass(int sample) {
        return classes.names().get(predicted[sample]);
    }

    /** The probability of the predicted class. */
    public float confidence(int sample) {
        return confidence[sample];
    }

    /** Whether a sample was classified correctly. */
    public boolean isRight(int sample) {
        return predicted[sample] == classes.labels()[sample];
    }

    /** The wrong predictions of the largest probabilities, the most confident first; of equal ones in the samples' order. */
    public List<Integer> mistakes(int most) {
        return IntStream.range(0, count())
                .filter(i -> !isRight(i))
                .boxed()
                .sorted(Comparator.comparing(i -> -confidence[i]))
                .limit(most)
                .toList();
    }
}
