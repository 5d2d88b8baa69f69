package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/**
 * InfoNCE over unit rows and its gradients, fused with the L2 normalisation in front of it, without ever holding the rows x columns logits
 * (cuda/info_nce.cu; van den Oord et al. 2018, and in its symmetric form Chen et al. 2020). Memory and scratch are linear in the rows.
 */
public final class InfoNceKernels {
    private static final int THREADS = 256;
    /** Rows and columns of a tile; TILE in the source. */
    private static final int TILE = 64;
    /** Down to here sums of exp(s) stay within a float's range without a running maximum. */
    private static final float BOUNDED_FROM = 0.02f;
    /** The modes of the gradient kernel. */
    private static final int BY_ROWS = 0;

    private static final int BY_COLUMNS = 1;
    private static final int SYMMETRIC = 2;

    private final Stream stream;
    private final Kernel normalize;
    private final Kernel pack;
    private final Kernel sums;
    private final Kernel rowLosses;
    private final Kernel mean;
    private final Kernel gradient;
    private final Kernel input;

    public InfoNceKernels(Stream stream) {
        this.stream = stream;
        normalize = stream.device().kernel("info_nce", "info_nce_normalize", "pppii");
        pack = stream.device().kernel("info_nce", "info_nce_pack", "pppiii");
        sums = stream.device().kernel("info_nce", "info_nce_sums", "ppppppiiiifi");
        rowLosses = stream.device().kernel("info_nce", "info_nce_rows", "ppppppppiiiif");
        mean = stream.device().kernel("info_nce", "info_nce_mean", "ppi");
        gradient = stream.device().kernel("info_nce", "info_nce_gradient", "pppppppppiiiifii");
        input = stream.device().kernel("info_nce", "info_nce_input", "pppppppppiiiiifi");
    }

    /** Floats of scratch that {@link #forward} and the backward methods need: a few times (rows + columns) * width. */
    public static long scratchSize(Stream stream, int rows, int columns, int width) {
        long accumulated = Math.max(
                (long) parts(stream, rows, columns) * packed(rows, width),
                (long) parts(stream, columns, rows) * packed(columns, width));
        return 2 * (packed(rows, width) + packed(columns, width)) + perRow(stream, rows, columns) + accumulated;
    }

    /** In how many parts the inner side is cut, each summed by a block of its own: enough blocks even where there are few rows. */
    private static int parts(Stream stream, int outer, int inner) {
        int wanted = stream.device().partialBlocks() / tiles(outer);
        return Math.max(1, Math.min(Math.min(wanted, tiles(inner)), 16));
    }

    private static int tiles(int count) {
        return (count + TILE - 1) / TILE;
    }

    private static int padded(int width) {
        return tiles(width) * TILE;
    }

    /** Elements of rows filled up to whole tiles. */
    private static long packed(int count, int width) {
        return (long) tiles(count) * TILE * padded(width);
    }

    /** Elements for one number a row, and for two a row and part: partial sums and maxima forward, sums of coefficients backward. */
    private static long perRow(Stream stream, int rows, int columns) {
        return (2L * parts(stream, rows, columns) + 1) * tiles(rows) * TILE;
    }

    /**
     * unit = x / max(|x|, 1e-12) for each row.
     *
     * @param unit [rows, width], written
     * @param inverseNorm [rows], 1 / max(|x|, 1e-12), written
     * @param x [rows, width]
     */
    public void normalize(Tensor unit, Tensor inverseNorm, Tensor x, int rows, int width) {
        Shapes.floats("infoNce", "unit", unit, rows, width);
        Shapes.floats("infoNce", "inverseNorm", inverseNorm, rows);
        Shapes.floats("infoNce", "x", x, rows, width);
        stream.begin(normalize).arg(unit).arg(inverseNorm).arg(x).arg(rows).arg(width);
        stream.launch(rows, THREADS);
    }

    /**
     * The loss: mean over rows of lse_i - s_i,positive(i), with s_ij = p_i . z_j / temperature and lse_i the logarithm of the sum of
     * exp(s_ij) over all columns but the excluded one.
     *
     * @param loss [1], written
     * @param lse [rows], written
     * @param p [rows, width], unit rows
     * @param z [columns, width], unit rows; may be {@code p}
     * @param positive [rows] integers in [0, columns)
     * @param excluded [rows] integers: the column that row i's sum leaves out, -1 for none
     * @param temperature above 0; exact to fp32 down to 0.01
     * @param scratch at least {@link #scratchSize} floats
     */
    public void forward(
            Tensor loss,
            Tensor lse,
            Tensor p,
            Tensor z,
            Tensor positive,
            Tensor excluded,
            int rows,
            int columns,
            int width,
            float temperature,
            Tensor scratch) {
        check(lse, p, positive, rows, columns, width, temperature, scratch);
        Shapes.floats("infoNce", "loss", loss, 1);
        Shapes.floats("infoNce", "z", z, columns, width);
        Shapes.ints("infoNce", "excluded", excluded, rows);
        long rowSize = packed(rows, width);
        long columnSize = packed(columns, width);
        pack(scratch, 0, p, rows, width);
        pack(scratch, 2 * rowSize, z, columns, width);
        int parts = parts(stream, rows, columns);
        int stride = tiles(rows) * TILE;
        long sumsAt = 2 * (rowSize + columnSize);
        long maximaAt = sumsAt + (long) parts * stride;
        long rowLossAt = maximaAt + (long) parts * stride;
        stream.begin(sums).arg(scratch, sumsAt).arg(scratch, maximaAt);
        stream.arg(scratch, rowSize)
                .arg(scratch, 2 * rowSize + columnSize)
                .arg(positive)
                .arg(excluded);
        stream.arg(rows).arg(columns).arg(width).arg(padded(width)).arg(1 / temperature);
        stream.arg(bounded(temperature)).launch(tiles(rows), parts, 1, THREADS, 0);
        stream.begin(rowLosses).arg(lse).arg(scratch, rowLossAt).arg(scratch, sumsAt);
        stream.arg(scratch, maximaAt)
                .arg(p)
                .arg(z)
                .arg(positive)
                .arg(excluded)
                .arg(rows)
                .arg(width);
        stream.arg(parts).arg(stride).arg(1 / temperature).launch(rows, THREADS);
        stream.begin(mean).arg(loss).arg(scratch, rowLossAt).arg(rows).launch(1, THREADS);
    }

    /**
     * The gradients of weight * loss with respect to rows and columns before their normalisation: one pass for each side.
     *
     * @param dx [rows, width], written
     * @param dzx [columns, width], written
     * @param p [rows, width], unit rows
     * @param z [columns, width], unit rows
     * @param inverseNormP [rows], as {@link #normalize} wrote it
     * @param inverseNormZ [columns], as {@link #normalize} wrote it
     * @param lse [rows], as {@link #forward} wrote it
     * @param positive [rows] integers in [0, columns)
     * @param excluded [rows] integers, -1 for none
     * @param weight [1], on the device
     * @param scratch at least {@link #scratchSize} floats
     */
    public void backward(
            Tensor dx,
            Tensor dzx,
            Tensor p,
            Tensor z,
            Tensor inverseNormP,
            Tensor inverseNormZ,
            Tensor lse,
            Tensor positive,
            Tensor excluded,
            int rows,
            int columns,
            int width,
            float temperature,
            Tensor weight,
            Tensor scratch) {
        check(lse, p, positive, rows, columns, width, temperature, scratch);
        Shapes.floats("infoNce", "z", z, columns, width);
        Shapes.floats("infoNce", "dx", dx, rows, width);
        Shapes.floats("infoNce", "dzx", dzx, columns, width);
        Shapes.floats("infoNce", "inverseNormP", inverseNormP, rows);
        Shapes.floats("infoNce", "inverseNormZ", inverseNormZ, columns);
        Shapes.ints("infoNce", "excluded", excluded, rows);
        Shapes.floats("infoNce", "weight", weight, 1);
        long columnsAt = 2 * packed(rows, width);
        long restAt = columnsAt + 2 * packed(columns, width);
        long sumAt = restAt + perRow(stream, rows, columns);
        float scale = 1 / (rows * temperature);
        pack(scratch, 0, p, rows, width);
        pack(scratch, columnsAt, z, columns, width);
        pass(BY_ROWS, 0, columnsAt, restAt, sumAt, lse, positive, excluded, rows, columns, width, temperature, scratch);
        input(BY_ROWS, restAt, sumAt, dx, p, z, positive, inverseNormP, weight, rows, columns, width, scale, scratch);
        pass(
                BY_COLUMNS,
                columnsAt,
                0,
                restAt,
                sumAt,
                lse,
                positive,
                excluded,
                columns,
                rows,
                width,
                temperature,
                scratch);
        input(
                BY_COLUMNS,
                restAt,
                sumAt,
                dzx,
                z,
                p,
                positive,
                inverseNormZ,
                weight,
                columns,
                rows,
                width,
                scale,
                scratch);
    }

    /**
     * The gradient of weight * loss in the symmetric form, where p and z are the same rows, each row excludes itself and {@code positive}
     * is an involution: one pass.
     *
     * @param dx [rows, width], written: the gradient with respect to the rows before their normalisation
     * @param unit [rows, width], unit rows
     * @param inverseNorm [rows], as {@link #normalize} wrote it
     * @param lse [rows], as {@link #forward} wrote it
     * @param positive [rows] integers in [0, rows)
     * @param weight [1], on the device
     * @param scratch at least {@link #scratchSize} floats for as many columns as rows
     */
    public void backwardSymmetric(
            Tensor dx,
            Tensor unit,
            Tensor inverseNorm,
            Tensor lse,
            Tensor positive,
            int rows,
            int width,
            float temperature,
            Tensor weight,
            Tensor scratch) {
        check(lse, unit, positive, rows, rows, width, temperature, scratch);
        Shapes.floats("infoNce", "dx", dx, rows, width);
        Shapes.floats("infoNce", "inverseNorm", inverseNorm, rows);
        Shapes.floats("infoNce", "weight", weight, 1);
        long restAt = 2 * packed(rows, width);
        long sumAt = restAt + perRow(stream, rows, rows);
        float scale = 1 / (rows * temperature);
        pack(scratch, 0, unit, rows, width);
        pass(SYMMETRIC, 0, 0, restAt, sumAt, lse, positive, positive, rows, rows, width, temperature, scratch);
        input(
                SYMMETRIC,
                restAt,
                sumAt,
                dx,
                unit,
                unit,
                positive,
                inverseNorm,
                weight,
                rows,
                rows,
                width,
                scale,
                scratch);
    }

    /** Packs rows into tiles at {@code at}: straight, and behind that transposed. */
    private void pack(Tensor scratch, long at, Tensor unit, int count, int width) {
        stream.begin(pack)
                .arg(scratch, at)
                .arg(scratch, at + packed(count, width))
                .arg(unit);
        stream.arg(count).arg(width).arg(padded(width)).launch(tiles(count), THREADS);
    }

    /**
     * Sums coefficient times inner row for each outer row, by parts, into scratch from {@code sumAt} on, and a row's coefficients from
     * {@code restAt} on: first the rows' whole sums, which {@link #input} writes and the pass by columns reads, then those of each part.
     */
    private void pass(
            int mode,
            long outerAt,
            long innerAt,
            long restAt,
            long sumAt,
            Tensor lse,
            Tensor positive,
            Tensor excluded,
            int outer,
            int inner,
            int width,
            float temperature,
            Tensor scratch) {
        int rows = mode == BY_COLUMNS ? inner : outer;
        stream.begin(gradient).arg(scratch, sumAt).arg(scratch, restAt + (long) tiles(rows) * TILE);
        stream.arg(scratch, restAt).arg(scratch, outerAt + packed(outer, width));
        stream.arg(scratch, innerAt + packed(inner, width)).arg(scratch, innerAt);
        stream.arg(lse)
                .arg(positive)
                .arg(excluded)
                .arg(outer)
                .arg(inner)
                .arg(width)
                .arg(padded(width));
        stream.arg(1 / temperature).arg(bounded(temperature)).arg(mode);
        stream.launch(tiles(outer), parts(stream, outer, inner), 1, THREADS, 0);
    }

    /** Adds the parts up, puts the positive's term in, and takes the sum through the normalisation. */
    private void input(
            int mode,
            long restAt,
            long sumAt,
            Tensor dx,
            Tensor unit,
            Tensor other,
            Tensor positive,
            Tensor inverseNorm,
            Tensor weight,
            int outer,
            int inner,
            int width,
            float scale,
            Tensor scratch) {
        int rows = mode == BY_COLUMNS ? inner : outer;
        stream.begin(input).arg(dx).arg(scratch, restAt).arg(scratch, sumAt);
        stream.arg(scratch, restAt + (long) tiles(rows) * TILE)
                .arg(unit)
                .arg(other)
                .arg(positive);
        stream.arg(inverseNorm).arg(weight).arg(outer).arg(width).arg(padded(width));
        stream.arg(parts(stream, outer, inner))
                .arg(tiles(outer) * TILE)
                .arg(scale)
                .arg(mode);
        stream.launch(outer, THREADS);
    }

    private static int bounded(float temperature) {
        return temperature >= BOUNDED_FROM ? 1 : 0;
    }

    private void check(
            Tensor lse,
            Tensor p,
            Tensor positive,
            int rows,
            int columns,
            int width,
            float temperature,
            Tensor scratch) {
        if (!(temperature > 0)) {
            throw new IllegalArgumentException("infoNce wants a temperature above 0 but was given " + temperature);
        }
        Shapes.floats("infoNce", "lse", lse, rows);
        Shapes.floats("infoNce", "p", p, rows, width);
        Shapes.ints("infoNce", "positive", positive, rows);
        Shapes.atLeast("infoNce", "scratch", scratch, scratchSize(stream, rows, columns, width));
    }
}
