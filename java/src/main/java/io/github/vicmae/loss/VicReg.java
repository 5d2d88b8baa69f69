package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.contrastive.VicRegKernels;
import io.github.vicmae.layer.Scratch;

/**
 * VICReg (Bardes, Ponce and LeCun, ICLR 2022): 25 times the mean squared difference of the two views, 25 times the mean hinge that keeps each
 * width's standard deviation above 1, and the squared covariances of different widths over the width. The normalisation is that of the
 * published code, which halves the sum of the two views' hinges; the paper writes their sum. Rows are not normalised, and there are no
 * negatives.
 *
 * <p>With two heads it is the mean of the loss of the first view's rows and the second view's columns, and that of the second view's rows and
 * the first view's columns; gradients flow into both.
 */
final class VicReg implements ContrastiveLoss {
    static final float INVARIANCE = 25;
    static final float VARIANCE = 25;
    static final float COVARIANCE = 1;
    static final float GAMMA = 1;
    static final float EPS = 1e-4f;
    private static final int VIEWS = 2;

    private final Kernels kernels;
    private final Scratch scratch;
    private final ContrastiveShape shape;
    private final Tensor difference;
    private final Side rows;
    /** Null in the symmetric form. */
    private final Side columns;

    private final Tensor losses;
    private final Product product = new Product();

    /** The two views of one side. */
    private final class Side {
        final Tensor centred;
        final Tensor sums;
        final Tensor matrices;
        private Tensor[] centredViews;
        private Tensor[] sumsOfViews;
        private Tensor[] matricesOfViews;
        private Tensor lastInput;
        private Tensor[] inputViews;
        private Tensor lastGradient;
        private Tensor[] gradientViews;

        Side(Arena arena, String name) {
            centred = arena.floats("vicreg." + name, shape.rows(), shape.width());
            sums = arena.floats("vicreg." + name + ".sums", VIEWS, shape.width());
            matrices = arena.floats("vicreg." + name + ".matrices", VIEWS, shape.width(), shape.width());
        }

        void prepare() {
            centredViews = views(centred, shape.samples());
            sumsOfViews = views(sums, 1);
            matricesOfViews = views(matrices, shape.width());
        }

        /** Kept, since the tensors are the same in every step and a step allocates nothing. */
        void forward(Tensor x, int at, float share) {
            if (lastInput != x) {
                lastInput = x;
                inputViews = views(x, shape.samples());
            }
            int samples = shape.samples();
            int width = shape.width();
            kernels.stream().zero(sums);
            for (int view = 0; view < VIEWS; view++) {
                kernels.reduce().columnSum(sumsOfViews[view], inputViews[view], samples, width, scratch.tensor());
            }
            VicRegKernels k = kernels.vicReg();
            k.center(centred, x, sums, shape.rows(), width, samples);
            for (int view = 0; view < VIEWS; view++) {
                Tensor own = centredViews[view];
                kernels.matMul()
                        .multiply(product.of(own, true, own, false, width, width, samples)
                                .to(Epilogue.WRITE, matricesOfViews[view]));
            }
            k.matrices(
                    matrices,
                    losses,
                    at,
                    VIEWS,
                    width,
                    samples,
                    share * VARIANCE / 2 / width,
                    share * COVARIANCE / width,
                    GAMMA,
                    EPS);
        }

        void backward(Tensor dx, Tensor weight, float scale, boolean ofPair) {
            if (lastGradient != dx) {
                lastGradient = dx;
                gradientViews = views(dx, shape.samples());
            }
            int samples = shape.samples();
            int width = shape.width();
            for (int view = 0; view < VIEWS; view++) {
                kernels.matMul()
                        .multiply(product.of(
                                        centredViews[view], false, matricesOfViews[view], false, samples, width, width)
                                .to(Epilogue.WRITE, gradientViews[view]));
            }
            kernels.vicReg().gradient(dx, difference, weight, shape.rows(), width, scale, ofPair);
        }

        private Tensor[] views(Tensor both, int count) {
            int width = shape.width();
            return new Tensor[] {
                both.slice(both.name(), 0, count, width), both.slice(both.name(), (long) count * width, count, width)
            };
        }
    }

    VicReg(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        ContrastiveLosses.wantsNoExtraColumns("VICReg", shape);
        if (shape.samples() < 2) {
            throw new IllegalArgumentException(
                    "VICReg needs at least 2 samples for its variances, but was given " + shape.samples());
        }
        this.kernels = kernels;
        this.scratch = scratch;
        this.shape = shape;
        difference = arena.floats("vicreg.difference", shape.rows(), shape.width());
        rows = new Side(arena, "rows");
        columns = shape.symmetric() ? null : new Side(arena, "columns");
        int sides = shape.symmetric() ? 1 : 2;
        losses = arena.floats("vicreg.losses", shape.rows() + sides * VIEWS * shape.width());
        scratch.need(Reduce.scratchSize(kernels.stream(), shape.width()));
    }

    @Override
    public void prepare(Stream stream) {
        rows.prepare();
        if (columns != null) {
            columns.prepare();
        }
    }

    /** The pairs' squared differences are a mean over all rows and widths; in the symmetric form each pair occurs twice. */
    private float meanScale() {
        return INVARIANCE / ((float) shape.rows() * shape.width());
    }

    @Override
    public void forward(Tensor loss, Tensor x, Tensor z) {
        float share = shape.symmetric() ? 1 : 0.5f;
        kernels.vicReg().pairs(difference, losses, x, z, shape.rows(), shape.width(), meanScale());
        rows.forward(x, shape.rows(), share);
        if (columns != null) {
            columns.forward(z, shape.rows() + VIEWS * shape.width(), share);
        }
        kernels.reduce().sum(loss, losses, (int) losses.size());
    }

    @Override
    public void backward(Tensor drows, Tensor dcolumns, Tensor weight) {
        rows.backward(drows, weight, (shape.symmetric() ? 4 : 2) * meanScale(), false);
        if (columns != null) {
            columns.backward(dcolumns, weight, -2 * meanScale(), true);
        }
    }
}
