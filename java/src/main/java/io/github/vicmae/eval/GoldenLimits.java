package io.github.vicmae.eval;

import io.github.vicmae.device.Precision;

/**
 * The most that passes.
 *
 * @param reconstruction the reconstruction loss of each step
 * @param contrastive the contrastive loss of each step, and the whole loss
 * @param predictions predictions and pooled features
 * @param gradients all gradients together
 * @param gradient any single one
 * @param updates of parameters, after all steps
 * @param reconstructionGradients all gradients of the reconstruction loss alone, against the same device in fp32; 0 to leave that out
 */
record GoldenLimits(
        double reconstruction,
        double contrastive,
        double predictions,
        double gradients,
        double gradient,
        double updates,
        double reconstructionGradients) {
    /**
     * In bfloat16 the contrastive loss and its gradients have wide limits, where there is one. BatchNorm over the handful of samples of a golden file takes away
     * what their pooled features have in common, nearly all of them, and so magnifies rounding errors: rounding the weights alone, in
     * an otherwise double-precision model, changes their gradients by up to 0.16 altogether, and PyTorch's autocast by up to 0.18. What
     * these limits catch is a term that is missing or wrong. The reconstruction's gradients, which pass through everything else, are held to a
     * tight limit. AdamW divides gradients by their size, so that the updates of small ones are mostly rounding errors.
     *
     * @param contrasts whether there is a contrastive loss
     */
    static GoldenLimits of(Precision precision, boolean contrasts) {
        return switch (precision) {
            case FP32 -> new GoldenLimits(1e-5, 1e-5, 1e-5, 1e-4, 2e-3, 2e-2, 0);
            case BF16 ->
                contrasts
                        ? new GoldenLimits(5e-3, 0.3, 2e-2, 0.5, 0.7, 0.7, 3e-2)
                        : new GoldenLimits(5e-3, 5e-3, 2e-2, 3e-2, 6e-2, 0.2, 3e-2);
        };
    }
}
