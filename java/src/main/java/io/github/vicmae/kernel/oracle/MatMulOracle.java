package io.github.vicmae.kernel.oracle;

/** The naive matrix product in double precision. */
public final class MatMulOracle {
    private MatMulOracle() {}

    /** c[m, n] += op(a) op(b), row-major. */
    public static void multiply(
            double[] c, double[] a, double[] b, boolean transA, boolean transB, int m, int n, int k) {
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                for (int l = 0; l < k; l++) {
                    c[i * n + j] += a[transA ? l * m + i : i * k + l] * b[transB ? j * k + l : l * n + j];
                }
            }
        }
    }
}
