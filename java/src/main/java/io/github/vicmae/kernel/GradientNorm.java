package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** The 2-norm of all gradients and its clipping coefficient (cuda/grad_norm.cu). */
public final class GradientNorm {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel partial;
    private final Kernel finish;

    public GradientNorm(Stream stream) {
        this.stream = stream;
        partial = stream.device().kernel("grad_norm", "grad_norm_partial", "ppl");
        finish = stream.device().kernel("grad_norm", "grad_norm_finish", "ppif");
    }

    /** Floats of scratch that {@link #compute} needs: one double for each partial sum. */
    public static long scratchSize(Stream stream) {
        return 2L * stream.device().partialBlocks();
    }

    /**
     * @param clip [2], written: the norm (not finite if a gradient is not) and min(1, maxNorm / (norm + 1e-6))
     * @param gradients any size
     * @param maxNorm the largest norm that is not scaled down; 0 or less for no clipping
     * @param scratch at least {@link #scratchSize} floats
     */
    public void compute(Tensor clip, Tensor gradients, float maxNorm, Tensor scratch) {
        Shapes.floats("gradientNorm", "clip", clip, 2);
        Shapes.floats("gradientNorm", "gradients", gradients, gradients.size());
        Shapes.atLeast("gradientNorm", "scratch", scratch, scratchSize(stream));
        int parts = stream.device().partialBlocks();
        stream.begin(partial).arg(scratch).arg(gradients).arg(gradients.size()).launch(parts, THREADS);
        stream.begin(finish).arg(clip).arg(scratch).arg(parts).arg(maxNorm).launch(1, 32);
    }
}
