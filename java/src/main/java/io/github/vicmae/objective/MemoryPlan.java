package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.Parameters;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.model.Execution;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The device memory that training a model takes, in bytes. It is known before any is taken; what the driver keeps for itself comes on top.
 *
 * @param parameters values and buffers in floats
 * @param rounded the products' copy of the values in bfloat16
 * @param gradients of the parameters
 * @param moments the optimizer's two
 * @param activations what the forward pass leaves for the backward pass
 * @param activationGradients gradients of activations
 * @param workspace the kernels' scratch memory, and the optimizer's
 * @param inputs views, noise, and the step's numbers, for as many steps as can be under way
 */
public record MemoryPlan(
        long parameters,
        long rounded,
        long gradients,
        long moments,
        long activations,
        long activationGradients,
        long workspace,
        long inputs) {
    /** The prefix of the names of activation gradients. */
    static final String GRADIENT = "d ";

    static MemoryPlan of(Parameters parameters, Arena arena, long optimizer, long inputs) {
        long rounded = parameters.rounded() == null ? 0 : parameters.rounded().bytes();
        long gradients = parameters.gradients().bytes();
        long moments =
                parameters.firstMoments().bytes() + parameters.secondMoments().bytes();
        long activationGradients = 0;
        long workspace = 0;
        for (Tensor t : arena.tensors()) {
            if (t.name().equals(Scratch.NAME)) {
                workspace += t.bytes();
            } else if (t.name().startsWith(GRADIENT)) {
                activationGradients += t.bytes();
            }
        }
        return new MemoryPlan(
                parameters.bytes() - rounded - gradients - moments,
                rounded,
                gradients,
                moments,
                arena.bytes() - activationGradients - workspace,
                activationGradients,
                workspace + optimizer,
                inputs);
    }

    /**
     * The plan for training a model on a device of some kind, whether there is one here or not.
     *
     * @param batch samples of a forward pass
     * @param together forward passes of a step whose samples are each other's negatives; 1 if each is on its own
     * @throws IllegalArgumentException if the batch is too small, or a tensor would have more than 2^31 - 1 rows or columns
     */
    public static MemoryPlan of(Device.Kind kind, ModelConfig config, int batch, int together, Execution execution) {
        try (Objective model = Objective.planned(new PlanningDevice(kind), config, batch, together, execution)) {
            return model.memory();
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "A step of " + batch + " samples is too large for this model: a size is over 2^31 - 1", e);
        }
    }

    /** The same where each forward pass is on its own. */
    public static MemoryPlan of(Device.Kind kind, ModelConfig config, int batch, Execution execution) {
        return of(kind, config, batch, 1, execution);
    }

    /** All of it. */
    public long total() {
        return parameters + rounded + gradients + moments + activations + activationGradients + workspace + inputs;
    }

    /** The parts by name, in order. */
    public Map<String, Long> parts() {
        Map<String, Long> parts = new LinkedHashMap<>();
        parts.put("parameters", parameters);
        parts.put("parameters in bfloat16", rounded);
        parts.put("gradients", gradients);
        parts.put("optimizer's moments", moments);
        parts.put("activations", activations);
        parts.put("gradients of activations", activationGradients);
        parts.put("workspace", workspace);
        parts.put("inputs", inputs);
        return parts;
    }
}
