package io.github.vicmae.kernel.oracle;

/**
 * The naive form of layer normalisation in double precision, written from the definitions and sharing nothing with the kernels. Gradients of
 * parameters are added to, those of activations are written.
 */
public final class LayerNormOracle {
    private LayerNormOracle() {}

    public static void layerNorm(
            double[] y,
            double[] dx,
            double[] dgamma,
            double[] dbeta,
            double[] x,
            double[] gamma,
            double[] beta,
            double[] dy,
            int rows,
            int width,
            double eps) {
        for (int r = 0; r < rows; r++) {
            double mean = 0;
            for (int i = 0; i < width; i++) {
                mean += x[r * width + i] / width;
            }
            double var = 0;
            for (int i = 0; i < width; i++) {
                var += (x[r * width + i] - mean) * (x[r * width + i] - mean) / width;
            }
            double std = Math.sqrt(var + eps);
            double[] xhat = new double[width];
            double sum = 0;
            double dot = 0;
            for (int i = 0; i < width; i++) {
                int at = r * width + i;
                xhat[i] = (x[at] - mean) / std;
                y[at] = xhat[i] * gamma[i] + beta[i];
                dgamma[i] += dy[at] * xhat[i];
                dbeta[i] += dy[at];
                sum += dy[at] * gamma[i] / width;
                dot += dy[at] * gamma[i] * xhat[i] / width;
            }
            for (int i = 0; i < width; i++) {
                int at = r * width + i;
                dx[at] = (dy[at] * gamma[i] - sum - xhat[i] * dot) / std;
            }
        }
    }
}
