package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.MisfitException;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.report.Report;
import io.github.vicmae.report.ReportData;
import io.github.vicmae.report.Snapshots;
import java.io.IOException;
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
    private static final int MOST_ROLLBACKS = 3;

    private final TrainSettings settings;
    private final RunFolder run;
    private final Progress progress;
    private final RunLog log;
    private final RunPlan plan;
    private Objective model;
    private AdamW optimizer;
    private TrainingStep steps;
    private final List<Feed> feeds;
    private final AtomicBoolean stop = new AtomicBoolean();
    private CollapseProbe collapse;
    private LastBatch lastBatch;
    private FixedPictures fixedPictures;
    private Snapshots snapshots;
    private SavedRun saved;
    private final int accumulate;
    private final Deque<Submitted> inFlight = new ArrayDeque<>();
    private Losses sum;
    private long submittedSteps;
    private long lastEndNanos;
    private long lastSaveNanos = System.nanoTime();
    private RunState state = RunState.START;

    /**
     * Prepares a run: whatever is wrong with the settings, the data or the folder is reported here, before any work.
     *
     * @param out the run's folder
     * @param resume whether and how to go on from a checkpoint in the folder, if there is one
     * @throws IOException if the data or the folder cannot be used
     * @throws IllegalArgumentException if the settings do not fit the data
     */
    public Trainer(Device device, TrainSettings settings, Path out, Resume resume, Progress progress)
            throws IOException {
        this.settings = settings;
        this.progress = progress;
        RunFolder.check(out, resume.allowed());
        plan = new RunPlan(settings);
        feeds = plan.feeds();
        Schedule schedule = settings.schedule();
        accumulate = schedule.accumulate();
        run = RunFolder.open(out, settings, resume.allowed());
        log = new RunLog(run, progress, schedule.effectiveBatch(), plan.totalSteps());
        try {
            model = Objective.create(
                    device, settings.model(), schedule.batch(), settings.together(), settings.execution(device));
            optimizer = new AdamW(model.kernels(), model.parameters(), settings.optimizer());
            steps = new TrainingStep(model, optimizer, makeDeviceViews(device));
            collapse = new CollapseProbe(model, plan.batchesPerEpoch());
            lastBatch = new LastBatch(model, feeds);
            fixedPictures = new FixedPictures(model, feeds);
            snapshots = new Snapshots(out);
            saved = new SavedRun(run, settings.checkpoints(), model, plan.data(), progress);
            saved.requireSpace();
            if (saved.exists()) {
                load(resume);
                requireSamePast();
            } else {
                start();
            }
            run.writeSettings(settings);
            progress.started(describe(device));
            log.leftOut(plan.data().report());
            for (Kind kind : Kind.values()) {
                log.unused(settings.model().objective().described(), kind, plan.unused(kind));
            }
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** The same; {@code resume} is whether to go on from the folder's newest checkpoint if there is one. */
    public Trainer(Device device, TrainSettings settings, Path out, boolean resume, Progress progress)
            throws IOException {
        this(device, settings, out, resume ? Resume.NEWEST : Resume.NEW, progress);
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

    private String describe(Device device) {
        return plan.data().videos() + " videos and " + plan.data().images() + " images, "
                + model.parameters().count()
                + " parameters, " + plan.totalSteps() + " steps"
                + (step() > 0 ? ", going on after step " + step() : "") + ", on " + device.description();
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

    private void load(Resume how) throws IOException {
        state = saved.load(how);
        optimizer.setSteps(step());
        run.truncateMetrics(step());
        snapshots.removeAfter(step());
    }

    /** Another number of epochs is accepted where it changes nothing of what is done already. */
    private void requireSamePast() throws IOException {
        int epochs = settings.schedule().epochs();
        int former = run.formerEpochs();
        if (former == epochs) {
            return;
        }
        if (plan.totalSteps() < step()) {
            throw new IOException("The run in " + run.path() + " has done " + step() + " steps, and " + epochs
                    + " epochs have only " + plan.totalSteps());
        }
        if (!plan.hasSamePast(former, step())) {
            throw new IOException("The run in " + run.path() + " was planned for " + former + " epochs; with " + epochs
                    + " its steps so far would have had other learning rates or weights of the losses. To train on,"
                    + " begin a new run with --init " + saved.newest()
                    + "; a run with --decay constant (and --lambda-ramp constant) can be extended");
        }
    }

    /** Asks the run to save and stop after the current step; may be called from any thread. */
    public void requestStop() {
        stop.set(true);
    }

    /** Steps done so far. */
    public long step() {
        return state.step();
    }

    /** Steps of the whole run. */
    public long totalSteps() {
        return plan.totalSteps();
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
                    "The run stops after step " + step() + ". " + saved.lastGood() + " The device failed: "
                            + e.getMessage(),
                    e);
        }
    }

    private boolean runSteps() throws IOException {
        boolean worked = step() < totalSteps();
        if (worked && settings.checkpoints().onNan() == CheckpointSettings.OnNan.ROLLBACK && saved.step() < 0) {
            saved.save(state); // something to go back to
        }
        while (step() < totalSteps() && !stop.get()) {
            try {
                trainOn();
            } catch (NotFiniteException e) {
                rollBack(e);
            }
        }
        boolean finished = step() >= totalSteps();
        saved.save(state);
        if (finished) {
            saved.saveModel(state);
        }
        if (worked) { // else the report that is there says more
            report();
        }
        return finished;
    }

    /** Trains to the end or until a stop is asked for. */
    private void trainOn() throws IOException {
        try {
            for (Feed feed : feeds) {
                feed.open(step() * accumulate, log::skipped);
            }
            submittedSteps = step();
            while (submittedSteps < totalSteps() && !stop.get()) {
                trainStep();
            }
            finishAll();
        } finally {
            feeds.forEach(Feed::stop);
        }
    }

    /** A step gave a value that is not finite. */
    private static final class NotFiniteException extends IOException {
        private static final long serialVersionUID = 1;

        NotFiniteException(String message) {
            super(message);
        }
    }

    /** Goes back to the last checkpoint with half the rate, if that is wanted and was not done too often. */
    private void rollBack(NotFiniteException e) throws IOException {
        if (settings.checkpoints().onNan() != CheckpointSettings.OnNan.ROLLBACK) {
            throw new IOException(
                    e.getMessage() + "; the run stops. " + saved.lastGood()
                            + " A lower learning rate, clipping (--clip 1) or --on-nan rollback may help.",
                    e);
        }
        int rollbacks = state.rollbacks();
        if (rollbacks == MOST_ROLLBACKS) {
            throw new IOException(
                    e.getMessage() + ", after " + rollbacks + " rollbacks; the run stops. " + saved.lastGood(), e);
        }
        steps.discard();
        inFlight.clear();
        sum = null;
        collapse.clear();
        load(Resume.NEWEST);
        // Of several rollbacks to the same checkpoint, each halves the rate again.
        while (state.rollbacks() <= rollbacks) {
            state = state.afterRollback();
        }
        log.rolledBack(step(), state.rateScale());
        progress.warning(e.getMessage() + ". Rollback " + state.rollbacks() + " of " + MOST_ROLLBACKS
                + ": the run goes back to the checkpoint after step " + step() + ", with "
                + state.rateScale() + " times the learning rate");
        saved.write(state);
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
        double[] weights = settings.model().objective().weights(submittedSteps, totalSteps());
        double[] shares = Arrays.stream(weights).map(w -> w / accumulate).toArray();
        double rate = state.rateScale() * plan.rates().at(submittedSteps);
        for (int part = 0; part < accumulate; part++) {
            load();
            boolean last = part == accumulate - 1;
            long wait = waitNanos() - waited;
            inFlight.addLast(new Submitted(submittedSteps, part, weights, rate, start, wait));
            steps.submit(shares, last ? rate : TrainingStep.NO_UPDATE);
            probe((submittedSteps * accumulate + part) % plan.batchesPerEpoch());
            if (last) {
                submittedSteps++;
            }
            while (steps.isReady() || !steps.hasRoom()) {
                finishPass();
            }
        }
        // Checkpoints, reports and the end of the run need all steps before them.
        if (endsEpoch(submittedSteps) || isSaveDue()) {
            finishAll();
        }
        if (isSaveDue() && saved.step() != step()) {
            saveAndGoOn();
        }
    }

    /** Whether an epoch, or the run, is complete after so many steps. */
    private boolean endsEpoch(long steps) {
        return (long) plan.epoch(steps) > (long) plan.epoch(steps - 1) || steps == totalSteps();
    }

    /** Whether the last checkpoint is too old. */
    private boolean isSaveDue() {
        double minutes = settings.checkpoints().minutes();
        return minutes > 0 && (System.nanoTime() - lastSaveNanos) / 60e9 >= minutes;
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
        state = state.afterStep(bestBy());
        long now = System.nanoTime();
        // While steps overlap, a step's time is the time between the ends of two steps.
        double seconds = (now - Math.max(lastEndNanos, pass.startNanos)) / 1e9;
        lastEndNanos = now;
        log.step(new RunLog.Step(
                step(),
                plan.epoch(step()),
                sum,
                pass.weights,
                pass.rate,
                steps.gradientNorm(),
                steps.gradientNorms(),
                seconds,
                pass.waitNanos / 1e9 / seconds,
                feeds.stream().mapToInt(Feed::skipped).sum(),
                feeds.stream().mapToLong(Feed::repeatedFrames).sum()));
        if (endsEpoch(step())) {
            endEpoch();
        }
    }

    /** The loss whose best model is kept. */
    private double bestBy() {
        String name = settings.checkpoints().keepBest();
        int index = name == null ? -1 : List.of(sum.names()).indexOf(name);
        return index < 0 ? sum.total() : sum.values()[index];
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
            if (step() == 0) {
                throw e;
            }
            try {
                saved.save(state);
            } catch (IOException unsaved) {
                e.addSuppressed(unsaved);
            }
            throw new IOException(
                    e.getMessage() + " The run stops after step " + step() + ". "
                            + (saved.step() == step() ? saved.newest() + " holds it." : saved.lastGood()),
                    e);
        }
    }

    private void requireFinite(boolean finite, long number) throws NotFiniteException {
        if (!finite) {
            String where = steps.firstNonFinite();
            throw new NotFiniteException("Step " + (number + 1) + " gave a value that is not finite"
                    + (where == null ? "" : ", first seen in '" + where + "'"));
        }
    }

    private void endEpoch() throws IOException {
        log.epoch(step(), plan.epoch(step()), collapse.figures());
        double mean = state.epochMean();
        state = state.afterEpoch();
        if (settings.checkpoints().keepBest() != null) {
            tryToSave(() -> saved.saveIfBest(state, mean), "The best model");
        }
        boolean due = plan.epoch(step()) - plan.epoch(Math.max(0, saved.step()))
                >= settings.checkpoints().every();
        if (due && step() < totalSteps()) {
            saveAndGoOn();
            report();
        }
    }

    private void saveAndGoOn() {
        lastSaveNanos = System.nanoTime();
        tryToSave(() -> saved.save(state), "A checkpoint");
    }

    private interface Saving {
        void save() throws IOException;
    }

    /** A failure to save is only a warning: the model is still in memory, and the next save may succeed. */
    private void tryToSave(Saving saving, String what) {
        try {
            saving.save();
        } catch (IOException e) {
            progress.warning(e.getMessage() + " The run goes on.");
        } catch (DeviceException e) {
            goOnWithout(what + " could not be written, " + saved.kept(), e);
        }
    }

    /** Writes the report; a failure here does not stop the run. */
    private void report() {
        try {
            List<ReportData.Sample> reconstructions = lastBatch.reconstructions();
            // Overwrites the input and the predictions of the last batch.
            List<ReportData.Sample> fixed = fixedPictures.reconstruct(steps.next());
            log.pictures(step(), fixed);
            snapshots.add(step(), fixed);
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
