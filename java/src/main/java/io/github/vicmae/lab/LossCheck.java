package io.github.vicmae.lab;

import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.oracle.ContrastiveOracle;
import io.github.vicmae.loss.BuiltInLoss;
import io.github.vicmae.loss.LossDefinition;
import java.util.ArrayList;
import java.util.List;

/** Compares a loss with a built-in one's oracle, or with finite differences of itself, on one device. */
public final class LossCheck {
    private static final double LOSS_LIMIT = 1e-5;
    private static final double GRADIENT_LIMIT = 1e-4;
    /** Limit between two results in floats at sizes too large for an oracle: sums of thousands of terms in different orders. */
    private static final double PEER_LOSS_LIMIT = 1e-4;

    private static final double PEER_GRADIENT_LIMIT = 1e-3;
    private static final double DIFFERENCES_LIMIT = 3e-3;
    /** A step in all elements at once may cross a hinge or two, and a direction cannot skip those elements. */
    private static final double DIRECTION_LIMIT = 5e-2;
    /** Smaller gradients have the limit of this one: a loss around 1 in floats has no more digits. */
    private static final double SMALL_GRADIENT = 0.1;
    /** The same for the difference along a direction. */
    private static final double SMALL_SLOPE = 1e-3;
    /** Where estimates with two steps differ by more than this share of the largest element, there is a kink between them. */
    private static final double KINK = 0.01;

    private static final double SMALL_KINK = 1e-4;
    private static final double MOST_KINKS = 0.1;
    private static final int DIRECTIONS = 8;

    private final Kernels kernels;
    private final LossDefinition loss;
    private final BuiltInLoss like;
    private final String device;

    /**
     * @param like the built-in loss with the oracle; null for none
     * @param device its name in messages
     */
    public LossCheck(Kernels kernels, LossDefinition loss, BuiltInLoss like, String device) {
        this.kernels = kernels;
        this.loss = loss;
        this.like = like;
        this.device = device;
    }

    String device() {
        return device;
    }

    private String where(LossProblem problem) {
        return device + ", " + problem.words();
    }

    /** Runs a problem. */
    LossResult run(LossProblem problem) {
        try (LossRun run = new LossRun(kernels, loss, problem)) {
            return run.run();
        }
    }

    /** Compares the loss and its gradients with the oracle, and a second run bit by bit with the first. */
    public List<Deviation> againstOracle(LossProblem problem) {
        try (LossRun run = new LossRun(kernels, loss, problem)) {
            LossResult result = run.run();
            List<Deviation> found = againstOracle(problem, result);
            found.add(repeated(where(problem), result, run.run()));
            return found;
        }
    }

    /** Compares a result with the oracle. */
    List<Deviation> againstOracle(LossProblem problem, LossResult result) {
        ContrastiveOracle oracle = like.oracle(problem.shape());
        double[] rows = doubles(problem.rows());
        double[] columns = problem.shape().symmetric() ? rows : doubles(problem.columns());
        double[] drows = new double[rows.length];
        double[] dcolumns = problem.shape().symmetric() ? drows : new double[columns.length];
        double expected = oracle.loss(rows, columns);
        double[] terms = oracle.backward(drows, dcolumns, rows, columns, problem.weight());
        String where = where(problem);
        List<Deviation> found = new ArrayList<>();
        found.add(loss(where, expected, result, LOSS_LIMIT));
        int width = problem.shape().width();
        found.add(gradient("drows", where, drows, result.drows(), width, terms[0], GRADIENT_LIMIT));
        if (result.dcolumns() != null) {
            found.add(gradient("dcolumns", where, dcolumns, result.dcolumns(), width, terms[1], GRADIENT_LIMIT));
        }
        return found;
    }

    /** A loss near 0 is a difference of numbers around 1. */
    private static Deviation loss(String where, double expected, LossResult found, double limit) {
        return Deviation.of("loss", where, new double[] {expected}, new float[] {found.loss()}, 0, 1, limit);
    }

    private static Deviation gradient(
            String quantity, String where, double[] expected, float[] found, int width, double terms, double limit) {
        return Deviation.of(quantity, where, expected, found, width, Math.max(terms, SMALL_GRADIENT), limit);
    }

    static Deviation repeated(String where, LossResult first, LossResult second) {
        boolean same = first.isSameAs(second);
        return new Deviation(
                "bits", where, same ? 0 : 1, 0, same ? "" : "a second run on the same inputs gave different bits");
    }

    /** Compares each element of the gradients with finite differences of the loss, and a second run bit by bit with the first. */
    public List<Deviation> againstDifferences(LossProblem problem) {
        try (LossRun run = new LossRun(kernels, loss, problem)) {
            LossResult result = run.run();
            List<Deviation> found = new ArrayList<>(List.of(finite(where(problem), result)));
            if (!found.get(0).passes()) {
                return found; // no differences where the loss is not finite
            }
            CentralDifferences differences = new CentralDifferences(run, problem);
            found.add(differences("drows", problem, differences.elements(true), result, result.drows()));
            if (result.dcolumns() != null) {
                found.add(differences("dcolumns", problem, differences.elements(false), result, result.dcolumns()));
            }
            found.add(repeated(where(problem), result, run.run()));
            return found;
        }
    }

    /** Elements with a hinge of the loss within the steps are skipped: differences are meaningless there. */
    private Deviation differences(
            String quantity, LossProblem problem, CentralDifferences.Elements steps, LossResult result, float[] found) {
        double[] expected = steps.values().clone();
        double largest = SMALL_KINK / KINK * Math.max(1, Math.abs(result.loss()));
        for (double element : expected) {
            largest = Math.max(largest, Math.abs(element));
        }
        int kinks = 0;
        for (int i = 0; i < expected.length; i++) {
            if (Math.abs(expected[i] - steps.finer()[i]) > KINK * largest) {
                expected[i] = found[i];
                kinks++;
            }
        }
        if (kinks > MOST_KINKS * expected.length) {
            String words = "differences of the loss at two steps disagree at " + kinks + " of its " + expected.length
                    + " elements: the loss is noisy, or has too many kinks for its gradient to be estimated";
            return new Deviation(quantity, where(problem), (double) kinks / expected.length, DIFFERENCES_LIMIT, words);
        }
        int width = problem.shape().width();
        return gradient(quantity, where(problem), expected, found, width, 0, DIFFERENCES_LIMIT);
    }

    /** Compares gradients along random directions with differences of the loss, for shapes with too many elements to check each. */
    public List<Deviation> alongDirections(LossProblem problem) {
        try (LossRun run = new LossRun(kernels, loss, problem)) {
            LossResult result = run.run();
            List<Deviation> found = alongDirections(run, problem, result, DIRECTIONS);
            found.add(repeated(where(problem), result, run.run()));
            return found;
        }
    }

    /** The same for a run that exists already. */
    List<Deviation> alongDirections(LossRun run, LossProblem problem, LossResult result, int directions) {
        List<Deviation> found = new ArrayList<>(List.of(finite(where(problem), result)));
        if (found.get(0).passes()) {
            found.add(alongDirections("drows", run, problem, result, directions));
            if (result.dcolumns() != null) {
                found.add(alongDirections("dcolumns", run, problem, result, directions));
            }
        }
        return found;
    }

    private Deviation alongDirections(
            String quantity, LossRun run, LossProblem problem, LossResult result, int directions) {
        boolean ofRows = quantity.equals("drows");
        float[] gradient = ofRows ? result.drows() : result.dcolumns();
        String where = where(problem) + ", along directions";
        Deviation worst =
                Deviation.finite(quantity, where, gradient, problem.shape().width(), DIRECTION_LIMIT);
        if (!worst.passes()) {
            return worst;
        }
        CentralDifferences differences = new CentralDifferences(run, problem);
        double norm =
                Math.max(Math.sqrt(product(gradient, gradient)), SMALL_SLOPE * Math.max(1, Math.abs(result.loss())));
        for (int seed = 1; seed <= directions; seed++) {
            float[] direction = CentralDifferences.randomDirection(gradient.length, seed);
            double expected = differences.along(ofRows, direction);
            double slope = product(gradient, direction);
            double error = Double.isFinite(expected) ? Math.abs(slope - expected) / norm : Double.POSITIVE_INFINITY;
            if (error > worst.error()) {
                String words = quantity + " along random direction " + seed + " is " + Deviation.number(slope)
                        + "; differences of the loss say " + Deviation.number(expected);
                worst = new Deviation(quantity, where, error, DIRECTION_LIMIT, words);
            }
        }
        differences.restore(ofRows);
        return worst;
    }

    private static double product(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private static Deviation finite(String where, LossResult result) {
        return Deviation.finite("loss", where, new float[] {result.loss()}, 0, LOSS_LIMIT);
    }

    /** Compares results of two devices, within what floats allow in different orders of summation. */
    static List<Deviation> against(String where, LossProblem problem, LossResult expected, LossResult found) {
        return against(where, problem, expected, found, LOSS_LIMIT, GRADIENT_LIMIT);
    }

    /** Compares the results of a large problem with those of another loss of the same kind. */
    List<Deviation> againstPeer(String peer, LossProblem problem, LossResult expected, LossResult found) {
        String where = where(problem) + ", beside " + peer;
        return against(where, problem, expected, found, PEER_LOSS_LIMIT, PEER_GRADIENT_LIMIT);
    }

    private static List<Deviation> against(
            String where,
            LossProblem problem,
            LossResult expected,
            LossResult found,
            double lossLimit,
            double gradientLimit) {
        List<Deviation> all = new ArrayList<>();
        int width = problem.shape().width();
        all.add(loss(where, expected.loss(), found, lossLimit));
        all.add(gradient("drows", where, doubles(expected.drows()), found.drows(), width, 0, gradientLimit));
        if (expected.dcolumns() != null) {
            double[] dcolumns = doubles(expected.dcolumns());
            all.add(gradient("dcolumns", where, dcolumns, found.dcolumns(), width, 0, gradientLimit));
        }
        return all;
    }

    private static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }
}
