package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;

/**
 * Draws from Beta distributions as g / (g + h), with g and h from Gamma distributions by Marsaglia and Tsang's method (ACM Transactions on
 * Mathematical Software 26, 2000).
 */
final class BetaDistribution {
    private BetaDistribution() {}

    /** A number in [0, 1] from Beta(a, b), both positive. */
    static double draw(Philox random, double a, double b) {
        double g = logGamma(random, a);
        double h = logGamma(random, b);
        return 1 / (1 + Math.exp(h - g));
    }

    /** The logarithm of a number from Gamma(shape, 1): for small shapes the number itself may be too small for a double. */
    private static double logGamma(Philox random, double shape) {
        if (shape < 1) {
            // A number from Gamma(shape + 1) times u^(1 / shape) is from Gamma(shape).
            double u = uniform(random);
            return logGamma(random, shape + 1) + Math.log(u) / shape;
        }
        double d = shape - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double x = random.nextGaussian();
            double v = 1 + c * x;
            if (v > 0) {
                double cube = v * v * v;
                if (Math.log(uniform(random)) < 0.5 * x * x + d * (1 - cube + Math.log(cube))) {
                    return Math.log(d * cube);
                }
            }
        }
    }

    /** Uniform in (0, 1). */
    private static double uniform(Philox random) {
        return ((random.nextInt() & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
    }
}
