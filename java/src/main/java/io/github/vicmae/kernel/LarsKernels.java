package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** One step of LARS for linear heads that are trained side by side (cuda/lars.cu; You et al. 2017). */
public final class LarsKernels {
    private static final int THREADS = 256;
    /** Elements of a head that are worth a block. */
    private static final long CHUNK = 4096;

    private static final int MOST_PARTS = 64;

    private final Stream stream;
    private final Kernel norms;
    private final Kernel step;

    /**
     * LARS's numbers but for the rates.
     *
     * @param momentum factor of the former updates, in [0, 1)
     * @param trust coefficient of the weights' norm over the update's
     * @param decay weight decay, of weights alone
     */
    public record Settings(float momentum, float trust, float decay) {
        /** Those of MoCo v3's and MAE's linear probes. */
        public static final Settings PROBE = new Settings(0.9f, 0.001f, 0);
    }

    public LarsKernels(Stream stream) {
        this.stream = stream;
        norms = stream.device().kernel("lars", "lars_norms", "pppflii");
        step = stream.device().kernel("lars", "lars_step", "pppppfffliiii");
    }

    private static int parts(long size) {
        return (int) Math.max(1, Math.min(MOST_PARTS, (size + CHUNK - 1) / CHUNK));
    }

    /** Floats of scratch for heads of {@code size} weights each. */
    public static int scratchSize(int heads, long size) {
        return 2 * heads * parts(size);
    }

    /**
     * Updates the weights and the biases of all heads, and clears their gradients. A head whose update is not finite keeps what it has.
     *
     * @param weights [heads, size], updated
     * @param gradients [heads, size], read, then 0
     * @param momenta [heads, size], updated; 0 before the first step
     * @param biases [heads, width], updated
     * @param biasGradients [heads, width], read, then 0
     * @param biasMomenta [heads, width], updated
     * @param rates [heads]
     * @param scratch at least {@link #scratchSize} floats
     */
    public void step(
            Tensor weights,
            Tensor gradients,
            Tensor momenta,
            Tensor biases,
            Tensor biasGradients,
            Tensor biasMomenta,
            Tensor rates,
            Tensor scratch,
            Settings settings) {
        int heads = Math.toIntExact(rates.size());
        long size = weights.size() / heads;
        long width = biases.size() / heads;
        Shapes.floats("lars", "weights", weights, heads, size);
        Shapes.floats("lars", "gradients", gradients, heads, size);
        Shapes.floats("lars", "momenta", momenta, heads, size);
        Shapes.floats("lars", "biases", biases, heads, width);
        Shapes.floats("lars", "biasGradients", biasGradients, heads, width);
        Shapes.floats("lars", "biasMomenta", biasMomenta, heads, width);
        Shapes.floats("lars", "rates", rates, heads);
        Shapes.atLeast("lars", "scratch", scratch, scratchSize(heads, size));
        int parts = parts(size);
        stream.begin(norms).arg(scratch).arg(weights).arg(gradients).arg(settings.decay);
        stream.arg(size).arg(heads).arg(parts).launch(heads * parts, THREADS);
        launch(weights, gradients, momenta, rates, scratch, settings, heads, parts, true);
        launch(biases, biasGradients, biasMomenta, rates, scratch, settings, heads, parts, false);
    }

    private void launch(
            Tensor values,
            Tensor gradients,
            Tensor momenta,
            Tensor rates,
            Tensor partial,
            Settings settings,
            int heads,
            int parts,
            boolean isScaled) {
        long size = values.size() / heads;
        int shares = parts(size);
        stream.begin(step).arg(values).arg(gradients).arg(momenta).arg(partial).arg(rates);
        stream.arg(settings.trust).arg(settings.momentum).arg(isScaled ? settings.decay : 0f);
        stream.arg(size).arg(heads).arg(shares).arg(parts).arg(isScaled ? 1 : 0);
        stream.launch(heads * shares, THREADS);
    }
}
