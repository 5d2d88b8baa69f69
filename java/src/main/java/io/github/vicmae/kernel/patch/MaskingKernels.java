package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Shapes;

/** Random masking by the rank of each patch's noise (cuda/masking.cu; He et al. 2022). */
public final class MaskingKernels {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel draw;
    private final Kernel rank;

    public MaskingKernels(Stream stream) {
        this.stream = stream;
        draw = stream.device().kernel("masking", "masking_draw", "ppii");
        rank = stream.device().kernel("masking", "masking_rank", "pppiii");
    }

    /**
     * Draws each patch's noise: the numbers that {@link Philox#nextFloat()} gives in the sample's stream.
     *
     * @param noise [samples, patches], written: uniform in [0, 1)
     * @param keys [samples, {@link Philox#KEY_WORDS}] integers, each row as {@link Philox#key} gives it
     */
    public void draw(Tensor noise, Tensor keys, int samples, int patches) {
        Shapes.floats("masking", "noise", noise, samples, patches);
        Shapes.ints("masking", "keys", keys, samples, Philox.KEY_WORDS);
        stream.begin(draw).arg(noise).arg(keys).arg(samples).arg(patches).launch(samples, THREADS);
    }

    /**
     * Ranks the patches of each sample by their noise, ascending; equal noise keeps the patches' order.
     *
     * @param restore [samples, patches] integers, written: each patch's rank; masked if it is at least {@code kept}
     * @param keep [samples, kept] integers, written: the patches with ranks 0 to kept - 1, in rank order
     * @param noise [samples, patches]
     */
    public void rank(Tensor restore, Tensor keep, Tensor noise, int samples, int patches, int kept) {
        Shapes.ints("masking", "restore", restore, samples, patches);
        Shapes.ints("masking", "keep", keep, samples, kept);
        Shapes.floats("masking", "noise", noise, samples, patches);
        stream.begin(rank)
                .arg(restore)
                .arg(keep)
                .arg(noise)
                .arg(samples)
                .arg(patches)
                .arg(kept);
        stream.launch(samples, 1, 1, THREADS, patches * Integer.BYTES);
    }
}
