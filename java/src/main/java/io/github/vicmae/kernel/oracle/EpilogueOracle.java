package io.github.vicmae.kernel.oracle;

import io.github.vicmae.device.Epilogue;

/** What follows a matrix product, in double precision: see {@link Epilogue}. */
public final class EpilogueOracle {
    private EpilogueOracle() {}

    /**
     * Turns the product into what C is to hold.
     *
     * @param product [m, n], overwritten
     * @param c C's old values
     * @param bias [n]
     * @param other [m, n], overwritten where the epilogue writes it
     * @param factors [m], of rows
     */
    public static void finish(
            Epilogue epilogue, double[] product, double[] c, double[] bias, double[] other, double[] factors, int n) {
        for (int i = 0; i < product.length; i++) {
            double p = product[i];
            product[i] = switch (epilogue) {
                case WRITE -> p;
                case ADD, ADD_ROW_SUMS -> c[i] + p;
                case BIAS -> p + bias[i % n];
                case BIAS_GELU -> GeluOracle.gelu(other[i] = p + bias[i % n]);
                case BIAS_RESIDUAL -> other[i] + p + bias[i % n];
                case SCALED_RESIDUAL -> other[i] + factors[i / n] * (p + bias[i % n]);
                case GELU_GRADIENT -> p * GeluOracle.slope(other[i]);
            };
        }
    }

    /** sums[i] += the sum of row i of op(A), A being stored [k, m]. */
    public static void addRowSums(double[] sums, double[] a, int m, int k) {
        for (int step = 0; step < k; step++) {
            for (int i = 0; i < m; i++) {
                sums[i] += a[step * m + i];
            }
        }
    }
}
