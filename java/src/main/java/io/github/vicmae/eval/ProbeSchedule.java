package io.github.vicmae.eval;

/**
 * The learning rate of a linear probe over its training: a linear warm-up, then half a cosine to zero, a new value for each step (He et al. 2022,
 * appendix A.2). Rates are given for batches of 256 and grow with the batch.
 *
 * @param epochs of the training, at least 1
 * @param warmup epochs of the linear rise, below {@code epochs}
 * @param batch samples of a step
 */
public record ProbeSchedule(int epochs, double warmup, int batch) {
    private static final double BASE_BATCH = 256;

    public ProbeSchedule {
        if (epochs < 1 || !(warmup >= 0 && warmup < epochs) || batch < 2) {
            throw new IllegalArgumentException(
                    "A linear probe needs an epoch, a warm-up that is shorter than the training"
                            + " and 2 samples a batch, not " + epochs + " epochs, " + warmup + " epochs of warm-up and "
                            + batch
                            + " samples");
        }
    }

    /**
     * The rates of a step.
     *
     * @param baseRates peak rates for batches of 256, one for each head
     * @param epoch the epoch that the step is in, and the share of it that is done
     */
    double[] rates(double[] baseRates, double epoch) {
        double share =
                epoch < warmup ? epoch / warmup : 0.5 * (1 + Math.cos(Math.PI * (epoch - warmup) / (epochs - warmup)));
        double[] rates = new double[baseRates.length];
        for (int i = 0; i < rates.length; i++) {
            rates[i] = baseRates[i] * batch / BASE_BATCH * share;
        }
        return rates;
    }
}
