package io.github.vicmae.train;

import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.model.Losses;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is known of a run as it goes: lines of its metrics, and its progress. A run whose metrics cannot be written goes on without. */
final class RunLog {
    /** The metric's name of a step's number. */
    static final String STEP = "step";

    private static final String EPOCH = "epoch";
    /** What the last step counts for in the rate that is shown. */
    private static final double RATE_WINDOW = 0.1;

    /**
     * What a step gave.
     *
     * @param epoch passes over the data after it
     * @param seconds that it took
     * @param waiting the share of them that went by waiting for data
     * @param skipped files so far that could not be used
     */
    record Step(
            long number,
            double epoch,
            Losses losses,
            double lambda,
            double learningRate,
            float gradientNorm,
            double seconds,
            double waiting,
            int skipped) {}

    private final RunFolder run;
    private final Progress progress;
    private final int pairs;
    private final long totalSteps;
    private double secondsPerStep;
    private boolean failed;

    /**
     * @param pairs of a step
     * @param totalSteps of the run
     */
    RunLog(RunFolder run, Progress progress, int pairs, long totalSteps) {
        this.run = run;
        this.progress = progress;
        this.pairs = pairs;
        this.totalSteps = totalSteps;
    }

    void step(Step step) {
        double seconds = step.seconds;
        secondsPerStep = secondsPerStep == 0 ? seconds : secondsPerStep + RATE_WINDOW * (seconds - secondsPerStep);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step.number);
        line.put(EPOCH, step.epoch);
        line.put("loss", step.losses.total());
        line.put("reconstruction", step.losses.reconstruction());
        line.put("contrastive", step.losses.contrastive());
        line.put("lambda", step.lambda);
        line.put("learning_rate", step.learningRate);
        line.put("gradient_norm", step.gradientNorm);
        line.put("pairs_per_second", pairs / seconds);
        line.put("data_wait", step.waiting);
        line.put("skipped", step.skipped);
        write(line);
        Duration left = Duration.ofMillis((long) (1000 * secondsPerStep * (totalSteps - step.number)));
        progress.step(
                new Progress.Update(step.number, totalSteps, step.epoch, step.losses, pairs / secondsPerStep, left));
    }

    /** The figures of collapse at an epoch's end. */
    void epoch(long step, double epoch, Map<String, Double> collapse) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step);
        line.put(EPOCH, epoch);
        line.put("collapse", collapse);
        write(line);
    }

    void skipped(SkippedFile file) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("skipped_file", file.path().toString());
        line.put("reason", file.reason());
        write(line);
        progress.warning("Skipped " + file.path() + ": " + file.reason());
    }

    private void write(Map<String, ?> line) {
        try {
            run.metric(line);
        } catch (IOException e) {
            if (!failed) {
                failed = true;
                progress.warning("Metrics cannot be written, and the run goes on without: " + e.getMessage());
            }
        }
    }
}
