package io.github.vicmae.report;

import io.github.vicmae.eval.Scores;
import java.awt.image.BufferedImage;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an evaluation found, whatever the protocol.
 *
 * @param title of the page
 * @param asked what was asked and what it ran on, in the order in which it is shown: texts and numbers by name
 * @param comparison results that stand beside each other, the one that the rest is about first; empty where there is nothing to compare it with
 * @param scores how the classifier did
 * @param mistakes pictures of {@link Scores#mistakes}, in the same order; null for one that cannot be shown
 * @param remarks what a reader should know, in sentences
 * @param skipped files that could not be read, with the reasons
 */
public record Evaluation(
        String title,
        Map<String, Object> asked,
        List<Row> comparison,
        Scores scores,
        List<BufferedImage> mistakes,
        List<String> remarks,
        Map<String, String> skipped) {
    /** The name among what was asked under which the command line stands, which is shown on lines of its own. */
    public static final String COMMAND = "command";

    /** Mistakes that are shown. */
    public static final int MISTAKES = 10;

    /**
     * A result that is compared.
     *
     * @param name of what was judged
     * @param right test samples that were classified correctly
     * @param count test samples; 0 if the accuracy is not measured
     * @param accuracy 0 to 1
     */
    public record Row(String name, int right, int count, double accuracy) {
        /** A measured result. */
        public static Row of(String name, Scores scores) {
            return new Row(name, scores.right(), scores.count(), scores.accuracy());
        }

        /** What guessing gives. */
        public static Row chance(double accuracy) {
            return new Row("chance", 0, 0, accuracy);
        }

        /** One standard error of the accuracy, 0 if it is not measured. */
        public double error() {
            return count == 0 ? 0 : Scores.standardError(accuracy, count);
        }
    }

    public Evaluation {
        asked = Collections.unmodifiableMap(new LinkedHashMap<>(asked));
        comparison = List.copyOf(comparison);
        mistakes = Collections.unmodifiableList(mistakes);
        remarks = List.copyOf(remarks);
        skipped = Collections.unmodifiableMap(new LinkedHashMap<>(skipped));
    }
}
