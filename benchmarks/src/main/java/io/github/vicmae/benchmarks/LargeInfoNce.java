package io.github.vicmae.benchmarks;

import io.github.vicmae.kernel.oracle.InfoNceOracle;
import java.util.stream.IntStream;

/**
 * The symmetric InfoNCE of many rows in double precision, on all cores: the loss of all rows and the gradient of the first few. It holds nothing
 * of rows x rows size.
 */
final class LargeInfoNce {
    private final int rows;
    private final int width;
    private final double temperature;
    private final double[] x;
    private final double[] unit;
    private final double[] sums;

    LargeInfoNce(double[] x, int rows, int width, double temperature) {
        this.rows = rows;
        this.width = width;
        this.temperature = temperature;
        this.x = x;
        unit = InfoNceOracle.normalize(x, rows, width);
        sums = IntStream.range(0, rows).parallel().mapToDouble(this::sum).toArray();
    }

    /** The sum of exp(logit - 1 / temperature) over the columns but the row's own. */
    private double sum(int row) {
        double sum = 0;
        for (int j = 0; j < rows; j++) {
            sum += j == row ? 0 : term(row, j);
        }
        return sum;
    }

    private double term(int i, int j) {
        return Math.exp((dot(i, j) - 1) / temperature);
    }

    private double dot(int i, int j) {
        double even = 0;
        double odd = 0;
        int d = 0;
        for (; d + 1 < width; d += 2) {
            even += unit[i * width + d] * unit[j * width + d];
            odd += unit[i * width + d + 1] * unit[j * width + d + 1];
        }
        return even + odd + (d < width ? unit[i * width + d] * unit[j * width + d] : 0);
    }

    double loss() {
        double loss = 0;
        for (int i = 0; i < rows; i++) {
            loss += (Math.log(sums[i]) + (1 - dot(i, (i + rows / 2) % rows)) / temperature) / rows;
        }
        return loss;
    }

    /** The gradients of the first rows, [count, width], of which each is both a row and a column. */
    double[] gradient(int count) {
        double[] dx = new double[count * width];
        for (int i = 0; i < count; i++) {
            double[] du = new double[width];
            int positive = (i + rows / 2) % rows;
            for (int j = 0; j < rows; j++) {
                double slope = j == i ? 0 : term(i, j) * (1 / sums[i] + 1 / sums[j]) - (j == positive ? 2 : 0);
                for (int d = 0; d < width; d++) {
                    du[d] += slope / rows / temperature * unit[j * width + d];
                }
            }
            double along = 0;
            double squares = 0;
            for (int d = 0; d < width; d++) {
                along += du[d] * unit[i * width + d];
                squares += x[i * width + d] * x[i * width + d];
            }
            for (int d = 0; d < width; d++) {
                dx[i * width + d] = (du[d] - along * unit[i * width + d]) / Math.sqrt(squares);
            }
        }
        return dx;
    }
}
