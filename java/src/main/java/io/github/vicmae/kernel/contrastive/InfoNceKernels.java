package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;

/**
 * InfoNCE and its gradients, fused with the L2 normalisation in front of it, without ever holding the rows x columns logits (cuda/info_nce.cu;
 * van den Oord et al. 2018, and in its symmetric form Chen et al. 2020). Memory and scratch are linear in the rows and columns.
 *
 * <p>Three forms of the same sums: by tiles in floats on every device; by tiles on tensor cores where the shape says bfloat16 and the device is
 * CUDA; and on the CPU by panels that the library multiplies, where there is one.
 */
public final class InfoNceKernels {
    private static final int THREADS = 256;
    /** Rows that a block of the normalising kernel takes at once; ROWS_AT_ONCE in the source. */
    private static final int NORMALIZED_AT_ONCE = 8;

    private final Stream stream;
    private final InfoNceTuning tuning;
    private final Kernel normalize;
    private final InfoNceTiles floatTiles;
    /** Null on the CPU. */
    private final InfoNceTiles tensorCoreTiles;
    /** Null on a CUDA device, and where the library is not to be used. */
    private final InfoNcePanels panels;

    public InfoNceKernels(Stream stream) {
        this(stream, InfoNceTuning.of(stream.device()));
    }

    InfoNceKernels(Stream stream, InfoNceTuning tuning) {
        this.stream = stream;
        this.tuning = tuning;
        normalize = stream.device().kernel("info_nce", "info_nce_normalize", "ppppiii");
        floatTiles = new InfoNceTiles(stream, Precision.FP32, tuning);
        boolean cpu = stream.device().kind() == Device.Kind.CPU;
        tensorCoreTiles = cpu ? null : new InfoNceTiles(stream, Precision.BF16, tuning);
        panels = cpu && tuning.library() ? new InfoNcePanels(stream, tuning.panel()) : null;
    }

    /** Floats of scratch that both passes need. */
    public long scratchSize(InfoNceShape shape) {
        long size = tiles(shape).scratchSize(shape);
        return panels == null ? size : Math.max(size, panels.scratchSize(shape));
    }

    private InfoNceTiles tiles(InfoNceShape shape) {
        return shape.precision() == Precision.BF16 && tensorCoreTiles != null ? tensorCoreTiles : floatTiles;
    }

    /**
     * The loss: mean over rows of lse_i - s_i,positive(i), where s_ij is the cosine of row i and column j over the temperature, and lse_i the
     * logarithm of the sum of exp(s_ij) over all columns but the excluded one.
     *
     * @param loss [1], written
     * @param state written
     * @param x [R, D], rows before their normalisation
     * @param zx [K, D], columns before theirs; x in the symmetric form
     * @param scratch at least {@link #scratchSize} floats
     */
    public void forward(Tensor loss, InfoNceState state, InfoNcePairs pairs, Tensor x, Tensor zx, Tensor scratch) {
        InfoNceShape shape = check(state, pairs, scratch);
        Shapes.floats("infoNce", "loss", loss, 1);
        Shapes.floats("infoNce", "x", x, shape.rows(), shape.width());
        Shapes.floats("infoNce", "zx", zx, shape.columns(), shape.width());
        if (shape.symmetric() && x != zx) {
            throw new IllegalArgumentException(
                    "infoNce in the symmetric form wants its rows as its columns but was given " + zx + " beside " + x);
        }
        boolean raw = Math.max(shape.rows(), shape.columns()) <= tuning.normalizedInTiles();
        if (panels != null || !raw) {
            normalize(state, x, zx);
        }
        if (panels == null || !panels.forward(loss, state, pairs, scratch)) {
            boolean done = panels != null || !raw;
            Tensor p = done ? state.unitRows() : x;
            Tensor z = done ? state.unitColumns() : zx;
            tiles(shape).forward(loss, state, pairs, p, z, !done, scratch);
        }
    }

    private void normalize(InfoNceState state, Tensor x, Tensor zx) {
        InfoNceShape shape = state.shape();
        normalize(state.unitRows(), state.inverseNormRows(), state.roundedRows(), x, shape.rows(), shape);
        if (!shape.symmetric()) {
            normalize(
                    state.unitColumns(),
                    state.inverseNormColumns(),
                    state.roundedColumns(),
                    zx,
                    shape.columns(),
                    shape);
        }
    }

    private void normalize(Tensor unit, Tensor inverse, Tensor rounded, Tensor x, int count, InfoNceShape shape) {
        stream.begin(normalize).arg(unit).arg(inverse).argOrNull(rounded).arg(x);
        stream.arg(count).arg(shape.width()).arg(shape.paddedWidth());
        stream.launch((count + NORMALIZED_AT_ONCE - 1) / NORMALIZED_AT_ONCE, THREADS);
    }

    /**
     * Rows divided by max(norm, 1e-12).
     *
     * @param unit [rows, width], written
     * @param inverseNorm [rows], written
     * @param x [rows, width]
     */
    public void normalize(Tensor unit, Tensor inverseNorm, Tensor x, int rows, int width) {
        Shapes.floats("normalize", "unit", unit, rows, width);
        Shapes.floats("normalize", "inverseNorm", inverseNorm, rows);
        Shapes.floats("normalize", "x", x, rows, width);
        stream.begin(normalize)
                .arg(unit)
                .arg(inverseNorm)
                .argOrNull(null)
                .arg(x)
                .arg(rows)
                .arg(width)
                .arg(width);
        stream.launch((rows + NORMALIZED_AT_ONCE - 1) / NORMALIZED_AT_ONCE, THREADS);
    }

    /**
     * The gradients of weight * loss with respect to rows and columns before their normalisation.
     *
     * @param dx [R, D], written
     * @param dzx [K, D], written; in the symmetric form not used
     * @param state as {@link #forward} wrote it
     * @param weight [1], on the device
     * @param scratch at least {@link #scratchSize} floats
     */
    public void backward(Tensor dx, Tensor dzx, InfoNceState state, InfoNcePairs pairs, Tensor weight, Tensor scratch) {
        InfoNceShape shape = check(state, pairs, scratch);
        Shapes.floats("infoNce", "dx", dx, shape.rows(), shape.width());
        if (!shape.symmetric()) {
            Shapes.floats("infoNce", "dzx", dzx, shape.columns(), shape.width());
        }
        Shapes.floats("infoNce", "weight", weight, 1);
        Tensor columns = shape.symmetric() ? dx : dzx;
        if (panels == null || !panels.backward(dx, columns, state, pairs, weight, scratch)) {
            tiles(shape).backward(dx, columns, state, pairs, weight, scratch);
        }
    }

    private InfoNceShape check(InfoNceState state, InfoNcePairs pairs, Tensor scratch) {
        InfoNceShape shape = state.shape();
        if (!shape.equals(pairs.shape())) {
            throw new IllegalArgumentException(
                    "infoNce wants pairs of its own shape, " + shape + ", but was given those of " + pairs.shape());
        }
        Shapes.atLeast("infoNce", "scratch", scratch, scratchSize(shape));
        return shape;
    }
}
