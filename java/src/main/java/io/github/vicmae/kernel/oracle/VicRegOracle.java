package io.github.vicmae.kernel.oracle;

/**
 * VICReg (Bardes, Ponce and LeCun, ICLR 2022) from its definition, in the normalisation of the published code: the invariance term is a mean over
 * samples and widths, and the variance term the mean of the two views' hinge losses. Rows and columns are two views of R / 2 samples each;
 * a row's pair is the column R / 2 further on. Where columns are not the rows, the loss is the mean of that of the first view's rows with
 * the second view's columns and the other way round.
 */
public final class VicRegOracle implements ContrastiveOracle {
    private final int rows;
    private final int width;
    private final double invariance;
    private final double variance;
    private final double covariance;
    private final double gamma;
    private final double eps;

    /**
     * @param rows an even number, at least 4
     * @param invariance weight of the pairs' mean squared difference
     * @param variance weight of the hinge on each width's standard deviation
     * @param covariance weight of the squared covariances
     * @param gamma the standard deviation that is wanted
     * @param eps added to variances
     */
    public VicRegOracle(
            int rows, int width, double invariance, double variance, double covariance, double gamma, double eps) {
        this.rows = rows;
        this.width = width;
        this.invariance = invariance;
        this.variance = variance;
        this.covariance = covariance;
        this.gamma = gamma;
        this.eps = eps;
    }

    @Override
    public double loss(double[] x, double[] y) {
        int half = rows / 2;
        double first = pair(x, 0, y, half);
        return x == y ? first : (first + pair(x, half, y, 0)) / 2;
    }

    /** Of the group of rows of x from {@code a} on, and that of y from {@code b} on. */
    private double pair(double[] x, int a, double[] y, int b) {
        double squares = 0;
        for (int i = 0; i < rows / 2 * width; i++) {
            double d = x[a * width + i] - y[b * width + i];
            squares += d * d;
        }
        return invariance * squares / (rows / 2 * width) + spread(x, a) + spread(y, b);
    }

    /** A group's variance and covariance terms. */
    private double spread(double[] x, int from) {
        double[] c = covariances(x, from);
        double hinge = 0;
        double squares = 0;
        for (int i = 0; i < width; i++) {
            hinge += Math.max(0, gamma - Math.sqrt(c[i * width + i] + eps));
            for (int j = 0; j < width; j++) {
                squares += i == j ? 0 : c[i * width + j] * c[i * width + j];
            }
        }
        return variance / 2 * hinge / width + covariance * squares / width;
    }

    private double[] centred(double[] x, int from) {
        int count = rows / 2;
        double[] centred = new double[count * width];
        for (int j = 0; j < width; j++) {
            double mean = 0;
            for (int r = 0; r < count; r++) {
                mean += x[(from + r) * width + j] / count;
            }
            for (int r = 0; r < count; r++) {
                centred[r * width + j] = x[(from + r) * width + j] - mean;
            }
        }
        return centred;
    }

    private double[] covariances(double[] x, int from) {
        int count = rows / 2;
        double[] centred = centred(x, from);
        double[] c = new double[width * width];
        for (int i = 0; i < width; i++) {
            for (int j = 0; j < width; j++) {
                double sum = 0;
                for (int r = 0; r < count; r++) {
                    sum += centred[r * width + i] * centred[r * width + j];
                }
                c[i * width + j] = sum / (count - 1);
            }
        }
        return c;
    }

    @Override
    public double[] backward(double[] dx, double[] dy, double[] x, double[] y, double weight) {
        int half = rows / 2;
        double[] terms = new double[2];
        if (x == y) {
            addPair(dx, dy, x, 0, y, half, weight, terms);
            terms[0] = terms[1] = terms[0] + terms[1];
        } else {
            addPair(dx, dy, x, 0, y, half, weight / 2, terms);
            addPair(dx, dy, x, half, y, 0, weight / 2, terms);
        }
        return new double[] {Math.sqrt(terms[0]), Math.sqrt(terms[1])};
    }

    private void addPair(
            double[] dx, double[] dy, double[] x, int a, double[] y, int b, double weight, double[] terms) {
        double slope = weight * invariance * 2 / (rows / 2 * width);
        for (int i = 0; i < rows / 2 * width; i++) {
            double d = slope * (x[a * width + i] - y[b * width + i]);
            dx[a * width + i] += d;
            dy[b * width + i] -= d;
            terms[0] += d * d;
            terms[1] += d * d;
        }
        terms[0] += addSpread(dx, x, a, weight);
        terms[1] += addSpread(dy, y, b, weight);
    }

    /** Adds the gradient of {@link #spread}, and gives the squares of its terms. */
    private double addSpread(double[] dx, double[] x, int from, double weight) {
        int count = rows / 2;
        double[] centred = centred(x, from);
        double[] c = covariances(x, from);
        double[] dCentred = new double[count * width];
        double terms = 0;
        for (int r = 0; r < count; r++) {
            for (int i = 0; i < width; i++) {
                double deviation = Math.sqrt(c[i * width + i] + eps);
                double own = deviation < gamma
                        ? -variance / 2 / width * centred[r * width + i] / (deviation * (count - 1))
                        : 0;
                double others = 0;
                for (int j = 0; j < width; j++) {
                    others += i == j ? 0 : c[i * width + j] * centred[r * width + j];
                }
                double off = covariance / width * 4 / (count - 1) * others;
                dCentred[r * width + i] = weight * (own + off);
                terms += weight * weight * (own * own + off * off);
            }
        }
        for (int i = 0; i < width; i++) {
            double mean = 0;
            for (int r = 0; r < count; r++) {
                mean += dCentred[r * width + i] / count;
            }
            for (int r = 0; r < count; r++) {
                dx[(from + r) * width + i] += dCentred[r * width + i] - mean;
            }
        }
        return terms;
    }
}
