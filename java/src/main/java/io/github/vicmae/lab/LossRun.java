package io.github.vicmae.lab;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.LossDefinition;
import java.util.Arrays;

/** A loss on a device, with memory for one problem. */
final class LossRun implements AutoCloseable {
    private final Stream stream;
    private final Arena arena;
    private final Scratch scratch = new Scratch();
    private final ContrastiveLoss definition;
    private final Tensor loss;
    private final Tensor drows;
    private final Tensor dcolumns;
    private final Tensor rows;
    private final Tensor columns;
    private final Tensor weight;
    private final boolean checked;

    /** Takes the memory and uploads the problem. */
    LossRun(Kernels kernels, LossDefinition definition, LossProblem problem) {
        stream = kernels.stream();
        arena = new Arena(definition.name());
        checked = stream.device().tensorGap() > 0;
        ContrastiveShape shape = problem.shape();
        boolean two = !shape.symmetric();
        loss = arena.floats("loss", 1);
        drows = arena.floats("drows", shape.rows(), shape.width());
        dcolumns = two ? arena.floats("dcolumns", shape.columns(), shape.width()) : drows;
        rows = arena.floats("rows", shape.rows(), shape.width());
        columns = two ? arena.floats("columns", shape.columns(), shape.width()) : rows;
        weight = arena.floats("weight", 1);
        this.definition = definition.create(kernels, arena, scratch, shape);
        scratch.plan(arena);
        try {
            arena.allocate(stream.device());
            this.definition.prepare(stream);
            stream.write(rows, problem.rows());
            if (two) {
                stream.write(columns, problem.columns());
            }
            stream.write(weight, new float[] {problem.weight()});
        } catch (RuntimeException | Error e) {
            Closing.after(e, arena);
            throw e;
        }
    }

    /** Runs both passes into memory filled with NaN, so that unwritten results show. */
    LossResult run() {
        // A device that checks accesses keeps track of unwritten memory itself.
        if (!checked) {
            fillWithNaN(loss);
            fillWithNaN(drows);
            fillWithNaN(dcolumns);
        }
        step();
        float[] columnGradient = dcolumns == drows ? null : stream.read(dcolumns);
        return new LossResult(stream.read(loss)[0], stream.read(drows), columnGradient);
    }

    private void fillWithNaN(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        Arrays.fill(values, Float.NaN);
        stream.write(tensor, values);
    }

    /** Enqueues both passes. */
    void step() {
        definition.forward(loss, rows, columns);
        definition.backward(drows, dcolumns, weight);
    }

    /** The loss of these rows and columns; null stands for the current rows. */
    float loss(float[] newRows, float[] newColumns) {
        if (newRows != null) {
            stream.write(rows, newRows);
        }
        if (newColumns != null && columns != rows) {
            stream.write(columns, newColumns);
        }
        definition.forward(loss, rows, columns);
        return stream.read(loss)[0];
    }

    /** Waits for the work. */
    void await() {
        stream.synchronize();
    }

    /** Bytes that the loss itself needs, beyond inputs, gradients and the result. */
    long ownBytes() {
        long own = arena.bytes();
        own -= loss.bytes() + drows.bytes() + rows.bytes() + weight.bytes();
        return dcolumns == drows ? own : own - dcolumns.bytes() - columns.bytes();
    }

    @Override
    public void close() {
        arena.close();
    }
}
