package io.github.vicmae.kernel.oracle;

/**
 * InfoNCE from its definition in double precision, with all logits held, and its gradient through the L2 normalisation. With
 * {@link #products} the logits and sums of all but the positives are those of other unit rows, as of rounded ones.
 */
public final class InfoNceOracle implements ContrastiveOracle {
    private final int rows;
    private final int columns;
    private final int width;
    private final double temperature;
    private final int[] positive;
    private final int[] excluded;
    private double[] productRows;
    private double[] productColumns;

    public InfoNceOracle(int rows, int columns, int width, double temperature, int[] positive, int[] excluded) {
        this.rows = rows;
        this.columns = columns;
        this.width = width;
        this.temperature = temperature;
        this.positive = positive;
        this.excluded = excluded;
    }

    /**
     * The loss of two views of rows / 2 samples: row i's positive is the column rows / 2 further on, and its own place is left out.
     */
    public static InfoNceOracle ofTwoViews(int rows, int columns, int width, double temperature) {
        int[] positive = new int[rows];
        int[] excluded = new int[rows];
        for (int i = 0; i < rows; i++) {
            positive[i] = (i + rows / 2) % rows;
            excluded[i] = i;
        }
        return new InfoNceOracle(rows, columns, width, temperature, positive, excluded);
    }

    /** Unit rows [rows, width] and columns [columns, width] of which products are taken. */
    public InfoNceOracle products(double[] unitRows, double[] unitColumns) {
        productRows = unitRows;
        productColumns = unitColumns;
        return this;
    }

    /** Rows divided by max(norm, 1e-12). */
    public static double[] normalize(double[] x, int count, int width) {
        double[] unit = new double[count * width];
        for (int r = 0; r < count; r++) {
            for (int i = 0; i < width; i++) {
                unit[r * width + i] = x[r * width + i] / norm(x, r, width);
            }
        }
        return unit;
    }

    private static double norm(double[] x, int row, int width) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
            squares += x[row * width + i] * x[row * width + i];
        }
        return Math.max(Math.sqrt(squares), 1e-12);
    }

    @Override
    public double loss(double[] x, double[] zx) {
        return loss(new double[rows], x, zx);
    }

    /** The loss of rows and columns before their normalisation; lse [rows] is written. */
    public double loss(double[] lse, double[] x, double[] zx) {
        double[] p = normalize(x, rows, width);
        double[] z = normalize(zx, columns, width);
        double loss = 0;
        for (int i = 0; i < rows; i++) {
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < columns; j++) {
                max = j == excluded[i] ? max : Math.max(max, logit(p, z, i, j));
            }
            double sum = 0;
            for (int j = 0; j < columns; j++) {
                sum += j == excluded[i] ? 0 : Math.exp(logit(p, z, i, j) - max);
            }
            lse[i] = max + Math.log(sum);
            loss += (lse[i] - logit(p, z, i, positive[i])) / rows;
        }
        return loss;
    }

    private double logit(double[] p, double[] z, int i, int j) {
        boolean other = productRows != null && j != positive[i];
        double[] a = other ? productRows : p;
        double[] b = other ? productColumns : z;
        double dot = 0;
        for (int d = 0; d < width; d++) {
            dot += a[i * width + d] * b[j * width + d];
        }
        return dot / temperature;
    }

    /**
     * Adds weight times the gradients of the loss to dx [rows, width] and dzx [columns, width]; they may be one array if x is zx.
     *
     * @return the 2-norms of the gradients of rows and columns, or of both if they are one, before they lose their parts along the unit rows
     */
    @Override
    public double[] backward(double[] dx, double[] dzx, double[] x, double[] zx, double weight) {
        double[] p = normalize(x, rows, width);
        double[] z = normalize(zx, columns, width);
        double[] lse = new double[rows];
        loss(lse, x, zx);
        double[] dp = new double[rows * width];
        double[] dz = new double[columns * width];
        for (int i = 0; i < rows; i++) {
            double[] coefficient = coefficients(p, z, i, lse[i]);
            for (int j = 0; j < columns; j++) {
                double slope = weight / rows / temperature * coefficient[j];
                boolean other = productRows != null && j != positive[i];
                double[] column = other ? productColumns : z;
                double[] row = other ? productRows : p;
                for (int d = 0; d < width; d++) {
                    dp[i * width + d] += slope * column[j * width + d];
                    dz[j * width + d] += slope * row[i * width + d];
                }
            }
        }
        if (dx == dzx) {
            for (int i = 0; i < dp.length; i++) {
                dp[i] += dz[i];
            }
            double all = throughNormalization(dx, dp, x, p, rows);
            return new double[] {all, all};
        }
        return new double[] {throughNormalization(dx, dp, x, p, rows), throughNormalization(dzx, dz, zx, z, columns)};
    }

    /**
     * The 2-norm of what products add up to the gradients of rows and columns together: for each, the sum of its coefficients' sizes, without
     * its positives', over its length. Rounded coefficients err by this much at most, times their rounding, whatever they cancel with.
     */
    public double added(double[] x, double[] zx, double weight) {
        double[] p = normalize(x, rows, width);
        double[] z = normalize(zx, columns, width);
        double[] lse = new double[rows];
        loss(lse, x, zx);
        double[] ofRows = new double[rows];
        double[] ofColumns = x == zx ? ofRows : new double[columns];
        for (int i = 0; i < rows; i++) {
            double[] coefficient = coefficients(p, z, i, lse[i]);
            for (int j = 0; j < columns; j++) {
                double size = j == positive[i] ? 0 : Math.abs(weight / rows / temperature * coefficient[j]);
                ofRows[i] += size;
                ofColumns[j] += size;
            }
        }
        double squares = 0;
        for (int i = 0; i < rows; i++) {
            squares += Math.pow(ofRows[i] / norm(x, i, width), 2);
        }
        for (int j = 0; j < columns && ofColumns != ofRows; j++) {
            squares += Math.pow(ofColumns[j] / norm(zx, j, width), 2);
        }
        return Math.sqrt(squares);
    }

    /**
     * A row's softmax less one at its positive. That one is minus the sum of all others: written as 1 - 1 it would keep no digit where a row all
     * but has its positive. In doubles the cancellation showed as an error of 1e-16 beside gradients of 1e-14.
     */
    private double[] coefficients(double[] p, double[] z, int i, double lse) {
        double[] coefficient = new double[columns];
        double others = 0;
        for (int j = 0; j < columns; j++) {
            if (j != excluded[i] && j != positive[i]) {
                coefficient[j] = Math.exp(logit(p, z, i, j) - lse);
                others += coefficient[j];
            }
        }
        coefficient[positive[i]] = -others;
        return coefficient;
    }

    /** Adds to dx, and gives the 2-norm of what was there before the projection. */
    private double throughNormalization(double[] dx, double[] du, double[] x, double[] u, int count) {
        double before = 0;
        for (int r = 0; r < count; r++) {
            double norm = norm(x, r, width);
            double dot = 0;
            for (int d = 0; d < width; d++) {
                dot += du[r * width + d] * u[r * width + d];
            }
            for (int d = 0; d < width; d++) {
                int at = r * width + d;
                dx[at] += (du[at] - dot * u[at]) / norm;
                before += du[at] / norm * (du[at] / norm);
            }
        }
        return Math.sqrt(before);
    }
}
