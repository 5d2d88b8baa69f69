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

    /** Features that differ by less than this share of their size are the same but for details; healthy runs stay above 0.4. */
    private static final double COLLAPSED_DEVIATION = 0.1;

    /** Features in little more than one direction; where it was measured, an untrained encoder has to have more. */
    private static final double COLLAPSED_RANK = 1.5;

    /*
     * Shares of the untrained encoder's effective rank. In runs on the demo's clips and on CIFAR-10 whose k-NN accuracy rose it stayed above 0.85 in every
     * epoch and ended at 0.97 to 2.6. In runs whose accuracy did not (SimSiam alone, or a rate a hundred times too high) it ended at 0.27 to 0.60.
     */
    private static final double COLLAPSED_SHARE = 0.5;
    private static final double DOUBTFUL_SHARE = 0.75;

    /** The deviation falls in healthy runs too, to 0.7 of the untrained encoder's; a rate far too high took it to 0.25 to 0.39. */
    private static final double LOW_DEVIATION = 0.4;

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
        boolean isFewer = Double.isNaN(rankThen) || rank < DOUBTFUL_SHARE * rankThen;
        boolean isAlike = deviation < LOW_DEVIATION * deviationThen;
        if (rank < COLLAPSED_RANK && isFewer) {
            return new CollapseVerdict(
                    State.COLLAPSED,
                    "Collapsed: the features of all samples lie in little more than one direction. " + figures);
        }
        if (rank < COLLAPSED_SHARE * rankThen || isFewer && isAlike) {
            return new CollapseVerdict(
                    State.COLLAPSED,
                    "Collapsed: the features have lost most of what sets an untrained encoder's apart. " + figures);
        }
        if (rank < DOUBTFUL_SHARE * rankThen || isAlike) {
            String what = isAlike ? "differ less from each other" : "lie in fewer directions";
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
