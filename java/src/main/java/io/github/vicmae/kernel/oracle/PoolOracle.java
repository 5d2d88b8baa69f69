package io.github.vicmae.kernel.oracle;

import io.github.vicmae.kernel.Pooling;

/** The naive form of pooling in double precision. */
public final class PoolOracle {
    private PoolOracle() {}

    /** What the tokens [samples, count, width], the first {@code classTokens} of them class tokens (0 or 1), are pooled to: [samples, width]. */
    public static double[] pool(double[] tokens, Pooling pooling, int classTokens, int samples, int count, int width) {
        double[] pooled = new double[samples * width];
        for (int n = 0; n < samples; n++) {
            for (int i = 0; i < width; i++) {
                double sum = 0;
                for (int t = classTokens; t < count; t++) {
                    double x = tokens[(n * count + t) * width + i];
                    sum += pooling == Pooling.GEM ? Math.pow(Math.max(x, 1e-6f), 3) : x;
                }
                double mean = sum / (count - classTokens);
                pooled[n * width + i] = switch (pooling) {
                    case MEAN -> mean;
                    case MAX -> tokens[(n * count + first(tokens, classTokens, n, i, count, width)) * width + i];
                    case GEM -> Math.cbrt(mean);
                    case CLS -> tokens[n * count * width + i];
                };
            }
        }
        return pooled;
    }

    /** The first of a column's largest tokens. */
    private static int first(double[] tokens, int classTokens, int n, int i, int count, int width) {
        int best = classTokens;
        for (int t = classTokens + 1; t < count; t++) {
            best = tokens[(n * count + t) * width + i] > tokens[(n * count + best) * width + i] ? t : best;
        }
        return best;
    }

    /** Adds to dtokens the gradient with respect to the tokens; pooled is what the backward pass is given as their pooled features. */
    public static void gradient(
            double[] dtokens,
            double[] dpooled,
            double[] pooled,
            double[] tokens,
            Pooling pooling,
            int classTokens,
            int samples,
            int count,
            int width) {
        for (int n = 0; n < samples; n++) {
            for (int i = 0; i < width; i++) {
                double g = dpooled[n * width + i];
                double result = pooled[n * width + i];
                int best = first(tokens, classTokens, n, i, count, width);
                for (int t = 0; t < count; t++) {
                    int at = (n * count + t) * width + i;
                    double x = tokens[at];
                    dtokens[at] += switch (pooling) {
                        case MEAN -> t >= classTokens ? g / (count - classTokens) : 0;
                        case MAX -> t == best ? g : 0;
                        case GEM ->
                            t >= classTokens && x >= 1e-6f ? g * x * x / (result * result) / (count - classTokens) : 0;
                        case CLS -> t == 0 ? g : 0;
                    };
                }
            }
        }
    }
}
