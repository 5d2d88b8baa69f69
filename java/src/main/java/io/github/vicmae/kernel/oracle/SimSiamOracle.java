package io.github.vicmae.kernel.oracle;

/**
 * SimSiam's loss (Chen and He, CVPR 2021) from its definition: the mean over rows of minus the cosine of a row and the column R / 2 further on.
 * Columns count as constants in the gradient, also where they are the rows.
 */
public final class SimSiamOracle implements ContrastiveOracle {
    private final int rows;
    private final int width;

    /**
     * @param rows an even number: two views of each sample
     */
    public SimSiamOracle(int rows, int width) {
        this.rows = rows;
        this.width = width;
    }

    @Override
    public double loss(double[] x, double[] z) {
        double sum = 0;
        for (int i = 0; i < rows; i++) {
            int pair = (i + rows / 2) % rows;
            sum -= dot(x, i, z, pair) / (norm(x, i) * norm(z, pair)) / rows;
        }
        return sum;
    }

    private double dot(double[] x, int i, double[] z, int j) {
        double sum = 0;
        for (int d = 0; d < width; d++) {
            sum += x[i * width + d] * z[j * width + d];
        }
        return sum;
    }

    private double norm(double[] x, int i) {
        return Math.max(Math.sqrt(dot(x, i, x, i)), 1e-12);
    }

    @Override
    public double[] backward(double[] dx, double[] dz, double[] x, double[] z, double weight) {
        double terms = 0;
        for (int i = 0; i < rows; i++) {
            int pair = (i + rows / 2) % rows;
            double length = norm(x, i);
            double other = norm(z, pair);
            double cosine = dot(x, i, z, pair) / (length * other);
            for (int d = 0; d < width; d++) {
                double along = -weight / (rows * length) * z[pair * width + d] / other;
                dx[i * width + d] += along + weight / (rows * length) * cosine * x[i * width + d] / length;
                terms += along * along;
            }
        }
        return new double[] {Math.sqrt(terms), 0};
    }
}
