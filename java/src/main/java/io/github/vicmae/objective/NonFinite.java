package io.github.vicmae.objective;

import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.model.StepInput;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Finds where a step first gave a value that is not finite. */
final class NonFinite {
    private NonFinite() {}

    /**
     * Names the first tensor that holds such a value: images, parameters, and activations in the order of the computation, then gradients in
     * theirs, then buffers; gradients before activations if the losses are finite.
     *
     * @return its name, or null if all are finite
     */
    static String first(Workspace w, StepInput input) {
        List<Tensor> order = new ArrayList<>();
        input.batches().forEach(b -> order.add(b.images()));
        trained(w).forEach(p -> order.add(p.value()));
        List<Tensor> activations = new ArrayList<>();
        List<Tensor> gradients = new ArrayList<>();
        for (Tensor t : w.arena().tensors()) {
            (t.name().startsWith(MemoryPlan.GRADIENT) ? gradients : activations).add(t);
        }
        Collections.reverse(gradients); // they are declared in the order of the forward pass
        // If the losses are finite, the backward pass went wrong, and it overwrites some activations with gradients.
        boolean backward = !hasNonFinite(w.stream(), w.losses());
        order.addAll(backward ? gradients : activations);
        order.addAll(backward ? activations : gradients);
        trained(w).forEach(p -> order.add(p.gradient()));
        // Running statistics come last: they only inherit bad values from activations.
        w.parameters().all().stream().filter(p -> !p.isTrained()).forEach(p -> order.add(p.value()));
        for (Tensor t : order) {
            if (t.dtype().isFloating() && !t.name().equals(Scratch.NAME) && hasNonFinite(w.stream(), t)) {
                return t.name();
            }
        }
        return null;
    }

    private static List<Parameter> trained(Workspace w) {
        return w.parameters().all().stream().filter(Parameter::isTrained).toList();
    }

    private static boolean hasNonFinite(Stream stream, Tensor t) {
        for (float v : stream.read(t)) {
            if (!Float.isFinite(v)) {
                return true;
            }
        }
        return false;
    }
}
