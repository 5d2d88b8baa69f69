package io.github.vicmae.kernel.oracle;

import io.github.vicmae.kernel.Pooling;

/** The naive form of pooling in double precision. The tokens' gradient is added to, as in the kernel. */
public final class PoolOracle {
    private PoolOracle() {}

    /** tokens [samples, count, width], row 0 the class token; pooled, dpooled [samples, width]. */
    public static void pool(
            double[] pooled,
            double[] dtokens,
            double[] tokens,
            double[] dpooled,
            Pooling pooling,
            int samples,
            int count,
            int width) {
        for (int n = 0; n < samples; n++) {
            for (int i = 0; i < width; i++) {
                double g = dpooled[n * width + i];
                double sum = 0;
                int best = 1;
                for (int t = 1; t < count; t++) {
                    double x = tokens[(n * count + t) * width + i];
                    sum += pooling == Pooling.GEM ? Math.pow(Math.max(x, 1e-6f), 3) : x;
                    best = x > tokens[(n * count + best) * width + i] ? t : best;
                }
                double mean = sum / (count - 1);
                double result =
                        switch (pooling) {
                            case MEAN -> mean;
                            case MAX -> tokens[(n * count + best) * width + i];
                            case GEM -> Math.cbrt(mean);
                            case CLS -> tokens[n * count * width + i];
                        };
                pooled[n * width + i] = result;
                for (int t = 0; t < count; t++) {
                    int at = (n * count + t) * width + i;
                    double x = tokens[at];
                    dtokens[at] += switch (pooling) {
                        case MEAN -> t > 0 ? g / (count - 1) : 0;
                        case MAX -> t == best ? g : 0;
                        case GEM -> t > 0 && x >= 1e-6f ? g * x * x / (result * result) / (count - 1) : 0;
                        case CLS -> t == 0 ? g : 0;
                    };
                }
            }
        }
    }
}
