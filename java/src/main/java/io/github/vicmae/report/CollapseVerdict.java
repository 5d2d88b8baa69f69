package io.github.vicmae.report;

import java.util.Locale;
import java.util.Map;

/**
 * Says in words whether an encoder has collapsed, from the collapse figures of its last epoch and those of an untrained encoder of the same shape on the
 * same data.
 *
 * @param state what was found
 * @param sentence the verdict with its figures
 */
record CollapseVerdict(State state, String sentence) {
    /** What the figures say. */
    enum State {
        /** The features differ, and in many directions. */
        NONE,
        /** Something is lost, beside an untrained encoder. */
        DOUBTFUL,
        /** All features are nearly the same, or lie in one or two directions. */
        COLLAPSED,
        /** There are no figures. */
        UNKNOWN
    }

    /** Features that differ by less than this share of their size are the same but for details: healthy runs stay above 0.4. */
    private static final double COLLAPSED_DEVIATION = 0.1;

    /** Healthy runs have 4 and more. */
    private static final double COLLAPSED_RANK = 1.5;

    /** A figure below this share of the untrained encoder's has lost something. */
    private static final double LOST = 0.67;

    private static final String DEVIATION = "feature_deviation";
    private static final String RANK = "effective_rank";
    private static final String POSITIVE = "positive_similarity";
    private static final String NEGATIVE = "negative_similarity";

    static CollapseVerdict of(MetricLog log) {
        return of(log.last(DEVIATION), log.last(RANK), log.last(POSITIVE), log.last(NEGATIVE), log.untrained());
    }

    /**
     * The verdict on figures.
     *
     * @param positive NaN where a sample has one view
     * @param untrained the same figures of an untrained encoder, by the metrics' names; empty if they were not measured
     */
    static CollapseVerdict of(
            double deviation, double rank, double positive, double negative, Map<String, Double> untrained) {
        if (Double.isNaN(deviation) || Double.isNaN(rank)) {
            return new CollapseVerdict(
                    State.UNKNOWN,
                    "Whether the encoder has collapsed is not known: the run has recorded no figures of its features yet.");
        }
        double rankThen = untrained.getOrDefault(RANK, Double.NaN);
        double deviationThen = untrained.getOrDefault(DEVIATION, Double.NaN);
        String figures = figures(deviation, rank, positive, negative, untrained);
        if (deviation < COLLAPSED_DEVIATION) {
            return new CollapseVerdict(
                    State.COLLAPSED, "Collapsed: the features of all samples are nearly the same. " + figures);
        }
        if (rank < COLLAPSED_RANK) {
            return new CollapseVerdict(
                    State.COLLAPSED,
                    "Collapsed: the features of all samples lie in little more than one direction. " + figures);
        }
        if (rank < LOST * rankThen || deviation < LOST * deviationThen) {
            String what = rank < LOST * rankThen ? "lie in fewer directions" : "differ less from each other";
            return new CollapseVerdict(
                    State.DOUBTFUL,
                    "Doubtful: the features " + what + " than those of an untrained encoder. " + figures);
        }
        return new CollapseVerdict(State.NONE, "No collapse. " + figures);
    }

    private static String figures(
            double deviation, double rank, double positive, double negative, Map<String, Double> untrained) {
        StringBuilder text = new StringBuilder("Effective rank ").append(beside(rank, RANK, untrained));
        text.append(", feature deviation ").append(beside(deviation, DEVIATION, untrained));
        if (!Double.isNaN(positive) && !Double.isNaN(negative)) {
            text.append("; views of one sample have a similarity of ").append(beside(positive, POSITIVE, untrained));
            text.append(", those of different samples ").append(beside(negative, NEGATIVE, untrained));
        }
        text.append('.');
        if (untrained.isEmpty()) {
            text.append(" What an untrained encoder gives on these data was not measured.");
        }
        return text.toString();
    }

    private static String beside(double value, String name, Map<String, Double> untrained) {
        String text = number(value);
        Double then = untrained.get(name);
        return then == null || then.isNaN() ? text : text + " (untrained " + number(then) + ")";
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, Math.abs(value) < 2 ? "%.2f" : "%.1f", value);
    }
}
