package io.github.vicmae.objective;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.model.ModelState;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import java.io.IOException;

/**
 * A method in training: which views are encoded, which heads follow, which losses are taken. A class that implements it holds the maths, forward
 * above backward; memory is {@link Workspace}'s, and what goes wrong is found by {@link NonFinite}.
 *
 * <p>One step: an {@link #input} is filled and uploaded, {@link #enqueue} gives both passes to the stream, and the optimizer uses the
 * gradients. {@link #forwardBackward} does the first two and waits. For one thread at a time.
 */
public interface Objective extends AutoCloseable {
    /**
     * Makes a model and takes its memory; parameters are not initialised.
     *
     * @param batch samples of a forward pass
     * @throws IllegalArgumentException if the batch is too small for the method
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    static Objective create(Device device, ModelConfig config, int batch, Execution execution) {
        return create(device, config, batch, 1, execution);
    }

    /**
     * The same for steps of several forward passes whose samples are each other's negatives: {@link #embed} is run for each, then {@link
     * #contrast}, and then both passes for each. There are as many inputs as passes.
     *
     * @param together forward passes of a step; 1 if each is on its own
     */
    static Objective create(Device device, ModelConfig config, int batch, int together, Execution execution) {
        Objective objective = planned(device, config, batch, together, execution);
        try {
            objective.workspace().allocate();
            for (int i = 0; i < objective.workspace().views().size(); i++) {
                if (objective.autoencoder(i) != null) {
                    objective.autoencoder(i).prepare(objective.viewSettings(i).deviation());
                }
            }
            objective.prepare();
            return objective;
        } catch (RuntimeException | Error e) {
            Closing.after(e, objective);
            throw e;
        }
    }

    /** In floats, with all activations kept and one input. */
    static Objective create(Device device, ModelConfig config, int batch) {
        return create(device, config, batch, Execution.DEFAULT);
    }

    /** A model without memory, which can say how much it would take. */
    static Objective planned(Device device, ModelConfig config, int batch, int together, Execution execution) {
        config.objective().requireBatch(batch);
        Workspace workspace = new Workspace(device, config, batch, together, execution);
        try {
            Objective objective = config.objective().on(workspace, config);
            workspace.plan();
            return objective;
        } catch (RuntimeException | Error e) {
            Closing.after(e, workspace);
            throw e;
        }
    }

    /** What it was made from. */
    ModelConfig config();

    /** What it holds on the device. */
    Workspace workspace();

    /** Runs once on the device after the memory was taken. */
    default void prepare() {}

    /** Gives the forward pass on an uploaded input to the stream, the losses included. */
    void forward(StepInput input);

    /** Gives the backward pass to the stream: it adds to the parameters' gradients. */
    void backward(StepInput input);

    /** The first of two passes over one of several batches that belong together: its features are collected. */
    default void embed(StepInput input) {
        throw new UnsupportedOperationException(config().objective().method() + " has nothing to collect");
    }

    /** Compares the features of all batches, once all are collected. */
    default void contrast(StepInput input) {
        throw new UnsupportedOperationException(config().objective().method() + " has nothing to compare");
    }

    /** Counts a step that was run. */
    default void countStep() {}

    /** Encoder and decoder over one of the batches of views: predictions and masks of the last step. Null if nothing is reconstructed. */
    default MaskedAutoencoder autoencoder(int batch) {
        return null;
    }

    /** How samples become the views of a batch. */
    default ViewSettings viewSettings(int batch) {
        return config().objective().viewSettings(config().trunk(), batch);
    }

    /** [views * batch, D]: the last step's pooled features, first views first, or null if the objective has none. */
    default Tensor pooled() {
        return null;
    }

    /** [rows, classes]: the last step's logits, or null if the objective is no classifier. */
    default Tensor logits() {
        return null;
    }

    /**
     * Writes what a step needs besides its views, which are in the input's host memory already.
     *
     * @param labels the samples' classes
     * @param seed of the run
     * @param pass the forward pass, counted over the run
     */
    default void fill(StepInput input, int[] labels, long seed, long pass) {}

    /**
     * A checkpoint as a run of this objective starts from it.
     *
     * @throws IOException if it cannot
     */
    default TensorSource startingFrom(TensorSource checkpoint) throws IOException {
        return checkpoint;
    }

    /**
     * Gives the part of the forward pass that makes the {@linkplain #pooled() pooled features} to the stream, on an uploaded input. It overwrites
     * activations, and nothing else.
     *
     * @return false if the objective has no pooled features, or makes them in a step alone
     */
    default boolean pool(StepInput input) {
        return false;
    }

    /** Whether a checkpoint that training starts from may lack this parameter, which then keeps its initial value. */
    default boolean isOptional(String parameter) {
        return false;
    }

    /** Samples of a step. */
    default int batch() {
        return workspace().batch();
    }

    default Stream stream() {
        return workspace().stream();
    }

    default Kernels kernels() {
        return workspace().kernels();
    }

    default Parameters parameters() {
        return workspace().parameters();
    }

    /** The inputs that the model was made with, from 0. */
    default StepInput input(int index) {
        return workspace().input(index);
    }

    /** How many {@linkplain #input inputs} there are. */
    default int inputCount() {
        return workspace().inputCount();
    }

    /** What a checkpoint keeps. */
    default ModelState state() {
        return new ModelState(config().json(), parameters(), workspace().counters(), kernels());
    }

    /** The device memory that training takes, this model's and its optimizer's. */
    default MemoryPlan memory() {
        return workspace().memory();
    }

    /**
     * Gives both passes on an uploaded input to the stream, and the download of the losses; nothing is waited for, and the launches are the same
     * every time.
     *
     * @param results receives what {@link #results} reads
     */
    default void enqueue(StepInput input, HostBuffer results) {
        forward(input);
        backward(input);
        stream().download(results, 0, workspace().losses());
    }

    /** Host memory for a step's losses. */
    default HostBuffer newResultsBuffer() {
        return workspace().newLossesBuffer();
    }

    /**
     * A step's losses, once its download is done.
     *
     * @param weights of the losses in the sum, in the order of {@link ObjectiveConfig#losses()}
     */
    default Losses results(HostBuffer from, double... weights) {
        String[] names = config().objective().losses();
        double[] values = new double[names.length];
        int at = 0;
        int loss = 0;
        for (ViewBatch batch : workspace().views()) {
            int views = batch.views() - batch.extra();
            values[loss++] = mean(from, at, views);
            at += views;
        }
        if (loss < values.length) { // one further loss, of one or several values
            values[loss] = mean(from, at, config().objective().lossValues());
        }
        return Losses.of(names, values, weights);
    }

    private static double mean(HostBuffer from, int first, int count) {
        double mean = 0;
        for (int i = 0; i < count; i++) {
            mean += (double) from.floats().get(first + i) / count;
        }
        return mean;
    }

    /**
     * Uploads the first input, runs both passes on it and adds the gradients of the weighted sum of the losses.
     *
     * @param weights of the losses, in the order of {@link ObjectiveConfig#losses()}
     * @return the losses
     */
    default Losses forwardBackward(double... weights) {
        input(0).weights(weights);
        input(0).upload(stream());
        enqueue(input(0), workspace().lossesHost());
        stream().synchronize();
        countStep();
        return results(workspace().lossesHost(), weights);
    }

    /**
     * Names the first tensor that holds a value that is not finite after a step on this input.
     *
     * @return its name, or null if all are finite
     */
    default String firstNonFinite(StepInput input) {
        return NonFinite.first(workspace(), input);
    }

    @Override
    default void close() {
        workspace().close();
    }
}
