package io.github.vicmae.train;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.optim.RateSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Pre-training inside another program: samples, or finished views, come from the program; checkpoints go where it says. The steps are {@link
 * TrainingStep}'s, with the learning rates, weights of losses and draws of the settings, so that the same views and masks give the same losses as a run of
 * {@link Trainer}.
 *
 * <pre>{@code
 * TrainSettings settings = Pretrainer.settings(Map.of("model.size", "ti8", "schedule.batch", 32, "schedule.epochs", 10));
 * try (Device device = Device.auto(); Pretrainer pretrainer = Pretrainer.on(device, settings, batchesPerEpoch)) {
 *     pretrainer.train(samples, step -> System.out.println(step.number() + " " + step.losses().total()));
 *     pretrainer.saveModel(Path.of("model.safetensors"));
 * }
 * }</pre>
 *
 * <p>Everything random depends on the seed and the number of the step alone: one that goes on from a checkpoint takes the steps, to the bit, that it
 * would have taken uninterrupted, given the samples that come next. Calls from several threads are done one after the other; {@link #stop()} and
 * {@link #close()} interrupt {@link #train} after its step.
 */
public final class Pretrainer implements AutoCloseable {
    /**
     * A step that was done.
     *
     * @param number from 1
     * @param losses over all its samples
     * @param rate the learning rate of its update
     * @param gradientNorm the 2-norm of all gradients before clipping
     */
    public record Step(long number, Losses losses, double rate, float gradientNorm) {}

    /** What a checkpoint must have in common with the run that goes on from it. */
    private static final String RUN = "pretrainer";

    private static final String SUFFIX = ".safetensors";

    /** Fills a pass's input. */
    private interface Filling {
        void fill(StepInput input, long pass, int part);
    }

    private final TrainSettings settings;
    private final int batchesPerEpoch;
    private final long totalSteps;
    private final RateSchedule rates;
    private final InputFilling filling;
    private Objective model;
    private AdamW optimizer;
    private TrainingStep steps;
    private volatile boolean stopped;
    private volatile boolean closed;
    private RunState state = RunState.start(null);

    private Pretrainer(Device device, TrainSettings settings, int batchesPerEpoch) {
        if (batchesPerEpoch < 1) {
            throw new IllegalArgumentException("An epoch has at least 1 batch, not " + batchesPerEpoch);
        }
        if (!settings.model().objective().hasDecoder() || settings.monitor().measures()) {
            throw new IllegalArgumentException("A Pretrainer trains without labels and measures no accuracy: give it"
                    + " settings of a pre-training method without a monitor; Trainer has both");
        }
        this.settings = settings;
        this.batchesPerEpoch = batchesPerEpoch;
        Schedule schedule = settings.schedule();
        totalSteps = schedule.steps(batchesPerEpoch);
        rates = schedule.rates(batchesPerEpoch);
        filling = new InputFilling(viewSettings(), settings.seed(), schedule.batch(), batchesPerEpoch);
        try {
            model = Objective.create(
                    device, settings.model(), schedule.batch(), settings.together(), settings.execution(device));
            if (model.workspace().views().size() != 1) {
                throw new IllegalArgumentException(
                        "The " + settings.model().objective().described()
                                + " takes several batches in a step; a Pretrainer gives it one. Use Trainer");
            }
            optimizer = new AdamW(
                    model.kernels(),
                    model.parameters(),
                    settings.optimizer(),
                    settings.model().objective().averageDecay());
            steps = new TrainingStep(model, optimizer);
        } catch (RuntimeException | Error e) {
            Closing.after(e, steps, optimizer, model);
            throw e;
        }
    }

    /**
     * Settings from single values; all others are those that the method was published with, or the defaults.
     *
     * @param values by key, such as {@code schedule.epochs}; {@code model.size} and {@code model.objective.method} name presets, and
     *     {@link TrainSettings} has the others
     * @throws IllegalArgumentException with one sentence, if there is no such setting, a value is refused, or values do not go together
     */
    public static TrainSettings settings(Map<String, ?> values) {
        return new SettingsBuilder()
                .values(Map.of("data", List.of("the program's own")))
                .values(values)
                .build(Device.Kind.CPU);
    }

    /**
     * A model with fresh weights, or those that the settings name with {@code init}.
     *
     * @param settings of which where data lie, how they are loaded, and when a run is saved have no use here
     * @param device stays the caller's, and must be closed after this
     * @param batchesPerEpoch forward passes that make an epoch of the schedule
     * @throws IOException if the weights to start from cannot be read or do not fit
     * @throws IllegalArgumentException if the settings are not for this
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public static Pretrainer on(Device device, TrainSettings settings, int batchesPerEpoch) throws IOException {
        return begin(device, settings, batchesPerEpoch, pretrainer -> {
            Objective model = pretrainer.model;
            model.parameters().initialise(model.kernels(), settings.seed());
            InitialWeights.load(settings, model, new LoggedWarnings());
            model.parameters().startAverages(model.stream());
        });
    }

    /**
     * One that goes on from a checkpoint that {@link #save} wrote.
     *
     * @throws IOException if it cannot be read, or was written with other settings
     */
    public static Pretrainer resume(Device device, TrainSettings settings, int batchesPerEpoch, Path checkpoint)
            throws IOException {
        return begin(device, settings, batchesPerEpoch, pretrainer -> pretrainer.load(checkpoint));
    }

    private interface Start {
        void prepare(Pretrainer pretrainer) throws IOException;
    }

    private static Pretrainer begin(Device device, TrainSettings settings, int batchesPerEpoch, Start start)
            throws IOException {
        Pretrainer pretrainer = new Pretrainer(device, settings, batchesPerEpoch);
        try {
            start.prepare(pretrainer);
            return pretrainer;
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, pretrainer);
            throw e;
        }
    }

    private void load(Path checkpoint) throws IOException {
        try (Safetensors file = Safetensors.open(checkpoint)) {
            String of = file.metadata().get(RUN);
            if (!described().equals(of)) {
                throw new IOException(checkpoint
                        + (of == null
                                ? " is no checkpoint of a Pretrainer"
                                : " was written with other settings: " + of + " then, " + described() + " now"));
            }
            state = RunState.of(file.metadata());
            Checkpoint.load(file, model.state(), true);
            optimizer.setSteps(state.step());
        }
    }

    /** All that decides the steps. */
    private String described() {
        return settings.model().json() + ", " + settings.schedule() + ", " + settings.optimizer() + ", "
                + settings.views() + ", " + settings.compute().precision() + ", seed " + settings.seed() + ", "
                + batchesPerEpoch + " batches an epoch";
    }

    /** How samples become views: their number, size, mean and deviation. */
    public ViewSettings viewSettings() {
        return settings.viewSettings(0);
    }

    /** Samples of a step. */
    public int samplesPerStep() {
        return settings.schedule().effectiveBatch();
    }

    /** Steps that are done. */
    public synchronized long step() {
        return state.step();
    }

    /** Steps of the whole schedule. */
    public long totalSteps() {
        return totalSteps;
    }

    /**
     * Makes views of samples and does a step with them.
     *
     * @param samples {@link #samplesPerStep()}
     * @throws IllegalArgumentException if there are more or fewer, or one has not as many frames as its views want; nothing is done then
     * @throws ArithmeticException if a loss or gradient is not finite; the step does not count and changes no weights, but statistics that a head keeps
     *     may be lost: go on from a checkpoint
     */
    public synchronized Step step(List<TrainingSample> samples) {
        requireMore();
        return takeStep(samples);
    }

    /** As long as the lock is held, the memory is there, whether or not {@link #close} was called. */
    private Step takeStep(List<TrainingSample> samples) {
        if (samples.size() != samplesPerStep()) {
            throw new IllegalArgumentException("A step takes " + samplesPerStep() + " samples, not " + samples.size());
        }
        samples.forEach(filling::require); // before anything is submitted
        int batch = settings.schedule().batch();
        return run((input, pass, part) -> filling.fill(input, samples.subList(part * batch, (part + 1) * batch), pass));
    }

    /**
     * Does a step with finished views.
     *
     * @param passes one for each forward pass of the step
     * @throws IllegalArgumentException if there are more or fewer passes or values than the settings say; nothing is done then
     * @throws ArithmeticException as {@link #step(List)}
     */
    public synchronized Step stepOn(TrainingViews... passes) {
        requireMore();
        int accumulate = settings.schedule().accumulate();
        if (passes.length != accumulate) {
            throw new IllegalArgumentException(
                    "A step takes the views of " + accumulate + " forward passes, not " + passes.length);
        }
        for (TrainingViews pass : passes) {
            filling.require(pass);
        }
        return run((input, pass, part) -> filling.fill(input, passes[part], pass));
    }

    /** Submits a step's passes and waits for them. */
    private Step run(Filling toFill) {
        int accumulate = settings.schedule().accumulate();
        long step = state.step();
        double[] weights = settings.model().objective().weights(step, totalSteps);
        double[] shares = Arrays.stream(weights).map(w -> w / accumulate).toArray();
        double rate = rates.at(step);
        Losses sum = null;
        try {
            for (int part = 0; part < accumulate; part++) {
                long pass = step * accumulate + part;
                StepInput input = steps.next();
                input.drawMasks(true);
                toFill.fill(input, pass, part);
                steps.submit(shares, part == accumulate - 1 ? rate : TrainingStep.NO_UPDATE);
                while (steps.canFinish() && (part == accumulate - 1 || !steps.hasRoom())) {
                    sum = finish(sum, step + 1);
                }
            }
        } catch (RuntimeException | Error e) {
            abandon(e);
            throw e;
        }
        state = state.afterStep(sum.total());
        return new Step(state.step(), sum, rate, steps.gradientNorm());
    }

    private Losses finish(Losses before, long number) {
        steps.finish();
        if (!steps.isFinite()) {
            String where = steps.firstNonFinite();
            throw new ArithmeticException("Step " + number + " gave a value that is not finite"
                    + (where == null ? "" : ", first seen in '" + where + "'")
                    + ". A lower learning rate or clipping (optimizer.clipNorm 1) may help");
        }
        return steps.losses().addedTo(before, settings.schedule().accumulate());
    }

    /** A step that failed half-way leaves no gradients. */
    private void abandon(Throwable e) {
        try {
            steps.discard();
            optimizer.setSteps(state.step());
        } catch (RuntimeException other) {
            e.addSuppressed(other);
        }
    }

    /**
     * Trains until the schedule or the samples end, or a stop is asked for. No more samples are taken than are trained on, but for those that are too
     * few for a last step.
     *
     * @param samples of any order; an iterator that begins anew trains for several epochs
     * @param onStep told after each step; it may save, and stop
     * @return the samples that were left over, too few for a step
     * @throws ArithmeticException as {@link #step(List)}
     */
    public synchronized List<TrainingSample> train(Iterator<TrainingSample> samples, Consumer<Step> onStep) {
        requireOpen();
        List<TrainingSample> batch = new ArrayList<>();
        try {
            while (!stopped && !closed && state.step() < totalSteps) {
                while (batch.size() < samplesPerStep() && samples.hasNext()) {
                    batch.add(samples.next());
                }
                if (batch.size() < samplesPerStep()) {
                    break;
                }
                Step step = takeStep(batch);
                batch.clear();
                onStep.accept(step);
            }
        } finally {
            stopped = false;
        }
        return batch;
    }

    /**
     * Ends {@link #train} after the step that it is at, or the next call of it before its first; may be called from any thread, and from the
     * callback.
     */
    public void stop() {
        stopped = true;
    }

    /**
     * Writes a checkpoint that {@link #resume} goes on from; a file of that name is replaced only when the new one is complete.
     *
     * @param file ends in .safetensors
     * @throws IOException if it cannot be written
     */
    public synchronized void save(Path file) throws IOException {
        write(file, true);
    }

    /**
     * Writes the trained model, which {@link io.github.vicmae.eval.Encoder#load} and every command of the library take, without the optimizer's state.
     *
     * @param file ends in .safetensors
     * @throws IOException if it cannot be written
     */
    public synchronized void saveModel(Path file) throws IOException {
        write(file, false);
    }

    private void write(Path file, boolean withOptimizer) throws IOException {
        requireOpen();
        if (!file.toString().endsWith(SUFFIX)) {
            throw new IllegalArgumentException("The file is written as " + SUFFIX + ", so name it so, not " + file);
        }
        Map<String, String> texts = state.metadata();
        if (withOptimizer) {
            texts.put(RUN, described());
        }
        Checkpoint.save(file, model.state(), withOptimizer, texts);
    }

    /** The model in training. */
    public synchronized Objective model() {
        requireOpen();
        return model;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("The Pretrainer is closed");
        }
    }

    private void requireMore() {
        requireOpen();
        if (state.step() >= totalSteps) {
            throw new IllegalStateException("All " + totalSteps + " steps of the schedule are done");
        }
    }

    /** Waits for a step that is under way, and gives the memory back. */
    @Override
    public void close() {
        closed = true; // seen by train, which holds the lock
        synchronized (this) {
            Closing.all(steps, optimizer, model);
            steps = null;
            optimizer = null;
            model = null;
        }
    }
}
