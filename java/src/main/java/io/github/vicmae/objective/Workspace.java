package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.model.Counters;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.optim.AdamW;
import java.util.List;

/**
 * What an objective holds on a device: the stream that it runs on, its parameters, activations and inputs, and the losses of a step. Layers
 * declare what they need while the objective is made; the memory is then taken at once, and a step takes none.
 */
public final class Workspace implements AutoCloseable {
    private final int batch;
    private final int together;
    private final boolean averages;
    private int normParts = 1;
    private final List<ViewBatch> views;
    private final Execution execution;
    private final Kernels kernels;
    private final Parameters parameters = new Parameters();
    private final Arena arena = new Arena("activations");
    private final Scratch scratch = new Scratch();
    private final Counters counters = new Counters();
    private final Context context;
    private final StepInput[] inputs;
    private final int lossValues;
    private Tensor losses;
    private HostBuffer lossesHost;

    /**
     * Makes the stream; nothing else is taken yet.
     *
     * @param batch samples of a forward pass
     * @param together how many of these share their negatives
     * @throws io.github.vicmae.device.DeviceException if the device has no stream left
     */
    Workspace(Device device, ModelConfig config, int batch, int together, Execution execution) {
        ObjectiveConfig objective = config.objective();
        this.batch = batch;
        this.together = together;
        this.execution = execution;
        averages = objective.averageDecay() > 0;
        views = objective.batches(config.trunk(), batch);
        inputs = new StepInput[together > 1 ? together : execution.inputs()];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = new StepInput(i, views, objective.values(config.trunk(), batch), objective.losses().length);
        }
        // A reconstruction loss for each view of each batch, then the others.
        lossValues = views.stream().mapToInt(v -> v.views() - v.extra()).sum() + objective.lossValues();
        kernels = Kernels.onNewStream(device);
        context = new Context(kernels, parameters, arena, scratch, true, execution.precision());
    }

    /** Declares the losses; after the activations, so that diagnostics meet them in the order of the computation. */
    public Tensor declareLosses() {
        return declareLosses(lossValues);
    }

    /** Declares another number of losses, for an objective that reads them itself. */
    public Tensor declareLosses(int count) {
        losses = arena.floats("losses", count);
        return losses;
    }

    /** Declares a counter of batches for each BatchNorm among the parameters, under its published name. */
    public void countBatchNorms() {
        String variance = ".running_var";
        for (Parameter p : parameters.all()) {
            if (p.name().endsWith(variance)) {
                counters.declare(p.name().replace(variance, ".num_batches_tracked"));
            }
        }
    }

    /** Ends the declarations: from now on the memory is known. */
    void plan() {
        if (averages) {
            parameters.average();
        }
        scratch.plan(arena);
        parameters.plan(true, execution.precision());
    }

    /** Takes the memory. */
    void allocate() {
        Device device = stream().device();
        parameters.allocate(device, stream());
        arena.allocate(device);
        for (StepInput input : inputs) {
            input.allocate(device);
        }
        lossesHost = newLossesBuffer();
    }

    /** Splits each view's samples for the heads' BatchNorm, as if they came in so many batches; before the objective is made. */
    void splitNorm(int parts) {
        normParts = parts;
    }

    /** Parts of each view whose statistics are taken apart. */
    int normParts() {
        return normParts;
    }

    /** How many batches of a step share their negatives: 1 unless embeddings are cached. */
    public int together() {
        return together;
    }

    /** Samples of a forward pass. */
    public int batch() {
        return batch;
    }

    /** The views of a step, batch after batch. */
    public List<ViewBatch> views() {
        return views;
    }

    /** How the model is computed. */
    public Execution execution() {
        return execution;
    }

    /** What layers are made with. */
    public Context context() {
        return context;
    }

    public Kernels kernels() {
        return kernels;
    }

    public Stream stream() {
        return kernels.stream();
    }

    public Parameters parameters() {
        return parameters;
    }

    /** Activations and their gradients. */
    public Arena arena() {
        return arena;
    }

    /** The kernels' common scratch memory. */
    public Scratch scratch() {
        return scratch;
    }

    /** What is counted as the model is trained. */
    public Counters counters() {
        return counters;
    }

    StepInput input(int index) {
        return inputs[index];
    }

    int inputCount() {
        return inputs.length;
    }

    /** The losses of a step: a reconstruction loss for each view of each batch, then the others. */
    public Tensor losses() {
        return losses;
    }

    HostBuffer lossesHost() {
        return lossesHost;
    }

    HostBuffer newLossesBuffer() {
        return stream().device().hostBuffer(losses.bytes());
    }

    /** The device memory that training takes, the optimizer's included. */
    MemoryPlan memory() {
        long inputBytes = 0;
        for (StepInput input : inputs) {
            inputBytes += input.bytes();
        }
        return MemoryPlan.of(parameters, arena, AdamW.bytes(stream(), parameters), inputBytes);
    }

    @Override
    public void close() {
        // The stream first: it waits for the work that uses the rest.
        Closing.all(stream(), () -> Closing.all(inputs), lossesHost, arena, parameters);
    }
}
