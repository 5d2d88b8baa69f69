package io.github.vicmae.kernel.contrastive;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.oracle.InfoNceOracle;

/** One InfoNCE problem on a fixture's device: its tensors, both passes, and what the oracle says. */
final class InfoNceProblem implements AutoCloseable {
    static final float WEIGHT = 0.03f;

    private final KernelFixture fixture;
    private final InfoNceShape shape;
    private final InfoNceKernels kernels;
    private final Arena arena = new Arena("infonce test");
    private final InfoNceState state;
    private final InfoNcePairs pairs;
    private final int[] positive;
    private final int[] excluded;
    private final float[] x;
    private final float[] zx;
    private final Tensor rows;
    private final Tensor columns;
    private final Tensor loss;
    private final Tensor dx;
    private final Tensor dzx;
    private final Tensor weight;
    private final Tensor scratch;

    /**
     * @param zx null in the symmetric form
     */
    InfoNceProblem(
            KernelFixture fixture,
            InfoNceTuning tuning,
            InfoNceShape shape,
            int[] positive,
            int[] excluded,
            float[] x,
            float[] zx) {
        this.fixture = fixture;
        this.shape = shape;
        this.positive = positive;
        this.excluded = excluded;
        this.x = x;
        this.zx = shape.symmetric() ? x : zx;
        kernels = new InfoNceKernels(fixture.stream(), tuning);
        state = new InfoNceState(arena, shape);
        pairs = new InfoNcePairs(arena, shape);
        arena.allocate(fixture.stream().device());
        pairs.write(fixture.stream(), positive, excluded);
        rows = fixture.tensor(x, shape.rows(), shape.width());
        columns = shape.symmetric() ? rows : fixture.tensor(zx, shape.columns(), shape.width());
        loss = fixture.unwritten(1);
        dx = fixture.unwritten(shape.rows(), shape.width());
        dzx = shape.symmetric() ? null : fixture.unwritten(shape.columns(), shape.width());
        weight = fixture.tensor(new float[] {WEIGHT}, 1);
        scratch = fixture.unwritten(Math.toIntExact(kernels.scratchSize(shape)));
    }

    /** Random rows, of which some are near their positives, with positives and excluded columns anywhere. */
    static InfoNceProblem random(KernelFixture fixture, InfoNceTuning tuning, InfoNceShape shape) {
        int rows = shape.rows();
        int width = shape.width();
        float[] x = fixture.normal(rows * width, 3);
        float[] zx = shape.symmetric() ? x : fixture.normal(shape.columns() * width, 2);
        int[] positive = new int[rows];
        int[] excluded = new int[rows];
        for (int i = 0; i < rows; i++) {
            if (shape.symmetric()) {
                excluded[i] = i;
                // Pairs, as of two views; in an odd number of rows others as well.
                positive[i] = rows % 2 == 0
                        ? (i + rows / 2) % rows
                        : (i + 1 + fixture.random().nextInt(rows - 1)) % rows;
            } else {
                positive[i] = fixture.random().nextInt(shape.columns());
                // A row may leave out its positive, none, or any other.
                excluded[i] = i % 5 == 4 ? positive[i] : fixture.random().nextInt(shape.columns() + 1) - 1;
            }
            if (i % 3 == 0) {
                for (int d = 0; d < width; d++) {
                    x[i * width + d] = zx[positive[i] * width + d] + 0.1f * x[i * width + d];
                }
            }
        }
        return new InfoNceProblem(fixture, tuning, shape, positive, excluded, x, zx);
    }

    InfoNceShape shape() {
        return shape;
    }

    void forward() {
        kernels.forward(loss, state, pairs, rows, columns, scratch);
    }

    void backward() {
        kernels.backward(dx, dzx, state, pairs, weight, scratch);
    }

    /** Loss, statistics and gradients, one behind the other. */
    float[][] results() {
        return new float[][] {
            fixture.stream().read(loss),
            fixture.stream().read(state.statistics()),
            fixture.stream().read(dx),
            dzx == null ? new float[0] : fixture.stream().read(dzx)
        };
    }

    float loss() {
        return fixture.stream().read(loss)[0];
    }

    /** Whether products are of rounded unit rows: then the oracle takes the same. */
    private boolean rounds() {
        return shape.precision() == Precision.BF16
                && fixture.stream().device().kind() == io.github.vicmae.device.Device.Kind.CUDA;
    }

    private double[] rounded(Tensor unit) {
        float[] values = fixture.stream().read(unit);
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = DType.fromBf16(DType.toBf16(values[i]));
        }
        return result;
    }

    private InfoNceOracle oracle() {
        InfoNceOracle oracle = new InfoNceOracle(
                shape.rows(), shape.columns(), shape.width(), shape.temperature(), positive, excluded);
        return rounds() ? oracle.products(rounded(state.unitRows()), rounded(state.unitColumns())) : oracle;
    }

    /** Of a row and a column as the products take them; before the forward pass has run there are none. */
    double roundedCosine(int row, int column) {
        double[] p =
                rounds() ? rounded(state.unitRows()) : doubles(fixture.stream().read(state.unitRows()));
        double[] z = rounds()
                ? rounded(state.unitColumns())
                : doubles(fixture.stream().read(state.unitColumns()));
        double dot = 0;
        for (int d = 0; d < shape.width(); d++) {
            dot += p[row * shape.width() + d] * z[column * shape.width() + d];
        }
        return dot;
    }

    double expectedLoss() {
        return oracle().loss(new double[shape.rows()], doubles(x), doubles(zx));
    }

    /** A logit of size 1 / temperature is rounded to 1e-7 of itself, and so are lse and the loss, absolutely. */
    void assertForward() {
        fixture.assertClose(
                "unit rows " + shape,
                InfoNceOracle.normalize(doubles(x), shape.rows(), shape.width()),
                state.unitRows(),
                1e-6);
        fixture.assertClose(
                "unit columns " + shape,
                InfoNceOracle.normalize(doubles(zx), shape.columns(), shape.width()),
                state.unitColumns(),
                1e-6);
        double[] lse = new double[shape.rows()];
        double expected = oracle().loss(lse, doubles(x), doubles(zx));
        double limit = 1e-6 + 5e-7 / shape.temperature();
        assertEquals(expected, loss(), limit + 1e-6 * Math.abs(expected), "loss " + shape + fixture.seedToRepeat());
        float[] actual = fixture.stream().read(state.statistics());
        for (int i = 0; i < lse.length; i++) {
            assertEquals(
                    lse[i],
                    actual[i],
                    limit + 1e-6 * Math.abs(lse[i]),
                    "lse[" + i + "] " + shape + fixture.seedToRepeat());
        }
    }

    /**
     * That rounding of the logits is a relative error of their exponentials, and stays in the gradient; on tensor cores the coefficients are
     * rounded to eight bits besides. With few dimensions or a small temperature a whole gradient may be a difference of nearly parallel vectors:
     * errors are held against what was added up.
     */
    void assertBackward(double limit) {
        double[] expectedX = new double[x.length];
        double[] expectedZ = shape.symmetric() ? expectedX : new double[zx.length];
        InfoNceOracle oracle = oracle();
        double[] terms = oracle.backward(expectedX, expectedZ, doubles(x), doubles(zx), WEIGHT);
        double ofX = terms[0];
        double ofZ = terms[1];
        if (rounds()) { // each coefficient is rounded, also where it cancels with another
            double[] columns = shape.symmetric() ? doubles(x) : doubles(zx);
            double[] rows = shape.symmetric() ? columns : doubles(x);
            ofX = ofZ = oracle.added(rows, columns, WEIGHT);
        }
        fixture.assertClose("dx " + shape, expectedX, dx, limit, ofX);
        if (dzx != null) {
            fixture.assertClose("dzx " + shape, expectedZ, dzx, limit, ofZ);
        }
    }

    double limit() {
        double logits = 1e-5 + 1e-6 / shape.temperature();
        return rounds() ? logits + 0x1p-8 : logits; // half the spacing of bfloat16 at 1
    }

    /** That nothing is left of a pass in what the next one starts from. */
    void assertRepeatable() {
        float[][] first = results();
        forward();
        backward();
        float[][] second = results();
        for (int i = 0; i < first.length; i++) {
            assertTrue(
                    java.util.Arrays.equals(first[i], second[i]), "result " + i + " differs the second time, " + shape);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
