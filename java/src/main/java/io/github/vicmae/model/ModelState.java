package io.github.vicmae.model;

import io.github.vicmae.device.Stream;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Parameters;

/**
 * What a checkpoint keeps of a model, whatever it is trained for.
 *
 * @param configuration its settings as one line of JSON
 * @param parameters its parameters and buffers, on a device
 * @param counters what it counts
 * @param kernels those of the stream that it runs on
 */
public record ModelState(String configuration, Parameters parameters, Counters counters, Kernels kernels) {
    public Stream stream() {
        return kernels.stream();
    }
}
