package io.github.vicmae.lab;

import io.github.vicmae.loss.ContrastiveShape;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;

/**
 * A loss's inputs.
 *
 * @param rows [R, D]
 * @param columns [K, D]; the array of the rows in the symmetric form
 * @param weight the factor of the gradients
 */
public record LossProblem(ContrastiveShape shape, float[] rows, float[] columns, float weight) {
    private static final float WEIGHT = 0.75f;
    private static final MathContext DIGITS = new MathContext(4);

    /** Standard normal inputs. */
    public static LossProblem random(ContrastiveShape shape, long seed) {
        Random random = new Random(seed);
        float[] rows = normal(random, shape.rows() * shape.width());
        float[] columns = shape.symmetric() ? rows : normal(random, shape.columns() * shape.width());
        return new LossProblem(shape, rows, columns, WEIGHT);
    }

    private static float[] normal(Random random, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** The shape in words. */
    public String words() {
        BigDecimal temperature = new BigDecimal(shape.temperature(), DIGITS).stripTrailingZeros();
        return shape.rows() + " x " + shape.columns() + " x " + shape.width() + ", "
                + (shape.symmetric() ? Form.SYMMETRIC : Form.TWO_SIDED).words() + ", t = "
                + temperature.toPlainString();
    }
}
