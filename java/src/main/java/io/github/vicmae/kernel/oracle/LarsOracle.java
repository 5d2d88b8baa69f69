package io.github.vicmae.kernel.oracle;

/** A step of LARS as it is written down (You et al. 2017; MoCo v3's form), in double precision, for one head. */
public final class LarsOracle {
    private LarsOracle() {}

    /** Updates weights and their momentum in place. */
    public static void weights(
            double[] weights,
            double[] gradient,
            double[] momenta,
            double rate,
            double momentum,
            double trust,
            double decay) {
        double[] update = new double[weights.length];
        double ofWeights = 0;
        double ofUpdate = 0;
        for (int i = 0; i < weights.length; i++) {
            update[i] = gradient[i] + decay * weights[i];
            ofWeights += weights[i] * weights[i];
            ofUpdate += update[i] * update[i];
        }
        double scale = ofWeights > 0 && ofUpdate > 0 ? trust * Math.sqrt(ofWeights) / Math.sqrt(ofUpdate) : 1;
        for (int i = 0; i < weights.length; i++) {
            momenta[i] = momentum * momenta[i] + scale * update[i];
            weights[i] -= rate * momenta[i];
        }
    }

    /** Updates biases and their momentum in place. */
    public static void biases(double[] biases, double[] gradient, double[] momenta, double rate, double momentum) {
        for (int i = 0; i < biases.length; i++) {
            momenta[i] = momentum * momenta[i] + gradient[i];
            biases[i] -= rate * momenta[i];
        }
    }
}
