package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;

/** What InfoNCE's forward pass leaves for its backward pass: linear in rows and columns. Columns' tensors are the rows' in the symmetric form. */
public final class InfoNceState {
    private final InfoNceShape shape;
    private final Tensor unitRows;
    private final Tensor unitColumns;
    private final Tensor inverseNormRows;
    private final Tensor inverseNormColumns;
    private final Tensor roundedRows;
    private final Tensor roundedColumns;
    private final Tensor statistics;

    /** Declares the tensors. */
    public InfoNceState(Arena arena, InfoNceShape shape) {
        this.shape = shape;
        boolean same = shape.symmetric();
        boolean rounded = shape.precision() == Precision.BF16;
        int rows = shape.rows();
        int columns = shape.columns();
        unitRows = arena.floats("infonce.rows", rows, shape.width());
        inverseNormRows = arena.floats("infonce.rows.inverse_norm", rows);
        roundedRows = rounded ? arena.tensor("infonce.rows.bf16", DType.BF16, rows, shape.paddedWidth()) : null;
        unitColumns = same ? unitRows : arena.floats("infonce.columns", columns, shape.width());
        inverseNormColumns = same ? inverseNormRows : arena.floats("infonce.columns.inverse_norm", columns);
        roundedColumns = same || !rounded
                ? roundedRows
                : arena.tensor("infonce.columns.bf16", DType.BF16, columns, shape.paddedWidth());
        statistics = arena.floats("infonce.statistics", 3, rows);
    }

    InfoNceShape shape() {
        return shape;
    }

    /** [R, D] rows of length 1. */
    public Tensor unitRows() {
        return unitRows;
    }

    /** [K, D] columns of length 1. */
    public Tensor unitColumns() {
        return unitColumns;
    }

    /** [R], 1 / max(|x|, 1e-12). */
    public Tensor inverseNormRows() {
        return inverseNormRows;
    }

    /** [K], the same for the columns. */
    public Tensor inverseNormColumns() {
        return inverseNormColumns;
    }

    /** [R, D rounded up to a multiple of 64] unit rows in bfloat16 with zeros behind; null in {@link Precision#FP32}. */
    Tensor roundedRows() {
        return roundedRows;
    }

    /** [K, D rounded up], the same for the columns. */
    Tensor roundedColumns() {
        return roundedColumns;
    }

    /**
     * [3, R]: the logarithm of a row's sum of exp(logit); the share of that sum which all but the positive have; and, for temperatures from
     * 0.02 on, one over that sum.
     */
    public Tensor statistics() {
        return statistics;
    }
}
