package io.github.vicmae.eval;

/** Probabilities from a classifier's outputs. */
public final class Softmax {
    private Softmax() {}

    /** The softmax of a row of logits. */
    public static float[] of(float[] logits) {
        float high = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            high = Math.max(high, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - high);
        }
        float[] probabilities = new float[logits.length];
        for (int k = 0; k < logits.length; k++) {
            probabilities[k] = (float) (Math.exp(logits[k] - high) / sum);
        }
        return probabilities;
    }

    /** The class of the largest value, the first of equal ones. */
    public static int largest(float[] values) {
        int best = 0;
        for (int k = 1; k < values.length; k++) {
            best = values[k] > values[best] ? k : best;
        }
        return best;
    }

    /** The softmax of each row. */
    public static float[][] of(float[][] logits) {
        float[][] probabilities = new float[logits.length][];
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = of(logits[i]);
        }
        return probabilities;
    }
}
