package io.github.vicmae.layer;

import io.github.vicmae.kernel.Philox;
import java.util.Arrays;

/** How a parameter starts. */
public sealed interface Init {
    /** Fills an array of the parameter's size, drawing from {@code random} if it draws at all. */
    void fill(float[] values, Philox random);

    /** Every element the same. */
    record Constant(float value) implements Init {
        @Override
        public void fill(float[] values, Philox random) {
            Arrays.fill(values, value);
        }
    }

    /** Uniform in +-bound. */
    record Uniform(double bound) implements Init {
        /** Glorot and Bengio 2010: bound = sqrt(6 / (in + out)). */
        static Uniform xavier(int in, int out) {
            return new Uniform(Math.sqrt(6.0 / (in + out)));
        }

        @Override
        public void fill(float[] values, Philox random) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (bound * (2.0 * random.nextFloat() - 1));
            }
        }
    }

    /** Normal around 0. */
    record Normal(double deviation) implements Init {
        @Override
        public void fill(float[] values, Philox random) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (deviation * random.nextGaussian());
            }
        }
    }

    /** A fixed table. */
    record Table(float[] table) implements Init {
        @Override
        public void fill(float[] values, Philox random) {
            System.arraycopy(table, 0, values, 0, values.length);
        }
    }
}
