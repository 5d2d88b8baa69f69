package io.github.vicmae.kernel.oracle;

/** Multi-head self-attention in double precision, one head of one sample after the other, from the definitions. */
public final class AttentionOracle {
    private final int tokens;
    private final int heads;
    private final int headDim;
    private final int samples;

    public AttentionOracle(int samples, int tokens, int heads, int headDim) {
        this.samples = samples;
        this.tokens = tokens;
        this.heads = heads;
        this.headDim = headDim;
    }

    /** out [samples, tokens, heads * headDim] and lse [samples, heads, tokens] are written. */
    public void forward(double[] out, double[] lse, double[] qkv) {
        for (int n = 0; n < samples; n++) {
            for (int h = 0; h < heads; h++) {
                double[][] p = probabilities(lse, qkv, n, h);
                for (int i = 0; i < tokens; i++) {
                    for (int x = 0; x < headDim; x++) {
                        double sum = 0;
                        for (int j = 0; j < tokens; j++) {
                            sum += p[i][j] * qkv[at(n, j, 2, h, x)];
                        }
                        out[outAt(n, i, h, x)] = sum;
                    }
                }
            }
        }
    }

    /** dqkv [samples, tokens, 3 * heads * headDim] is written. */
    public void backward(double[] dqkv, double[] dout, double[] qkv) {
        java.util.Arrays.fill(dqkv, 0);
        double scale = 1 / Math.sqrt(headDim);
        for (int n = 0; n < samples; n++) {
            for (int h = 0; h < heads; h++) {
                double[][] p = probabilities(new double[samples * heads * tokens], qkv, n, h);
                for (int i = 0; i < tokens; i++) {
                    double[] dp = new double[tokens];
                    double mean = 0;
                    for (int j = 0; j < tokens; j++) {
                        for (int x = 0; x < headDim; x++) {
                            dp[j] += dout[outAt(n, i, h, x)] * qkv[at(n, j, 2, h, x)];
                            dqkv[at(n, j, 2, h, x)] += p[i][j] * dout[outAt(n, i, h, x)];
                        }
                        mean += p[i][j] * dp[j];
                    }
                    for (int j = 0; j < tokens; j++) {
                        double ds = p[i][j] * (dp[j] - mean) * scale;
                        for (int x = 0; x < headDim; x++) {
                            dqkv[at(n, i, 0, h, x)] += ds * qkv[at(n, j, 1, h, x)];
                            dqkv[at(n, j, 1, h, x)] += ds * qkv[at(n, i, 0, h, x)];
                        }
                    }
                }
            }
        }
    }

    /**
     * How much a rounding of {@code out} weighs in dqkv: the 2-norm of what dqkv changes by, divided by the relative error of {@code out}'s
     * elements, which err each on its own. A backward pass that takes the rows' sums of dout * out from a rounded {@code out}, as
     * FlashAttention's does (Dao et al. 2022), errs by so much, also where dP less that sum cancels to almost nothing.
     */
    public double weightOfRoundedOut(double[] dout, double[] qkv) {
        double[] out = new double[dout.length];
        double[] lse = new double[samples * heads * tokens];
        forward(out, lse, qkv);
        double squares = 0;
        for (int n = 0; n < samples; n++) {
            for (int h = 0; h < heads; h++) {
                double[][] p = probabilities(lse, qkv, n, h);
                for (int i = 0; i < tokens; i++) {
                    double delta = 0;
                    double dq = 0;
                    double dk = 0;
                    for (int x = 0; x < headDim; x++) {
                        double meanKey = 0;
                        for (int j = 0; j < tokens; j++) {
                            meanKey += p[i][j] * qkv[at(n, j, 1, h, x)];
                            dk += Math.pow(p[i][j] * qkv[at(n, i, 0, h, x)], 2);
                        }
                        dq += meanKey * meanKey;
                        delta += Math.pow(dout[outAt(n, i, h, x)] * out[outAt(n, i, h, x)], 2);
                    }
                    squares += delta * (dq + dk) / headDim;
                }
            }
        }
        return Math.sqrt(squares);
    }

    private double[][] probabilities(double[] lse, double[] qkv, int n, int h) {
        double[][] p = new double[tokens][tokens];
        for (int i = 0; i < tokens; i++) {
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < tokens; j++) {
                for (int x = 0; x < headDim; x++) {
                    p[i][j] += qkv[at(n, i, 0, h, x)] * qkv[at(n, j, 1, h, x)] / Math.sqrt(headDim);
                }
                max = Math.max(max, p[i][j]);
            }
            double sum = 0;
            for (int j = 0; j < tokens; j++) {
                sum += Math.exp(p[i][j] - max);
            }
            double log = max + Math.log(sum);
            lse[(n * heads + h) * tokens + i] = log;
            for (int j = 0; j < tokens; j++) {
                p[i][j] = Math.exp(p[i][j] - log);
            }
        }
        return p;
    }

    private int at(int n, int token, int part, int h, int x) {
        return (((n * tokens + token) * 3 + part) * heads + h) * headDim + x;
    }

    private int outAt(int n, int token, int h, int x) {
        return ((n * tokens + token) * heads + h) * headDim + x;
    }
}
