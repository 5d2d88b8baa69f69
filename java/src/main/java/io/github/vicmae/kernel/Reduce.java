package io.github.vicmae.kernel;

import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Sums over rows (cuda/reduce.cu), in two stages and always in the same order. */
public final class Reduce {
    private static final int THREADS = 256;

    private final Stream stream;
    private final TypedKernel partialSums;
    private final Kernel finish;

    public Reduce(Stream stream) {
        this.stream = stream;
        partialSums = TypedKernel.of(stream.device(), "reduce", "column_sum_partial", "ppii");
        finish = stream.device().kernel("reduce", "column_sum_finish", "ppiii");
    }

    /** Floats of scratch that {@link #columnSum} needs for rows of this width. */
    public static int scratchSize(Stream stream, int width) {
        return Math.multiplyExact(stream.device().partialBlocks(), width);
    }

    /**
     * out[i] += sum over rows of x[row, i].
     *
     * @param out [width], accumulated into
     * @param x [rows, width], floats or bfloat16
     * @param scratch at least {@link #scratchSize} floats
     */
    public void columnSum(Tensor out, Tensor x, int rows, int width, Tensor scratch) {
        Shapes.floats("columnSum", "out", out, width);
        Shapes.typed("columnSum", "x", x, x.dtype(), rows, width);
        int parts = stream.device().partialBlocks();
        Shapes.atLeast("columnSum", "scratch", scratch, scratchSize(stream, width));
        stream.begin(partialSums.form(x))
                .arg(scratch)
                .arg(x)
                .arg(rows)
                .arg(width)
                .launch(parts, THREADS);
        finish(out, scratch, 0, parts, width, width);
    }

    /** out[i] += sum over rows of x[row, i] in one stage: for few rows. */
    public void add(Tensor out, Tensor x, int rows, int width) {
        Shapes.floats("columnSum", "out", out, width);
        Shapes.floats("columnSum", "x", x, rows, width);
        finish(out, x, 0, rows, width, width);
    }

    /** Second stage: out[i] += sum over p of scratch[start + p * stride + i]. */
    void finish(Tensor out, Tensor scratch, int start, int parts, int width, int stride) {
        stream.begin(finish)
                .arg(out)
                .arg(scratch, start)
                .arg(parts)
                .arg(width)
                .arg(stride)
                .launch((width + THREADS - 1) / THREADS, THREADS);
    }
}
