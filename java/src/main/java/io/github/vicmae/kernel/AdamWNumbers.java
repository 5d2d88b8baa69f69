package io.github.vicmae.kernel;

/**
 * The numbers of a step of AdamW, as torch.optim.AdamW names them.
 *
 * @param rate learning rate
 * @param beta1 decay of the gradients' mean, in [0, 1)
 * @param beta2 decay of their mean square, in [0, 1)
 * @param eps added to the root of the mean square
 * @param weightDecay decoupled from the gradients
 * @param maxNorm the gradients' largest 2-norm that is not scaled down; 0 for no clipping
 */
public record AdamWNumbers(double rate, double beta1, double beta2, double eps, double weightDecay, double maxNorm) {
    /**
     * @throws IllegalArgumentException if a number is out of its range
     */
    public AdamWNumbers {
        boolean fits = Double.isFinite(rate)
                && beta1 >= 0
                && beta1 < 1
                && beta2 >= 0
                && beta2 < 1
                && eps > 0
                && weightDecay >= 0
                && maxNorm >= 0;
        if (!fits) {
            throw new IllegalArgumentException(
                    "adamW wants a finite rate, betas in [0, 1), an eps above 0, and a weight"
                            + " decay and norm of 0 or more, but was given a rate of " + rate + ", betas " + beta1
                            + " and "
                            + beta2 + ", eps " + eps + ", weight decay " + weightDecay + " and norm " + maxNorm);
        }
    }

    /** As {@link AdamWKernels#step} takes them; {@code step} counts from 1. */
    float[] scalars(long step) {
        if (step < 1) {
            throw new IllegalArgumentException("adamW counts its steps from 1, but was given " + step);
        }
        return new float[] {
            (float) rate,
            (float) beta1,
            (float) beta2,
            (float) eps,
            (float) weightDecay,
            (float) (1 - Math.pow(beta1, step)),
            (float) (1 - Math.pow(beta2, step)),
            0
        };
    }
}
