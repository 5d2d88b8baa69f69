package io.github.vicmae.kernel.oracle;

/** The naive form of batch normalisation and ReLU in double precision, written from the definitions, for one group of rows. */
public final class BatchNormOracle {
    private BatchNormOracle() {}

    /** y and the running statistics, which are updated. */
    public static double[] forward(
            double[] runningMean,
            double[] runningVar,
            double[] x,
            double[] gamma,
            double[] beta,
            int rows,
            int width,
            double eps,
            double momentum,
            boolean relu) {
        double[] y = new double[rows * width];
        for (int i = 0; i < width; i++) {
            double mean = mean(x, i, rows, width);
            double var = variance(x, i, rows, width);
            runningMean[i] = (1 - momentum) * runningMean[i] + momentum * mean;
            runningVar[i] = (1 - momentum) * runningVar[i] + momentum * var * rows / (rows - 1);
            for (int r = 0; r < rows; r++) {
                double v = (x[r * width + i] - mean) / Math.sqrt(var + eps) * gamma[i] + beta[i];
                y[r * width + i] = relu ? Math.max(v, 0) : v;
            }
        }
        return y;
    }

    /** The gradients, with the Jacobian of (x - mean) / std written out row by row; dgamma and dbeta are added to. */
    public static double[] backward(
            double[] dgamma,
            double[] dbeta,
            double[] dy,
            double[] y,
            double[] x,
            double[] gamma,
            int rows,
            int width,
            double eps,
            boolean relu) {
        double[] dx = new double[rows * width];
        for (int i = 0; i < width; i++) {
            double mean = mean(x, i, rows, width);
            double std = Math.sqrt(variance(x, i, rows, width) + eps);
            double sum = 0;
            double dot = 0;
            for (int r = 0; r < rows; r++) {
                int at = r * width + i;
                double g = relu && y[at] <= 0 ? 0 : dy[at];
                sum += g;
                dot += g * (x[at] - mean) / std;
            }
            dbeta[i] += sum;
            dgamma[i] += dot;
            for (int r = 0; r < rows; r++) {
                int at = r * width + i;
                double g = relu && y[at] <= 0 ? 0 : dy[at];
                dx[at] = gamma[i] / std * (g - sum / rows - (x[at] - mean) / std * dot / rows);
            }
        }
        return dx;
    }

    private static double mean(double[] x, int column, int rows, int width) {
        double mean = 0;
        for (int r = 0; r < rows; r++) {
            mean += x[r * width + column] / rows;
        }
        return mean;
    }

    private static double variance(double[] x, int column, int rows, int width) {
        double mean = mean(x, column, rows, width);
        double var = 0;
        for (int r = 0; r < rows; r++) {
            var += (x[r * width + column] - mean) * (x[r * width + column] - mean) / rows;
        }
        return var;
    }
}
