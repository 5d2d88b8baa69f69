package io.github.vicmae.train;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.ScanReport;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.io.EventFile;
import io.github.vicmae.layer.ParameterPart;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.report.MonitorFacts;
import io.github.vicmae.report.ReconstructionGrid;
import io.github.vicmae.report.ReportData;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes a run's metrics and reports its progress. A run whose metrics cannot be written continues without them. */
final class RunLog implements AutoCloseable {
    /** The metric's name of a step's number. */
    static final String STEP = "step";

    /** The metric's name of the weighted sum of the losses. */
    static final String LOSS = "loss";

    /** The metric's name of the monitor's accuracy. */
    static final String KNN = "knn_top1";

    /** The metric's name of a classifier's accuracy on test samples. */
    static final String TEST_ACCURACY = "test_top1";

    private static final String EPOCH = "epoch";

    /**
     * The results of a step.
     *
     * @param weights of the losses in their sum
     * @param epoch passes over the data after it
     * @param gradientNorms of the model's parts
     * @param seconds that it took
     * @param waiting share of that time spent waiting for data
     * @param skipped files so far that could not be used
     * @param repeatedFrames how often so far two frames of a video that should differ were one and the same
     */
    record Step(
            long number,
            double epoch,
            Losses losses,
            double[] weights,
            double learningRate,
            float gradientNorm,
            Map<ParameterPart, Float> gradientNorms,
            double seconds,
            double waiting,
            int skipped,
            long repeatedFrames) {}

    private static final int MOST_PICTURES = 4;

    private final RunFolder run;
    private final Progress progress;
    private final int samples;
    private final long totalSteps;
    private final RateWindow rate = new RateWindow();
    private boolean failed;
    private EventFile events;
    private boolean eventsFailed;
    private double accuracy = Double.NaN;
    private String measure = "";

    /**
     * @param samples of a step
     * @param totalSteps of the run
     */
    RunLog(RunFolder run, Progress progress, int samples, long totalSteps) {
        this.run = run;
        this.progress = progress;
        this.samples = samples;
        this.totalSteps = totalSteps;
    }

    void step(Step step) {
        rate.add(step.seconds, step.waiting * step.seconds);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step.number);
        line.put(EPOCH, step.epoch);
        line.put(LOSS, step.losses.total());
        String[] losses = step.losses.names();
        for (int i = 0; i < losses.length; i++) {
            line.put(losses[i], step.losses.values()[i]);
            if (losses[i].equals(Losses.CONTRASTIVE)) {
                line.put("lambda", step.weights[i]);
            }
        }
        line.put("learning_rate", step.learningRate);
        line.put("gradient_norm", step.gradientNorm);
        step.gradientNorms.forEach((part, norm) -> line.put("gradient_norm_" + part, norm));
        line.put("pairs_per_second", samples / step.seconds);
        line.put("data_wait", step.waiting);
        line.put("skipped", step.skipped);
        line.put("repeated_frames", step.repeatedFrames);
        write(line);
        Map<String, Double> numbers = new LinkedHashMap<>();
        line.forEach((name, value) -> {
            if (!name.equals(STEP)) {
                numbers.put("train/" + name, ((Number) value).doubleValue());
            }
        });
        events(step.number, out -> out.scalars(now(), step.number, numbers));
        double secondsPerStep = rate.secondsPerStep();
        Duration left = Duration.ofMillis((long) (1000 * secondsPerStep * (totalSteps - step.number)));
        progress.step(new Progress.Update(
                step.number,
                totalSteps,
                step.epoch,
                step.losses,
                samples / secondsPerStep,
                rate.waitingShare(),
                left,
                accuracy,
                measure));
    }

    /** What the encoder is measured on from now on. */
    void monitored(long step, double epoch, MonitorFacts facts) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step);
        line.put(EPOCH, epoch);
        line.put("monitored", facts.line());
        write(line);
    }

    /** The accuracy that a resumed run had reached, for the progress. */
    void resumeAt(String metric, double value) {
        accuracy = value;
        measure = metric.equals(KNN) ? "k-NN" : "test";
    }

    /** An accuracy on labelled samples, 0 to 1. */
    void measured(long step, double epoch, String metric, double value) {
        resumeAt(metric, value);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step);
        line.put(EPOCH, epoch);
        line.put(metric, value);
        write(line);
        events(step, out -> out.scalars(now(), step, Map.of("eval/" + metric, value)));
    }

    /** Collapse figures of the encoder before its first step, on the data that the first epoch ends with. */
    void untrained(Map<String, Double> collapse) {
        if (!collapse.isEmpty()) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put(STEP, 0L);
            line.put(EPOCH, 0.0);
            line.put("untrained", collapse);
            write(line);
        }
    }

    /** Collapse figures at the end of an epoch. */
    void epoch(long step, double epoch, Map<String, Double> collapse) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step);
        line.put(EPOCH, epoch);
        line.put("collapse", collapse);
        write(line);
        if (!collapse.isEmpty()) {
            Map<String, Double> numbers = new LinkedHashMap<>();
            collapse.forEach((name, value) -> numbers.put("collapse/" + name, value));
            events(step, out -> out.scalars(now(), step, numbers));
        }
    }

    /** Reconstructions at the end of an epoch, for TensorBoard: of each sample's first view the input, masked, predicted and pasted. */
    void pictures(long step, List<ReportData.Sample> samples) {
        for (int i = 0; i < Math.min(MOST_PICTURES, samples.size()); i++) {
            String tag = "reconstruction/"
                    + (samples.get(i).kind().isEmpty() ? "" : samples.get(i).kind() + "/") + i;
            ReconstructionGrid.Images first = samples.get(i).views().get(0);
            events(step, out -> {
                BufferedImage strip = first.strip();
                out.image(now(), step, tag, strip.getHeight(), strip.getWidth(), ReconstructionGrid.png(strip));
            });
        }
    }

    private static double now() {
        return System.currentTimeMillis() / 1e3;
    }

    /** Appends to the run's event file. */
    private interface Events {
        void write(EventFile out) throws IOException;
    }

    private void events(long step, Events what) {
        if (eventsFailed) {
            return;
        }
        try {
            if (events == null) {
                events = EventFile.begin(run.path(), now(), step);
            }
            what.write(events);
        } catch (IOException e) {
            eventsFailed = true;
            progress.warning(
                    "TensorBoard's event file cannot be written, and the run goes on without it: " + e.getMessage());
        }
    }

    /** The run goes on from an earlier step with another learning rate; the metrics of later ones are dropped already. */
    void rolledBack(long step, double rateScale) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(STEP, step);
        line.put("rolled_back", Map.of("rate_scale", rateScale));
        write(line);
        if (events != null) {
            try {
                events.close();
            } catch (IOException e) {
                eventsFailed = true;
                progress.warning("TensorBoard's event file cannot be written, and the run goes on without it: "
                        + e.getMessage());
            }
            events = null; // the next file tells TensorBoard that later steps are void
        }
    }

    @Override
    public void close() throws IOException {
        if (events != null) {
            events.close();
        }
    }

    /** Reports once what was left out of the data: counts in the metrics, and a warning for each reason. */
    void leftOut(ScanReport report) {
        if (report.count() > 0) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("left_out", report.counts());
            write(line);
            report.sentences().forEach(progress::warning);
        }
    }

    /** Samples that the method cannot take, once; nothing if there are none. */
    void unused(String method, Kind kind, int count) {
        if (count > 0) {
            String kinds = kind == Kind.VIDEO ? "videos" : "images";
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("unused", Map.of(kinds, count));
            write(line);
            progress.warning("Left out " + count + " " + kinds + ": the " + method + " does not train on them");
        }
    }

    void skipped(SkippedFile file) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("skipped_file", file.name());
        line.put("reason", file.reason());
        write(line);
        progress.warning("Skipped " + file.name() + ": " + file.reason());
    }

    private void write(Map<String, ?> line) {
        try {
            run.metric(line);
        } catch (IOException e) {
            if (!failed) {
                failed = true;
                progress.warning("Metrics cannot be written, and the run goes on without them: " + e.getMessage());
            }
        }
    }
}
