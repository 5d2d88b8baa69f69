package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;
import io.github.vicmae.kernel.WarpRows;

/** The steps between the matrix products of VICReg (cuda/vicreg.cu; Bardes et al. 2022). A row's pair is the row half of them further on. */
public final class VicRegKernels {
    private static final int THREADS = 128;

    private final Stream stream;
    private final Kernel center;
    private final Kernel pairs;
    private final Kernel matrix;
    private final Kernel gradient;

    public VicRegKernels(Stream stream) {
        this.stream = stream;
        center = stream.device().kernel("vicreg", "vicreg_center", "pppiii");
        pairs = stream.device().kernel("vicreg", "vicreg_pairs", "ppppiif");
        matrix = stream.device().kernel("vicreg", "vicreg_matrix", "ppiiiffff");
        gradient = stream.device().kernel("vicreg", "vicreg_gradient", "pppiifi");
    }

    /**
     * centred = x less the mean of its group of {@code group} rows.
     *
     * @param centred [rows, width], written
     * @param x [rows, width]
     * @param sums [rows / group, width], the groups' sums
     */
    public void center(Tensor centred, Tensor x, Tensor sums, int rows, int width, int group) {
        Shapes.floats("vicReg", "centred", centred, rows, width);
        Shapes.floats("vicReg", "x", x, rows, width);
        Shapes.floats("vicReg", "sums", sums, rows / group, width);
        stream.begin(center).arg(centred).arg(x).arg(sums).arg(rows).arg(width).arg(group);
        stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * Each row less its pair's column.
     *
     * @param difference [rows, width], written
     * @param losses [rows], written: scale times the sum of a row's squared differences
     * @param x [rows, width]
     * @param columns [rows, width]; may be x
     */
    public void pairs(Tensor difference, Tensor losses, Tensor x, Tensor columns, int rows, int width, float scale) {
        Shapes.floats("vicReg", "difference", difference, rows, width);
        Shapes.atLeast("vicReg", "losses", losses, rows);
        Shapes.floats("vicReg", "x", x, rows, width);
        Shapes.floats("vicReg", "columns", columns, rows, width);
        stream.begin(pairs).arg(difference).arg(losses).arg(x).arg(columns);
        stream.arg(rows).arg(width).arg(scale);
        stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }

    /**
     * Turns the groups' x^T x into the matrices by which x is multiplied for the gradient.
     *
     * @param matrices [groups, width, width], x^T x; s afterwards
     * @param losses [at least at + groups * width]; written from element {@code at} on: the variance and covariance terms
     * @param samples rows of a group
     * @param spread the variance term's coefficient over the width
     * @param decorrelation the covariance term's coefficient over the width
     */
    public void matrices(
            Tensor matrices,
            Tensor losses,
            int at,
            int groups,
            int width,
            int samples,
            float spread,
            float decorrelation,
            float gamma,
            float eps) {
        Shapes.floats("vicReg", "matrices", matrices, groups, width, width);
        Shapes.atLeast("vicReg", "losses", losses, at + (long) groups * width);
        stream.begin(matrix)
                .arg(matrices)
                .arg(losses, at)
                .arg(groups)
                .arg(width)
                .arg(samples);
        stream.arg(spread).arg(decorrelation).arg(gamma).arg(eps);
        stream.launch(groups * width, THREADS);
    }

    /**
     * dx = weight * (dx + scale * difference).
     *
     * @param dx [rows, width], the products with the matrices; the gradient afterwards
     * @param difference [rows, width]
     * @param weight [1], on the device
     * @param ofPair whether row i takes the difference of its pair's row
     */
    public void gradient(
            Tensor dx, Tensor difference, Tensor weight, int rows, int width, float scale, boolean ofPair) {
        Shapes.floats("vicReg", "dx", dx, rows, width);
        Shapes.floats("vicReg", "difference", difference, rows, width);
        Shapes.floats("vicReg", "weight", weight, 1);
        stream.begin(gradient).arg(dx).arg(difference).arg(weight);
        stream.arg(rows).arg(width).arg(scale).arg(ofPair ? 1 : 0);
        stream.launch(WarpRows.blocks(rows), WarpRows.THREADS);
    }
}
