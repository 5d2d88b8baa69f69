package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;

/**
 * Stochastic depth (Huang et al. 2016): what a block's attention and its MLP add to the residual stream is multiplied with a factor for each
 * sample, 0 where the branch is dropped and 1 / (1 - rate) where it is not. Whoever trains writes the factors before each step.
 */
public final class DropPath {
    private static final int BRANCHES = 2;

    private final Tensor factors;
    private final int samples;
    private final Tensor[] slices;

    DropPath(Context context, String name, int depth, int samples) {
        this.samples = samples;
        factors = context.activations().floats(name + " drop path", depth, BRANCHES, samples);
        slices = new Tensor[depth * BRANCHES];
    }

    /** [depth, 2, samples]: for each block its attention's factors, then its MLP's. */
    public Tensor factors() {
        return factors;
    }

    /** [samples]: of a block's attention. */
    Tensor ofAttention(int block) {
        return slice(BRANCHES * block);
    }

    /** [samples]: of a block's MLP. */
    Tensor ofMlp(int block) {
        return slice(BRANCHES * block + 1);
    }

    private Tensor slice(int index) {
        if (slices[index] == null) {
            slices[index] = factors.slice("drop path " + index, (long) index * samples, samples);
        }
        return slices[index];
    }
}
