package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** AdamW over a model's flat buffers (cuda/adamw.cu; Loshchilov and Hutter 2019). */
public final class AdamWKernels {
    private static final int THREADS = 256;
    /** ADAMW_SPAN in the source. */
    private static final int SPAN = 4096;

    private static final int SCALARS = 8;
    private static final int MAX_BLOCKS = 1 << 16;

    private final Stream stream;
    private final Kernel step;

    public AdamWKernels(Stream stream) {
        this.stream = stream;
        step = stream.device().kernel("adamw", "adamw", "ppppllpp");
    }

    /**
     * One update of every parameter.
     *
     * @param parameters updated
     * @param gradients of the same size, as are the moments
     * @param firstMoment updated
     * @param secondMoment updated
     * @param decayed how many elements, from the first on, have weight decay
     * @param scalars [8]: learning rate, beta1, beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t, unused
     * @param clip [2]: the gradients' norm, and what they are multiplied by
     */
    public void step(
            Tensor parameters,
            Tensor gradients,
            Tensor firstMoment,
            Tensor secondMoment,
            long decayed,
            Tensor scalars,
            Tensor clip) {
        long size = parameters.size();
        Shapes.floats("adamW", "parameters", parameters, size);
        Shapes.floats("adamW", "gradients", gradients, size);
        Shapes.floats("adamW", "firstMoment", firstMoment, size);
        Shapes.floats("adamW", "secondMoment", secondMoment, size);
        Shapes.floats("adamW", "scalars", scalars, SCALARS);
        Shapes.floats("adamW", "clip", clip, 2);
        if (decayed < 0 || decayed > size) {
            throw new IllegalArgumentException("adamW cannot decay " + decayed + " of " + size + " parameters");
        }
        stream.begin(step).arg(parameters).arg(gradients).arg(firstMoment).arg(secondMoment);
        stream.arg(size).arg(decayed).arg(scalars).arg(clip);
        stream.launch((int) Math.min(MAX_BLOCKS, (size + SPAN - 1) / SPAN), THREADS);
    }
}
