package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.report.ReportData;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The steps of a run: feeds the model's inputs, submits the passes of each update, and hands out their results in order, while later ones are under
 * way.
 */
final class Passes implements AutoCloseable {
    /** Receives the results of steps, from the thread that submits them. */
    interface Results {
        /** A step is done. */
        void done(RunLog.Step step) throws IOException;

        /** Something that does not stop the run failed. */
        void lacking(String what, DeviceException e);
    }

    /** A step gave a value that is not finite. */
    static final class NotFiniteException extends IOException {
        private static final long serialVersionUID = 1;

        NotFiniteException(String message) {
            super(message);
        }
    }

    /** No more data can be read. */
    static final class NoDataException extends IOException {
        private static final long serialVersionUID = 1;

        NoDataException(IOException cause) {
            super(cause.getMessage(), cause);
        }
    }

    /** What is known about a pass when it is submitted. */
    private record Submitted(long step, int part, double[] weights, double rate, long startNanos, long waitNanos) {}

    private final TrainSettings settings;
    private final RunPlan plan;
    private final Objective model;
    private final List<Feed> feeds;
    private final int accumulate;
    private final TrainingStep steps;
    private final CollapseProbe collapse;
    private final LastBatch lastBatch;
    private final FixedPictures fixedPictures;
    private final Results results;
    private final Deque<Submitted> inFlight = new ArrayDeque<>();
    private Losses sum;
    private long submitted;
    private long lastEndNanos;

    Passes(TrainSettings settings, RunPlan plan, Objective model, AdamW optimizer, Results results) {
        this.settings = settings;
        this.plan = plan;
        this.model = model;
        this.results = results;
        feeds = plan.feeds();
        accumulate = settings.schedule().accumulate();
        try {
            steps = new TrainingStep(model, optimizer, deviceViews());
        } catch (RuntimeException | Error e) {
            Closing.after(e, () -> Closing.all(feeds.toArray(AutoCloseable[]::new)));
            throw e;
        }
        collapse = new CollapseProbe(model, plan.batchesPerEpoch());
        lastBatch = new LastBatch(model, feeds);
        fixedPictures = new FixedPictures(model, feeds);
    }

    /** For each input one for each feed; null where views are made on the host. */
    private List<List<DeviceViews>> deviceViews() {
        if (!settings.loading().deviceViews()) {
            return null;
        }
        feeds.forEach(feed -> feed.makeDeviceViews(model.stream().device(), model.inputCount()));
        List<List<DeviceViews>> views = new ArrayList<>();
        for (int i = 0; i < model.inputCount(); i++) {
            int input = i;
            views.add(feeds.stream().map(feed -> feed.deviceViews().get(input)).toList());
        }
        return views;
    }

    /** Starts to read data for the step after so many. */
    void begin(long step, Consumer<SkippedFile> onSkip) throws IOException {
        for (Feed feed : feeds) {
            feed.open(step * accumulate, onSkip);
        }
        submitted = step;
    }

    /** Stops reading data. */
    void end() {
        feeds.forEach(Feed::stop);
    }

    /** Steps that were submitted so far, in the whole run. */
    long submitted() {
        return submitted;
    }

    /**
     * Submits a step's passes, and collects the results of earlier ones that are ready or block the next.
     *
     * @param rateScale factor of the learning rate
     * @throws NotFiniteException if a step's losses or gradients are not finite
     * @throws NoDataException if no more data can be read
     */
    void submit(double rateScale) throws IOException {
        long start = System.nanoTime();
        long waited = waitNanos();
        double[] weights = settings.model().objective().weights(submitted, plan.totalSteps());
        double[] shares = Arrays.stream(weights).map(w -> w / accumulate).toArray();
        double rate = rateScale * plan.rates().at(submitted);
        for (int part = 0; part < accumulate; part++) {
            load(submitted * accumulate + part);
            boolean last = part == accumulate - 1;
            long wait = waitNanos() - waited;
            inFlight.addLast(new Submitted(submitted, part, weights, rate, start, wait));
            steps.submit(shares, last ? rate : TrainingStep.NO_UPDATE);
            probe((submitted * accumulate + part) % plan.batchesPerEpoch());
            if (last) {
                submitted++;
            }
            while (steps.isReady() || !steps.hasRoom()) {
                finishPass();
            }
        }
    }

    private void load(long pass) throws IOException {
        StepInput input = steps.next();
        input.drawMasks(true);
        for (int i = 0; i < feeds.size(); i++) {
            Batch batch = next(feeds.get(i));
            try {
                ViewInput views = input.batch(i);
                if (settings.loading().deviceViews()) {
                    steps.nextViews().get(i).load(batch.frames());
                } else {
                    int values = batch.views().capacity();
                    input.host().floats().put(views.imagesOffset(), batch.views(), 0, values);
                }
                views.keys(batch.noiseKeys());
                lastBatch.remember(i, batch, input);
                model.fill(input, batch.labels(), settings.seed(), pass);
            } finally {
                batch.release();
            }
        }
    }

    private static Batch next(Feed feed) throws NoDataException {
        try {
            return feed.next();
        } catch (IOException e) {
            throw new NoDataException(e);
        }
    }

    /** Time spent waiting for data. */
    private long waitNanos() {
        return feeds.stream().mapToLong(Feed::waitNanos).sum();
    }

    /** Collects features for the collapse figures. */
    private void probe(long batchOfEpoch) {
        try {
            collapse.add(batchOfEpoch);
        } catch (DeviceException e) {
            results.lacking("The collapse figures lack the features of step " + (submitted + 1), e);
        }
    }

    /** Waits for all that was submitted. */
    void finishAll() throws IOException {
        while (steps.canFinish()) {
            finishPass();
        }
    }

    private void finishPass() throws IOException {
        steps.finish();
        Submitted pass = inFlight.removeFirst();
        requireFinite(pass.step + 1);
        sum = steps.losses().addedTo(pass.part == 0 ? null : sum, accumulate);
        if (pass.part < accumulate - 1) {
            return;
        }
        long number = pass.step + 1;
        long now = System.nanoTime();
        // While steps overlap, a step's time is the time between the ends of two steps.
        double seconds = (now - Math.max(lastEndNanos, pass.startNanos)) / 1e9;
        lastEndNanos = now;
        results.done(new RunLog.Step(
                number,
                plan.epoch(number),
                sum,
                pass.weights,
                pass.rate,
                steps.gradientNorm(),
                steps.gradientNorms(),
                seconds,
                pass.waitNanos / 1e9 / seconds,
                feeds.stream().mapToInt(Feed::skipped).sum(),
                feeds.stream().mapToLong(Feed::repeatedFrames).sum()));
    }

    private void requireFinite(long number) throws NotFiniteException {
        if (!steps.isFinite()) {
            String where = steps.firstNonFinite();
            throw new NotFiniteException("Step " + number + " gave a value that is not finite"
                    + (where == null ? "" : ", first seen in '" + where + "'"));
        }
    }

    /** Forgets all that was submitted. */
    void discard() {
        steps.discard();
        inFlight.clear();
        sum = null;
        collapse.clear();
    }

    /** The collapse figures of the epoch that is ending. */
    Map<String, Double> collapseFigures() {
        return collapse.figures();
    }

    /** The collapse figures of the model as it is before the first step; nothing may be under way. */
    Map<String, Double> untrainedFigures() throws IOException {
        return UntrainedFigures.of(model, feeds, steps.next(), plan.batchesPerEpoch());
    }

    /** Reconstructions of the last step's samples; nothing may be under way. */
    List<ReportData.Sample> lastReconstructions() {
        return model.autoencoder(0) == null ? List.of() : lastBatch.reconstructions();
    }

    /** Reconstructions of the run's fixed samples, which overwrite those of the last step; nothing may be under way. */
    List<ReportData.Sample> fixedReconstructions() throws IOException {
        return model.autoencoder(0) == null ? List.of() : fixedPictures.reconstruct(steps.next());
    }

    @Override
    public void close() {
        Closing.all(steps, () -> Closing.all(feeds.toArray(AutoCloseable[]::new)));
    }
}
