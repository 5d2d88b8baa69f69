package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** One step of AdamW over all parameters at once (cuda/adamw.cu; Loshchilov and Hutter 2019). */
public final class AdamWKernels {
    private static final int THREADS = 256;
    /** Elements that a block takes. */
    public static final int CHUNK = 4096;
    /** Integers of an item of {@link #step}: first element, count, bits of the float that the rate is multiplied with. */
    public static final int ITEM = 3;

    private final Stream stream;
    private final Kernel step;

    public AdamWKernels(Stream stream) {
        this.stream = stream;
        step = stream.device().kernel("adamw", "adamw_step", "pppppplllippi");
    }

    /**
     * Updates parameters and moments in the order of torch.optim.AdamW: the decoupled decay first, then the step. In the same pass the gradients
     * are cleared, as the next step's sums want them.
     *
     * @param parameters [size], updated
     * @param rounded [size] of bfloat16, written with the updated parameters; or null
     * @param gradients [size], multiplied by {@code clip[1]} as they are read; then 0
     * @param firstMoment [size], updated
     * @param secondMoment [size], updated
     * @param items [n, {@link #ITEM}] integers, pieces of up to {@link #CHUNK} elements that cover all; or null if all have the same rate
     * @param decayed how many elements, from the first on, have weight decay
     * @param live how many elements, from the first on, are trained; of the rest the gradients are cleared and nothing else is touched
     * @param scalars [8]: learning rate, beta1, beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t, unused; t counts from 1
     * @param clip [2]: norm and coefficient, as {@link GradientNorm} writes them; where the norm is not finite, the gradients are
     *     cleared and nothing else is touched
     */
    public void step(
            Tensor parameters,
            Tensor rounded,
            Tensor gradients,
            Tensor firstMoment,
            Tensor secondMoment,
            Tensor items,
            long decayed,
            long live,
            Tensor scalars,
            Tensor clip) {
        long size = parameters.size();
        Shapes.floats("adamW", "parameters", parameters, size);
        if (rounded != null) {
            Shapes.typed("adamW", "rounded", rounded, DType.BF16, size, 1);
        }
        Shapes.floats("adamW", "gradients", gradients, size);
        Shapes.floats("adamW", "firstMoment", firstMoment, size);
        Shapes.floats("adamW", "secondMoment", secondMoment, size);
        Shapes.floats("adamW", "scalars", scalars, 8);
        Shapes.floats("adamW", "clip", clip, 2);
        if (decayed < 0 || decayed > size) {
            throw new IllegalArgumentException(
                    "adamW cannot apply weight decay to " + decayed + " of " + size + " parameters");
        }
        if (live < 0 || live > size) {
            throw new IllegalArgumentException("adamW cannot train " + live + " of " + size + " parameters");
        }
        long count = (size + CHUNK - 1) / CHUNK;
        if (items != null) {
            count = items.dim(0);
            Shapes.ints("adamW", "items", items, count, ITEM);
        }
        int blocks = Math.toIntExact(count);
        stream.begin(step)
                .arg(parameters)
                .argOrNull(rounded)
                .arg(gradients)
                .arg(firstMoment)
                .arg(secondMoment)
                .argOrNull(items);
        stream.arg(decayed).arg(live).arg(size).arg(blocks);
        stream.arg(scalars).arg(clip).arg(CHUNK);
        stream.launch(blocks, THREADS);
    }
}
