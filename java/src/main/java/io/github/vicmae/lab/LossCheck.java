package io.github.vicmae.lab;

import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.oracle.ContrastiveOracle;
import io.github.vicmae.loss.BuiltInLoss;
import io.github.vicmae.loss.LossDefinition;
import java.util.ArrayList;
import java.util.List;

/** Holds a loss against a built-in one's oracle, or against its own differences, on one device. */
public final class LossCheck {
    private static final double LOSS_LIMIT = 1e-5;
    private static final double GRADIENT_LIMIT = 1e-4;
    private static final double DIFFERENCES_LIMIT = 1e-2;
    /** Smaller gradients are held to the limit of this one: of a loss around 1 in floats there are no more digits. */
    private static final double SMALL_GRADIENT = 0.1;

    private final Kernels kernels;
    private final LossDefinition loss;
    private final BuiltInLoss like;
    private final String device;

    /**
     * @param like whose oracle is asked; null for none
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

    /** Against the oracle: the loss, its gradients, and that a second run is the same to the bit. */
    public List<Deviation> againstOracle(LossProblem problem) {
        try (LossRun run = new LossRun(kernels, loss, problem)) {
            LossResult result = run.run();
            List<Deviation> found = againstOracle(problem, result);
            found.add(repeated(where(problem), result, run.run()));
            return found;
        }
    }

    /** A result against the oracle. */
    List<Deviation> againstOracle(LossProblem problem, LossResult result) {
        List<Deviation> found = new ArrayList<>();
        ContrastiveOracle oracle = like.oracle(problem.shape());
        double[] rows = doubles(problem.rows());
        double[] columns = problem.shape().symmetric() ? rows : doubles(problem.columns());
        double[] drows = new double[rows.length];
        double[] dcolumns = problem.shape().symmetric() ? drows : new double[columns.length];
        double expected = oracle.loss(rows, columns);
        double[] terms = oracle.backward(drows, dcolumns, rows, columns, problem.weight());
        String where = where(problem);
        // A loss near 0 is a difference of numbers around 1.
        found.add(Deviation.of("loss", where, new double[] {expected}, new float[] {result.loss()}, 0, 1, LOSS_LIMIT));
        int width = problem.shape().width();
        found.add(Deviation.of(
                "drows", where, drows, result.drows(), width, Math.max(terms[0], SMALL_GRADIENT), GRADIENT_LIMIT));
        if (result.dcolumns() != null) {
            found.add(Deviation.of(
                    "dcolumns",
                    where,
                    dcolumns,
                    result.dcolumns(),
                    width,
                    Math.max(terms[1], SMALL_GRADIENT),
                    GRADIENT_LIMIT));
        }
        return found;
    }

    static Deviation repeated(String where, LossResult first, LossResult second) {
        boolean same = first.isSameAs(second);
        return new Deviation(
                "bits", where, same ? 0 : 1, 0, same ? "" : "a second run on the same inputs gave other bits");
    }

    /** The gradients against differences of the loss itself, and that a second run is the same to the bit. */
    public List<Deviation> againstDifferences(LossProblem problem) {
        List<Deviation> found = new ArrayList<>();
        String where = where(problem);
        int width = problem.shape().width();
        try (LossRun run = new LossRun(kernels, loss, problem)) {
            LossResult result = run.run();
            found.add(finite(where, result.loss()));
            CentralDifferences differences = new CentralDifferences(run, problem);
            double[] drows = differences.rows();
            found.add(Deviation.of("drows", where, drows, result.drows(), width, SMALL_GRADIENT, DIFFERENCES_LIMIT));
            if (result.dcolumns() != null) {
                double[] dcolumns = differences.columns();
                found.add(Deviation.of(
                        "dcolumns", where, dcolumns, result.dcolumns(), width, SMALL_GRADIENT, DIFFERENCES_LIMIT));
            }
            found.add(repeated(where, result, run.run()));
        }
        return found;
    }

    private static Deviation finite(String where, float loss) {
        boolean finite = Float.isFinite(loss);
        return new Deviation(
                "loss", where, finite ? 0 : Double.POSITIVE_INFINITY, LOSS_LIMIT, finite ? "" : "loss is " + loss);
    }

    /** The results of one device against those of another: as exact as floats in another order are. */
    static List<Deviation> against(String where, LossProblem problem, LossResult expected, LossResult found) {
        List<Deviation> deviations = new ArrayList<>();
        int width = problem.shape().width();
        deviations.add(Deviation.of(
                "loss", where, new double[] {expected.loss()}, new float[] {found.loss()}, 0, 1, LOSS_LIMIT));
        deviations.add(Deviation.of(
                "drows", where, doubles(expected.drows()), found.drows(), width, SMALL_GRADIENT, GRADIENT_LIMIT));
        if (expected.dcolumns() != null) {
            deviations.add(Deviation.of(
                    "dcolumns",
                    where,
                    doubles(expected.dcolumns()),
                    found.dcolumns(),
                    width,
                    SMALL_GRADIENT,
                    GRADIENT_LIMIT));
        }
        return deviations;
    }

    private static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }
}
