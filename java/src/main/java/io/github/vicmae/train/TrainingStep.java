package io.github.vicmae.train;

import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Graph;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.layer.ParameterPart;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Runs training steps back to back. Both passes and the update are recorded once for each of the model's inputs and are a single launch from then
 * on; inputs are uploaded on their own stream while the previous step is computed; results are read when they are ready.
 *
 * <p>Where several passes of an update share their negatives ({@link Objective#create(Device, io.github.vicmae.objective.ModelConfig, int, int,
 * io.github.vicmae.model.Execution)}), each is submitted as it comes and its embeddings are computed; with the last of them, both passes are run for
 * all.
 *
 * <p>A step is {@link #next()}, filling the input that it returns, {@link #submit}, and later {@link #finish()}. As many steps may be pending as
 * the model has inputs. Not safe for use by several threads.
 */
public final class TrainingStep implements AutoCloseable {
    /** One of the model's inputs, with the events, results and recordings of a step on it. */
    private final class Slot implements AutoCloseable {
        private final StepInput input;
        private final List<DeviceViews> views;
        private final Event uploaded;
        private final Event done;
        private HostBuffer losses;
        private HostBuffer norm;
        private Graph passes;
        private Graph passesAndUpdate;
        private Graph embedding;
        private boolean recordedDrawn;
        private boolean updates;
        /** Whether the passes were given to the stream since the input was filled. */
        private boolean isRun;

        private final double[] weights;

        Slot(StepInput input, List<DeviceViews> views, Device device) {
            this.input = input;
            this.views = views;
            weights = new double[model.config().objective().losses().length];
            uploaded = device.newEvent();
            done = device.newEvent();
        }

        private void upload() {
            if (views == null) {
                input.upload(copies);
                return;
            }
            for (int i = 0; i < views.size(); i++) {
                views.get(i).upload(copies);
            }
            input.uploadRest(copies);
        }

        private void makeViews() {
            for (int i = 0; views != null && i < views.size(); i++) {
                views.get(i).make(model.kernels(), input.batch(i).images());
            }
        }

        private void passes() {
            if (!together) {
                makeViews();
            }
            model.enqueue(input, losses);
        }

        private void embedding() {
            makeViews();
            model.embed(input);
        }

        /** Computes the embeddings; as in {@link #run()} the first time eagerly. */
        private void embed() {
            if (!warm) {
                embedding();
                return;
            }
            forgetOtherMasks();
            if (embedding == null) {
                embedding = compute.record(this::embedding);
            }
            embedding.launch();
        }

        private void forgetOtherMasks() {
            if (recordedDrawn != input.drawsMasks()) {
                closeGraphs();
                recordedDrawn = input.drawsMasks();
            }
        }

        private void passesAndUpdate() {
            passes();
            optimizer.enqueue(input.optimizerScalars(), norm);
        }

        /** Runs the recorded step; the first step runs eagerly, so that one-time choices precede recording. */
        private void run() {
            if (!warm) {
                warm = true;
                if (updates) {
                    passesAndUpdate();
                } else {
                    passes();
                }
                return;
            }
            forgetOtherMasks();
            if (updates) {
                if (passesAndUpdate == null) {
                    passesAndUpdate = compute.record(this::passesAndUpdate);
                }
                passesAndUpdate.launch();
            } else {
                if (passes == null) {
                    passes = compute.record(this::passes);
                }
                passes.launch();
            }
        }

        private void closeGraphs() {
            Closing.all(passes, passesAndUpdate, embedding);
            passes = null;
            passesAndUpdate = null;
            embedding = null;
        }

        @Override
        public void close() {
            Closing.all(passes, passesAndUpdate, embedding, losses, norm, uploaded, done);
        }
    }

    /** The learning rate of a pass that only accumulates gradients. */
    public static final double NO_UPDATE = Double.NaN;

    private final Objective model;
    private final AdamW optimizer;
    private final Stream compute;
    private final Slot[] slots;
    /** Whether the inputs' samples are each other's negatives. */
    private final boolean together;

    private Graph contrast;
    private Stream copies;
    private boolean warm;
    private int filling;
    private int oldest;
    private int pending;
    private Slot finished;

    /** Steps on finished views. */
    public TrainingStep(Objective model, AdamW optimizer) {
        this(model, optimizer, null);
    }

    /**
     * @param model with one input or more
     * @param optimizer of the model's parameters
     * @param views makes each input's views on the device, loaded by the caller before {@link #submit}: for each input one for each of its batches,
     *     which stay the caller's; or null for finished views
     * @throws io.github.vicmae.device.DeviceException if the device has no streams, events or page-locked memory left
     */
    public TrainingStep(Objective model, AdamW optimizer, List<List<DeviceViews>> views) {
        this.model = model;
        this.optimizer = optimizer;
        compute = model.stream();
        together = model.workspace().together() > 1;
        slots = new Slot[model.inputCount()];
        Device device = compute.device();
        try {
            copies = device.newStream();
            for (int i = 0; i < slots.length; i++) {
                slots[i] = new Slot(model.input(i), views == null ? null : views.get(i), device);
                slots[i].losses = model.newResultsBuffer();
                slots[i].norm = optimizer.newNormBuffer();
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /**
     * The input to fill for the next step.
     *
     * @throws IllegalStateException if all inputs are in use: {@link #finish()} gives the oldest back
     */
    public StepInput next() {
        if (pending == slots.length) {
            throw new IllegalStateException("All " + pending + " inputs are in use; finish a step first");
        }
        return slots[filling].input;
    }

    /** Makes the views of the input that {@link #next()} returns; null if views come finished. */
    public List<DeviceViews> nextViews() {
        next();
        return slots[filling].views;
    }

    /** How many steps are pending: submitted, not finished. */
    public int pending() {
        return pending;
    }

    /** Whether there is an input to fill without waiting for a step. */
    public boolean hasRoom() {
        return pending < slots.length;
    }

    /** Whether a step is pending whose work is under way: of several passes that belong together, all must be submitted. */
    public boolean canFinish() {
        return pending > 0 && slots[oldest].isRun;
    }

    /** Whether {@link #finish()} has something to return without waiting. */
    public boolean isReady() {
        return canFinish() && slots[oldest].done.isReached();
    }

    /**
     * Uploads the input that {@link #next()} returned, adds the gradients of the weighted losses, and updates the parameters.
     *
     * @param weights of the losses, in the order of {@link io.github.vicmae.objective.ObjectiveConfig#losses()}
     * @param learningRate of the update, or {@link #NO_UPDATE} to leave the gradients for a later step to add to
     * @throws io.github.vicmae.device.DeviceException if the device fails
     */
    public void submit(double[] weights, double learningRate) {
        Slot slot = slots[filling];
        next();
        slot.input.weights(weights);
        System.arraycopy(weights, 0, slot.weights, 0, weights.length);
        slot.updates = !Double.isNaN(learningRate);
        if (slot.updates) {
            optimizer.prepare(learningRate, slot.input.host().floats(), slot.input.optimizerOffset());
        }
        slot.upload(); // the slot is free: the step that read it last is done
        slot.uploaded.record(copies);
        compute.waitFor(slot.uploaded);
        slot.isRun = false;
        if (together) {
            slot.embed();
        } else {
            run(slot);
        }
        pending++;
        filling = (filling + 1) % slots.length;
        if (together && filling == 0) {
            compareAll(slot);
        }
    }

    private void run(Slot slot) {
        slot.run();
        slot.done.record(compute);
        slot.isRun = true;
    }

    /** The second part of a step whose inputs are all there. */
    private void compareAll(Slot last) {
        if (!warm) {
            model.contrast(last.input);
        } else {
            if (contrast == null) {
                contrast = compute.record(() -> model.contrast(last.input));
            }
            contrast.launch();
        }
        for (Slot slot : slots) {
            run(slot);
        }
    }

    /**
     * Waits for the oldest step that is not finished, and frees its input; {@link #losses()} and {@link #gradientNorm()} are its results.
     *
     * @throws IllegalStateException if there is none
     * @throws io.github.vicmae.device.DeviceException if the device failed
     */
    public void finish() {
        if (!canFinish()) {
            throw new IllegalStateException("No step was submitted that is not finished");
        }
        Slot slot = slots[oldest];
        slot.done.synchronize();
        finished = slot;
        pending--;
        oldest = (oldest + 1) % slots.length;
        model.countStep();
    }

    /** The losses of the step that was finished last, until another one is submitted. */
    public Losses losses() {
        return model.results(finished.losses, finished.weights);
    }

    /** The 2-norm of all gradients before clipping at the step that was finished last, if that was an update. */
    public float gradientNorm() {
        return finished.norm.floats().get(0);
    }

    /** The same for each part of the model. */
    public Map<ParameterPart, Float> gradientNorms() {
        Map<ParameterPart, Float> norms = new EnumMap<>(ParameterPart.class);
        for (int i = 0; i < optimizer.parts().size(); i++) {
            norms.put(optimizer.parts().get(i), finished.norm.floats().get(optimizer.place(i)));
        }
        return norms;
    }

    /** Whether the last finished step had finite losses and gradients; an update with gradients that are not finite is skipped. */
    public boolean isFinite() {
        return losses().isFinite() && (!finished.updates || Float.isFinite(gradientNorm()));
    }

    /** The input of the step that was finished last; it holds the step's data until it is filled again. */
    public StepInput finishedInput() {
        return finished.input;
    }

    /**
     * Runs both passes of the step that was finished last again, without an update, and names the first tensor that is not finite.
     *
     * @return its name, or null if all are finite
     */
    public String firstNonFinite() {
        compute.synchronize();
        finished.passes();
        compute.synchronize();
        return model.firstNonFinite(finished.input);
    }

    /** Waits for all that was submitted and forgets it, with the gradients that it left; the parameters may have been updated. */
    void discard() {
        compute.synchronize();
        copies.synchronize();
        compute.zero(model.parameters().gradients());
        compute.synchronize();
        pending = 0;
        filling = 0;
        oldest = 0;
        finished = null;
    }

    @Override
    public void close() {
        // Work that is still in the streams uses the slots.
        Closing.all(this::drain, copies, contrast, () -> Closing.all(slots));
    }

    private void drain() {
        if (!compute.isClosed() && !compute.device().isLost()) {
            compute.synchronize();
        }
    }
}
