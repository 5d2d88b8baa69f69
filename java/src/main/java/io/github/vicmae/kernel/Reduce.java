package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Sums over rows (cuda/reduce.cu), in two stages and always in the same order. */
public final class Reduce {
    private static final int THREADS = 256;
    /** Columns that a block of the second stage takes, and its threads; STRIP and LANES_OF_PARTS in the source. */
    private static final int STRIP = 32;

    private static final int FINISH_THREADS = 16 * STRIP;

    private final Stream stream;
    private final TypedKernel partialSums;
    private final Kernel finish;
    private final Kernel sumAll;

    public Reduce(Stream stream) {
        this.stream = stream;
        partialSums = TypedKernel.of(stream.device(), "reduce", "column_sum_partial", "ppii");
        finish = stream.device().kernel("reduce", "column_sum_finish", "pppiii");
        sumAll = stream.device().kernel("reduce", "sum_all", "ppi");
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
                .launch(parts, strips(stream, width, THREADS, x.dtype()), 1, THREADS, 0);
        finish(out, scratch, parts, width);
    }

    /** out[i] += sum over rows of x[row, i] in one stage: for few rows. */
    public void add(Tensor out, Tensor x, int rows, int width) {
        Shapes.floats("columnSum", "out", out, width);
        Shapes.floats("columnSum", "x", x, rows, width);
        finish(out, x, rows, width);
    }

    /**
     * out = the sum of the first {@code count} elements of x, by one block: for few.
     *
     * @param out [1], written
     * @param x at least {@code count} floats
     */
    public void sum(Tensor out, Tensor x, int count) {
        Shapes.floats("sum", "out", out, 1);
        Shapes.atLeast("sum", "x", x, count);
        stream.begin(sumAll).arg(out).arg(x).arg(count).launch(1, THREADS);
    }

    /** How many blocks share the width of a row where a thread takes 16 bytes of it. On the CPU a row is one piece, for the prefetcher. */
    public static int strips(Stream stream, int width, int threads, DType dtype) {
        if (stream.device().kind() == Device.Kind.CPU) {
            return 1;
        }
        int columns = threads * (16 / dtype.bytes());
        return (width - 1) / columns + 1;
    }

    /** Second stage: out[i] += sum over p of scratch[p, i], scratch [parts, width]. */
    public void finish(Tensor out, Tensor scratch, int parts, int width) {
        launchFinish(out, null, scratch, parts, width, width);
    }

    /** Second stage of two sums: out[i] += sum over p of scratch[p, i], next[i] += sum of scratch[p, width + i], scratch [parts, 2 * width]. */
    public void finish(Tensor out, Tensor next, Tensor scratch, int parts, int width) {
        launchFinish(out, next, scratch, parts, width, 2 * width);
    }

    private void launchFinish(Tensor out, Tensor next, Tensor scratch, int parts, int width, int columns) {
        stream.begin(finish).arg(out).argOrNull(next).arg(scratch);
        stream.arg(parts).arg(width).arg(columns).launch((columns - 1) / STRIP + 1, FINISH_THREADS);
    }
}
