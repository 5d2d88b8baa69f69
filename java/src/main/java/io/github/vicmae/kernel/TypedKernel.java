package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Tensor;

/**
 * A kernel's two forms: for activations in floats, and in bfloat16, which has the name's ending {@code _bf16}.
 *
 * @param floats for {@link DType#F32}
 * @param bf16 for {@link DType#BF16}
 */
public record TypedKernel(Kernel floats, Kernel bf16) {
    public static TypedKernel of(Device device, String module, String name, String signature) {
        return new TypedKernel(
                device.kernel(module, name, signature), device.kernel(module, name + "_bf16", signature));
    }

    /**
     * The form for a tensor.
     *
     * @throws IllegalArgumentException if it holds neither floats nor bfloat16
     */
    public Kernel form(Tensor tensor) {
        if (!tensor.dtype().isFloating()) {
            throw new IllegalArgumentException(floats.name() + " wants floats or bfloat16 but was given " + tensor);
        }
        return tensor.dtype() == DType.BF16 ? bf16 : floats;
    }
}
