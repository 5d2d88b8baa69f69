package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.MisfitException;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.optim.CosineSchedule;
import io.github.vicmae.report.Report;
import io.github.vicmae.report.ReportData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Pre-trains a model: batches in, losses and gradients, an update, metrics, and a checkpoint every epoch. A resumed run takes
 * exactly the steps that it would have taken uninterrupted.
 */
public final class Trainer implements AutoCloseable {
    private final TrainSettings settings;
    private final RunFolder run;
    private final Progress progress;
    private final RunLog log;
    private final Dataset data;
    private Objective model;
    private AdamW optimizer;
    private TrainingStep steps;
    private final List<Feed> feeds = new ArrayList<>();
    private final CosineSchedule schedule;
    private final AtomicBoolean stop = new AtomicBoolean();
    private CollapseProbe collapse;
    private LastBatch lastBatch;
    private SavedRun saved;
    private final int accumulate;
    private final int batchesPerEpoch;
    private final long totalSteps;
    private final Deque<Submitted> inFlight = new ArrayDeque<>();
    private Losses sum;
    private long submittedSteps;
    private long lastEndNanos;
    private long step;

    /**
     * Prepares a run: whatever is wrong with the settings, the data or the folder is reported here, before any work.
     *
     * @param out the run's folder
     * @param resume whether to go on from the folder's checkpoint if there is one
     * @throws IOException if the data or the folder cannot be used
     * @throws IllegalArgumentException if the settings do not fit the data
     */
    public Trainer(Device device, TrainSettings settings, Path out, boolean resume, Progress progress)
            throws IOException {
        this.settings = settings;
        this.progress = progress;
        RunFolder.check(out, resume);
        data = Dataset.scan(settings.data().stream().map(Path::of).toList());
        TrainSettings.Schedule plan = settings.schedule();
        List<ViewBatch> batches =
                settings.model().objective().batches(settings.model().trunk(), plan.batch());
        for (int i = 0; i < batches.size(); i++) {
            feeds.add(new Feed(settings, data, batches.get(i), i));
        }
        batchesPerEpoch = feeds.stream().mapToInt(Feed::batchesPerEpoch).max().orElseThrow();
        accumulate = plan.accumulate();
        totalSteps = Math.max(1, (long) batchesPerEpoch * plan.epochs() / accumulate);
        schedule = new CosineSchedule(
                plan.peakLearningRate(), Math.round(totalSteps * plan.warmupEpochs() / plan.epochs()), totalSteps);
        run = RunFolder.open(out, settings, resume);
        log = new RunLog(run, progress, plan.effectiveBatch(), totalSteps);
        try {
            model = Objective.create(
                    device, settings.model(), plan.batch(), settings.together(), settings.execution(device));
            optimizer = new AdamW(model.kernels(), model.parameters(), settings.optimizer());
            steps = new TrainingStep(model, optimizer, makeDeviceViews(device));
            collapse = new CollapseProbe(model, batchesPerEpoch);
            lastBatch = new LastBatch(model, feeds);
            saved = new SavedRun(run, model, data.fingerprint());
            if (Files.exists(run.checkpoint())) {
                resume();
            } else {
                start();
            }
            progress.started(describe(device));
            log.leftOut(data.report());
            for (Kind kind : Kind.values()) {
                log.unused(settings.model().objective().described(), kind, unused(kind));
            }
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** For each input one for each feed; null where views are made on the host. */
    private List<List<DeviceViews>> makeDeviceViews(Device device) {
        if (!settings.loading().deviceViews()) {
            return null;
        }
        feeds.forEach(feed -> feed.makeDeviceViews(device, model.inputCount()));
        List<List<DeviceViews>> views = new ArrayList<>();
        for (int i = 0; i < model.inputCount(); i++) {
            int input = i;
            views.add(feeds.stream().map(feed -> feed.deviceViews().get(input)).toList());
        }
        return views;
    }

    /** Samples of a kind that no batch takes. */
    private int unused(Kind kind) {
        boolean taken = feeds.stream().anyMatch(feed -> feed.takes(kind));
        return taken ? 0 : kind == Kind.VIDEO ? data.videos() : data.images();
    }

    /** Passes over the data after so many steps. */
    private double epoch(long steps) {
        return (double) steps * accumulate / batchesPerEpoch;
    }

    private String describe(Device device) {
        return data.videos() + " videos and " + data.images() + " images, "
                + model.parameters().count()
                + " parameters, " + totalSteps + " steps" + (step > 0 ? ", going on after step " + step : "") + ", on "
                + device.description();
    }

    private void start() throws IOException {
        model.parameters().initialise(model.kernels(), settings.seed());
        if (settings.init() != null) {
            try (TensorSource source = TensorSource.open(Path.of(settings.init()))) {
                if (settings.initPartial()) {
                    List<String> kept = Checkpoint.startPartly(source, model.state());
                    if (!kept.isEmpty()) {
                        progress.warning("Of " + settings.init() + " only a part fits. These begin afresh: "
                                + String.join(", ", kept));
                    }
                    return;
                }
                List<String> passedOver = Checkpoint.start(source, model.state(), model::isOptional);
                if (!passedOver.isEmpty()) {
                    progress.warning(settings.init() + " holds tensors that this model does not use; they are ignored: "
                            + String.join(", ", passedOver));
                }
            } catch (MisfitException e) {
                throw new IOException(e.getMessage() + "\n--init-partial takes what fits.", e);
            }
        }
    }

    private void resume() throws IOException {
        step = saved.load();
        optimizer.setSteps(step);
        run.truncateMetrics(step);
    }

    /** Asks the run to save and stop after the current step; may be called from any thread. */
    public void requestStop() {
        stop.set(true);
    }

    /** Steps done so far. */
    public long step() {
        return step;
    }

    /** Steps of the whole run. */
    public long totalSteps() {
        return totalSteps;
    }

    /** What is trained. */
    public Objective model() {
        return model;
    }

    /**
     * Trains to the end, or until {@link #requestStop()}.
     *
     * @return whether the run is complete
     * @throws IOException if no data can be read any more, a loss is not finite, or the last checkpoint cannot be written; the message names the
     *     last good checkpoint
     * @throws DeviceException if the device fails; the message names the last good checkpoint
     */
    public boolean run() throws IOException {
        try {
            return runSteps();
        } catch (DeviceException e) {
            throw new DeviceException(
                    "The run stops after step " + step + ". " + saved.lastGood() + " The device failed: "
                            + e.getMessage(),
                    e);
        }
    }

    private boolean runSteps() throws IOException {
        boolean worked = step < totalSteps;
        if (worked) {
            long done = step * accumulate;
            try {
                for (Feed feed : feeds) {
                    feed.open(done, log::skipped);
                }
                submittedSteps = step;
                while (submittedSteps < totalSteps && !stop.get()) {
                    trainStep();
                }
                finishAll();
            } finally {
                feeds.forEach(Feed::stop);
            }
        }
        boolean finished = step >= totalSteps;
        saved.save(step);
        if (finished) {
            saved.saveModel(step);
        }
        if (worked) { // else the report that is there says more
            report();
        }
        return finished;
    }

    /** What is known about a pass when it is submitted. */
    private record Submitted(long step, int part, double[] weights, double rate, long startNanos, long waitNanos) {}

    /**
     * Submits a step's passes, and collects the results of earlier ones that are ready or block the next. Waits where a step's results or
     * tensors are needed.
     */
    private void trainStep() throws IOException {
        long start = System.nanoTime();
        long waited = waitNanos();
        double[] weights = settings.model().objective().weights(submittedSteps, totalSteps);
        double[] shares = Arrays.stream(weights).map(w -> w / accumulate).toArray();
        double rate = schedule.at(submittedSteps);
        for (int part = 0; part < accumulate; part++) {
            load();
            boolean last = part == accumulate - 1;
            long wait = waitNanos() - waited;
            inFlight.addLast(new Submitted(submittedSteps, part, weights, rate, start, wait));
            steps.submit(shares, last ? rate : TrainingStep.NO_UPDATE);
            probe((submittedSteps * accumulate + part) % batchesPerEpoch);
            if (last) {
                submittedSteps++;
            }
            while (steps.isReady() || !steps.hasRoom()) {
                finishPass();
            }
        }
        // Checkpoints, reports and the end of the run need all steps before them.
        if ((long) epoch(submittedSteps) > (long) epoch(submittedSteps - 1) || submittedSteps == totalSteps) {
            finishAll();
        }
    }

    /** Time spent waiting for data. */
    private long waitNanos() {
        return feeds.stream().mapToLong(Feed::waitNanos).sum();
    }

    private void finishAll() throws IOException {
        while (steps.canFinish()) {
            finishPass();
        }
    }

    private void finishPass() throws IOException {
        steps.finish();
        Submitted pass = inFlight.removeFirst();
        requireFinite(steps.isFinite(), pass.step);
        sum = steps.losses().addedTo(pass.part == 0 ? null : sum, accumulate);
        if (pass.part < accumulate - 1) {
            return;
        }
        step++;
        long now = System.nanoTime();
        // While steps overlap, a step's time is the time between the ends of two steps.
        double seconds = (now - Math.max(lastEndNanos, pass.startNanos)) / 1e9;
        lastEndNanos = now;
        log.step(new RunLog.Step(
                step,
                epoch(step),
                sum,
                pass.weights,
                pass.rate,
                steps.gradientNorm(),
                seconds,
                pass.waitNanos / 1e9 / seconds,
                feeds.stream().mapToInt(Feed::skipped).sum(),
                feeds.stream().mapToLong(Feed::repeatedFrames).sum()));
        if ((long) epoch(step) > (long) epoch(step - 1) || step == totalSteps) {
            endEpoch();
        }
    }

    /** Collects features for the collapse figures; a failure here does not stop the run. */
    private void probe(long batchOfEpoch) {
        try {
            collapse.add(batchOfEpoch);
        } catch (DeviceException e) {
            goOnWithout("The collapse figures lack the features of step " + (submittedSteps + 1), e);
        }
    }

    /** Warns and continues: a device with too little memory for a copy to the host still trains. A lost device ends the run. */
    private void goOnWithout(String what, DeviceException e) {
        if (model.stream().device().isLost()) {
            throw e;
        }
        progress.warning(what + ", and the run goes on: " + e.getMessage());
    }

    private void load() throws IOException {
        StepInput input = steps.next();
        input.drawMasks(true);
        for (int i = 0; i < feeds.size(); i++) {
            Batch batch = next(feeds.get(i));
            try {
                ViewInput views = input.batch(i);
                if (settings.loading().deviceViews()) {
                    steps.nextViews().get(i).load(batch.frames());
                } else {
                    input.host()
                            .floats()
                            .put(
                                    views.imagesOffset(),
                                    batch.views(),
                                    0,
                                    batch.views().capacity());
                }
                views.keys(batch.noiseKeys());
                lastBatch.remember(i, batch, input);
            } finally {
                batch.release();
            }
        }
    }

    /** The next batch. If no more data can be read, the model is saved before the run fails. */
    private Batch next(Feed feed) throws IOException {
        try {
            return feed.next();
        } catch (IOException e) {
            finishAll();
            if (step == 0) {
                throw e;
            }
            try {
                saved.save(step);
            } catch (IOException unsaved) {
                e.addSuppressed(unsaved);
            }
            throw new IOException(
                    e.getMessage() + " The run stops after step " + step + ". "
                            + (saved.step() == step ? run.checkpoint() + " holds it." : saved.lastGood()),
                    e);
        }
    }

    private void requireFinite(boolean finite, long number) throws IOException {
        if (!finite) {
            String where = steps.firstNonFinite();
            throw new IOException("Step " + (number + 1) + " gave a value that is not finite"
                    + (where == null ? "" : ", first seen in '" + where + "'")
                    + "; the run stops. " + saved.lastGood()
                    + " A lower learning rate or clipping (--clip 1) may help.");
        }
    }

    private void endEpoch() throws IOException {
        log.epoch(step, epoch(step), collapse.figures());
        if (epoch(step) - epoch(Math.max(0, saved.step())) >= settings.checkpointEvery() && step < totalSteps) {
            saveAndGoOn();
            report();
        }
    }

    /** Writes a checkpoint. A failure is only a warning: the model is still in memory, and the next save may succeed. */
    private void saveAndGoOn() {
        try {
            saved.save(step);
        } catch (IOException e) {
            progress.warning(e.getMessage() + " The run goes on.");
        } catch (DeviceException e) {
            goOnWithout("A checkpoint could not be written, " + saved.kept(), e);
        }
    }

    /** Writes the report; a failure here does not stop the run. */
    private void report() {
        try {
            List<ReportData.Sample> reconstructions = lastBatch.reconstructions();
            log.pictures(step, reconstructions);
            Report.write(run.path(), reconstructions);
        } catch (IOException e) {
            progress.warning("The report could not be written: " + e.getMessage());
        } catch (DeviceException e) {
            goOnWithout("The report could not be written", e);
        } catch (RuntimeException e) {
            progress.warning("The report could not be written, and the run goes on: " + e);
        }
    }

    @Override
    public void close() throws IOException {
        try (run) {
            Closing.all(log, steps, () -> Closing.all(feeds.toArray(AutoCloseable[]::new)), optimizer, model);
        }
    }
}
