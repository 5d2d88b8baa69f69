package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;

/**
 * What every layer is built with.
 *
 * @param kernels the kernels of the stream that it runs on
 * @param parameters where it declares its parameters
 * @param activations where it declares what its backward pass needs; for inference, what its forward pass needs
 * @param scratch the kernels' common scratch memory
 * @param training whether there will be a backward pass
 * @param precision of activations and products
 */
public record Context(
        Kernels kernels,
        Parameters parameters,
        Arena activations,
        Scratch scratch,
        boolean training,
        Precision precision) {
    /** Declares an activation in the type of the precision. */
    public Tensor activation(String name, int... shape) {
        return activations.tensor(name, precision.dtype(), shape);
    }

    /** For further layers with the same weights: what they declare must be known already. */
    public Context sharing() {
        return new Context(kernels, parameters.shared(), activations, scratch, training, precision);
    }

    public Stream stream() {
        return kernels.stream();
    }
}
