package io.github.vicmae.train;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.report.AccuracyTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    private Passes passes;
    private final AtomicBoolean stop = new AtomicBoolean();
    private Measuring monitoring;
    private RunReport report;
    private SavedRun saved;
    private long lastSaveNanos = System.nanoTime();
    private RunState state;

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
        state = RunState.start(settings.checkpoints().keepBest());
        RunFolder.check(out, resume.allowed());
        plan = new RunPlan(settings);
        Schedule schedule = settings.schedule();
        run = RunFolder.open(out, settings, resume.allowed());
        log = new RunLog(run, progress, schedule.effectiveBatch(), plan.totalSteps());
        try {
            model = Objective.create(
                    device, settings.model(), schedule.batch(), settings.together(), settings.execution(device));
            optimizer = new AdamW(
                    model.kernels(),
                    model.parameters(),
                    settings.optimizer(),
                    settings.model().objective().averageDecay());
            passes = new Passes(settings, plan, model, optimizer, new Results());
            report = new RunReport(
                    out, passes, log, plan, settings.model(), model.parameters().count(), device.description());
            monitoring = settings.model().objective().hasDecoder()
                    ? new Monitoring(device, settings, plan, log, progress)
                    : new Validation(device, settings, plan.tested(), log, progress);
            saved = new SavedRun(run, settings.checkpoints(), model, plan.data(), progress);
            saved.requireSpace();
            boolean goesOn = saved.exists();
            if (goesOn) {
                plan.requireSamePast(run, saved.peek(resume).step(), saved.newest());
                boolean otherData = saved.isOfOtherData();
                load(resume);
                if (otherData) {
                    report.removeAfter(-1); // they show other samples
                }
            } else if (resume.fromStep() != null) {
                throw new IOException(out + " has no checkpoint to go on from");
            } else if (run.formerMetrics() != null) {
                progress.warning(out + " has no checkpoint: the run begins with its first step, and the metrics of the"
                        + " former one are in " + run.formerMetrics());
            }
            report.begin(step(), goesOn);
            run.writeSettings(settings);
            progress.started(plan.describe(model.parameters().count(), step()) + ", on " + device.description()
                    + monitoring.described());
            if (goesOn) {
                monitoring.resume(step(), plan.epoch(step()), run.metrics());
            } else {
                start();
                model.parameters().startAverages(model.stream());
            }
            log.leftOut(plan.data().report());
            if (plan.unlabelled() > 0) {
                progress.warning("Left out " + plan.unlabelled() + " samples that have no class");
            }
            for (Kind kind : Kind.values()) {
                log.unused(settings.model().objective().described(), kind, plan.unused(kind));
            }
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** The same; {@code resume}: whether to go on from the folder's newest checkpoint if there is one. */
    public Trainer(Device device, TrainSettings settings, Path out, boolean resume, Progress progress)
            throws IOException {
        this(device, settings, out, resume ? Resume.NEWEST : Resume.NEW, progress);
    }

    /** Measures the untrained model, which the trained one is compared with, and gives it the weights that it starts from. */
    private void start() throws IOException {
        report.removeAfter(-1); // of a run that was ended before its first checkpoint
        model.parameters().initialise(model.kernels(), settings.seed());
        try {
            log.untrained(passes.untrainedFigures());
            report.first();
        } catch (IOException e) {
            progress.warning("The untrained model could not be measured, and the run goes on: " + e.getMessage());
        } catch (DeviceException e) {
            goOnWithout("The untrained model could not be measured", e);
        }
        monitoring.begin(model.state());
        boolean isFresh = !InitialWeights.load(settings, model, progress);
        monitoring.measureStart(model.state(), isFresh);
        String advice = plan.advice();
        if (advice != null) {
            progress.advice(advice);
        }
    }

    private void load(Resume how) throws IOException {
        state = saved.load(how, measuredOn());
        optimizer.setSteps(step());
        run.truncateMetrics(step());
        report.removeAfter(step());
    }

    /** What the metric of the best model is measured on, empty for the run's own data. */
    private String measuredOn() {
        return settings.checkpoints().isBestByAccuracy() ? monitoring.id() : "";
    }

    /**
     * Notes for the report how the run was made.
     *
     * @param command the command line
     * @param version of the program
     */
    public void madeBy(String command, String version) {
        report.madeBy(command, version);
    }

    /**
     * Adds a table of what the finished encoder was found to be worth to the run's folder and its report.
     *
     * @throws IOException if they cannot be written
     */
    public void addResults(AccuracyTable results) throws IOException {
        report.add(results);
    }

    /** What the run has come to, as a line for the console; null if nothing was measured. */
    public String outcome() {
        return monitoring.outcome();
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
        // A run that was ended between its last checkpoint and its report has a report to write, and no steps.
        boolean worked = step() < totalSteps() || !Files.exists(run.model());
        if (step() < totalSteps()
                && settings.checkpoints().onNan() == CheckpointSettings.OnNan.ROLLBACK
                && saved.step() < 0) {
            tryToSave(() -> saved.save(state), "A checkpoint"); // something to go back to
        }
        while (step() < totalSteps() && !stop.get()) {
            try {
                trainOn();
            } catch (Passes.NotFiniteException e) {
                rollBack(e);
            }
        }
        boolean finished = step() >= totalSteps();
        saved.saveLast(state);
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
            passes.begin(step(), log::skipped);
            while (passes.submitted() < totalSteps() && !stop.get()) {
                passes.submit(state.rateScale());
                boolean saves = isSaveDue();
                // Checkpoints, reports and the end of the run need all steps before them.
                if (saves || endsEpoch(passes.submitted())) {
                    passes.finishAll();
                }
                if (saves) {
                    saveAndGoOn();
                    report();
                }
            }
            passes.finishAll();
        } catch (Passes.NoDataException e) {
            passes.finishAll();
            throw saved.withoutData(state, e);
        } finally {
            passes.end();
        }
    }

    /** Whether the last checkpoint is too old. */
    private boolean isSaveDue() {
        double minutes = settings.checkpoints().minutes();
        return minutes > 0 && (System.nanoTime() - lastSaveNanos) / 60e9 >= minutes;
    }

    /** Whether an epoch, or the run, is complete after so many steps. */
    private boolean endsEpoch(long steps) {
        return (long) plan.epoch(steps) > (long) plan.epoch(steps - 1) || steps == totalSteps();
    }

    /** Keeps count of the steps that are done. */
    private final class Results implements Passes.Results {
        @Override
        public void done(RunLog.Step step) throws IOException {
            state = state.afterStep(settings.checkpoints().deciding(step.losses()));
            log.step(step);
            if (endsEpoch(step())) {
                endEpoch();
            }
        }

        @Override
        public void lacking(String what, DeviceException e) {
            goOnWithout(what, e);
        }
    }

    /** Goes back to the last checkpoint with half the rate, if that is wanted and was not done too often. */
    private void rollBack(Passes.NotFiniteException e) throws IOException {
        boolean wanted = settings.checkpoints().onNan() == CheckpointSettings.OnNan.ROLLBACK;
        if (!wanted || saved.step() < 0) {
            throw new IOException(
                    e.getMessage() + "; the run stops. " + saved.lastGood()
                            + " A lower learning rate or clipping (--clip 1) may help"
                            + (wanted ? "." : ", or --on-nan rollback."),
                    e);
        }
        int rollbacks = state.rollbacks();
        if (rollbacks == MOST_ROLLBACKS) {
            throw new IOException(
                    e.getMessage() + ", after " + rollbacks + " rollbacks; the run stops. " + saved.lastGood(), e);
        }
        passes.discard();
        load(Resume.NEWEST); // of this run, whatever data it began with
        // Of several rollbacks to the same checkpoint, each halves the rate again.
        while (state.rollbacks() <= rollbacks) {
            state = state.afterRollback();
        }
        log.rolledBack(step(), state.rateScale());
        progress.warning(e.getMessage() + ". Rollback " + state.rollbacks() + " of " + MOST_ROLLBACKS
                + ": the run goes back to the checkpoint after step " + step() + ", with "
                + state.rateScale() + " times the learning rate");
        tryToSave(() -> saved.write(state), "A checkpoint");
    }

    /** Warns and continues: a device with too little memory for a copy to the host still trains. A lost device ends the run. */
    private void goOnWithout(String what, DeviceException e) {
        if (model.stream().device().isLost()) {
            throw e;
        }
        progress.warning(what + ", and the run goes on: " + e.getMessage());
    }

    private void endEpoch() throws IOException {
        log.epoch(step(), plan.epoch(step()), passes.collapseFigures());
        boolean isMeasured = monitoring.isDue((long) plan.epoch(step()), step() == totalSteps()) && tryToMeasure();
        double mean = state.epochMean();
        state = state.afterEpoch();
        if (settings.checkpoints().isBestByAccuracy()
                ? isMeasured
                : settings.checkpoints().keepBest() != null) {
            double value = settings.checkpoints().isBestByAccuracy() ? monitoring.last() : mean;
            tryToSave(() -> saved.saveIfBest(state, value, measuredOn()), "The best model");
        }
        boolean due = (long) plan.epoch(step()) % settings.checkpoints().every() == 0;
        if (due && step() < totalSteps()) {
            saveAndGoOn();
            report();
        }
    }

    /** Whether the model was measured; the run goes on without. */
    private boolean tryToMeasure() {
        try {
            monitoring.measure(step(), plan.epoch(step()), model.state());
            return true;
        } catch (IOException e) {
            progress.warning("The accuracy could not be measured, and the run goes on: " + e.getMessage());
            return false;
        } catch (DeviceException e) {
            goOnWithout("The accuracy could not be measured", e);
            return false;
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
            report.write(step());
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
            Closing.all(log, monitoring, passes, optimizer, model);
        }
    }
}
