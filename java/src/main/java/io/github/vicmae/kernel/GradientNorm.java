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

    /** Floats of scratch that {@link #compute} needs. */
    public static long scratchSize(Stream stream) {
        return stream.device().partialBlocks();
    }

    /**
     * clip = norm, min(1, maxNorm / (norm + 1e-6)).
     *
     * @param clip [2], written: the norm, NaN if a gradient is; the coefficient, 1 if the norm is NaN or {@code maxNorm} is not positive
     * @param gradients any shape
     * @param maxNorm the limit; 0 or less for none
     * @param scratch at least {@link #scratchSize} floats
     */
    public void compute(Tensor clip, Tensor gradients, float maxNorm, Tensor scratch) {
        Shapes.floats("gradientNorm", "clip", clip, 2);
        Shapes.floats("gradientNorm", "gradients", gradients, gradients.size());
        Shapes.atLeast("gradientNorm", "scratch", scratch, scratchSize(stream));
        int parts = stream.device().partialBlocks();
        stream.begin(partialSums).arg(scratch).arg(gradients).arg(gradients.size());
        stream.launch(parts, THREADS);
        stream.begin(finish).arg(clip).arg(scratch).arg(parts).arg(maxNorm).launch(1, THREADS);
    }
}
