package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** The 2-norm of all gradients and the coefficient that clips it (cuda/grad_norm.cu), in two stages and always in the same order. */
public final class GradientNorm {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel partialSums;
    private final Kernel finish;

    public GradientNorm(Stream stream) {
        this.stream = stream;
        partialSums = stream.device().kernel("grad_norm", "grad_norm_partial", "ppl");
        finish = stream.device().kernel("grad_norm", "grad_norm_finish", "ppif");
    }

    /** Floats of scratch that a {@linkplain #partialSums range} of gradients needs. */
    public static int scratchSize(Stream stream) {
        return stream.device().partialBlocks();
    }

    /**
     * The sums of squares of a range of gradients.
     *
     * @param scratch written from {@code slot} * {@link #scratchSize} on
     * @param gradients any shape
     * @param first the range's first element
     * @param count its elements
     */
    public void partialSums(Tensor scratch, int slot, Tensor gradients, int first, int count) {
        int parts = scratchSize(stream);
        Shapes.floats("gradientNorm", "gradients", gradients, gradients.size());
        Shapes.atLeast("gradientNorm", "scratch", scratch, (slot + 1L) * parts);
        Shapes.atLeast("gradientNorm", "gradients", gradients, (long) first + count);
        stream.begin(partialSums)
                .arg(scratch, (long) slot * parts)
                .arg(gradients, first)
                .arg((long) count)
                .launch(parts, THREADS);
    }

    /**
     * The norm over the ranges of neighbouring slots: clip = norm, min(1, maxNorm / (norm + 1e-6)).
     *
     * @param clip [2] from {@code to} on, written: the norm, NaN if a gradient is; the coefficient, 1 if the norm is NaN or {@code maxNorm} is not
     *     positive
     * @param firstSlot of the sums in scratch
     * @param slots how many
     * @param maxNorm the limit; 0 or less for none
     */
    public void finish(Tensor clip, int to, Tensor scratch, int firstSlot, int slots, float maxNorm) {
        int parts = scratchSize(stream);
        Shapes.atLeast("gradientNorm", "clip", clip, to + 2L);
        Shapes.atLeast("gradientNorm", "scratch", scratch, ((long) firstSlot + slots) * parts);
        stream.begin(finish)
                .arg(clip, to)
                .arg(scratch, (long) firstSlot * parts)
                .arg(slots * parts)
                .arg(maxNorm)
                .launch(1, THREADS);
    }

    /**
     * The norm of all gradients and its coefficient, by one range.
     *
     * @param clip [2], written as by {@link #finish}
     * @param scratch at least {@link #scratchSize} floats
     */
    public void compute(Tensor clip, Tensor gradients, float maxNorm, Tensor scratch) {
        Shapes.floats("gradientNorm", "clip", clip, 2);
        partialSums(scratch, 0, gradients, 0, Math.toIntExact(gradients.size()));
        finish(clip, 0, scratch, 0, 1, maxNorm);
    }
}
