package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.ContrastiveOracle;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.loss.BuiltInLoss;
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.ContrastiveShape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/** A contrastive loss of the registry, checked against its own oracle. */
public abstract class LossBenchmark extends KernelBenchmark {
    static final double TEMPERATURE = 0.1;

    /** forward, or both passes. */
    @Param({"forward", "both"})
    public String pass;

    private BuiltInLoss loss;
    private ContrastiveShape shape;
    private float[] rows;
    private float[] columns;

    /** The registry's name of the loss that an implementation computes. */
    abstract String name(Implementation who);

    abstract ContrastiveShape shape(Precision precision);

    /**
     * The loss with libtorch's operators; tensors that are the same in every launch are created beforehand.
     *
     * @param x [R, D]
     * @param y [K, D]; x where rows are columns
     */
    abstract Supplier<NDArray> torch(TorchWorkload t, NDArray x, NDArray y);

    /** Operations of the forward pass, and of the backward pass. */
    abstract double[] flops(ContrastiveShape s);

    @Override
    Workload open(Bench b, Implementation who) {
        shape = shape(b.precision());
        loss = ContrastiveLosses.named(name(who == Implementation.DJL ? Implementation.VICMAE : who));
        rows = b.normal(shape.rows() * shape.width(), 1);
        columns = shape.symmetric() ? rows : b.normal(shape.columns() * shape.width(), 1);
        return who == Implementation.DJL ? torch() : own(b);
    }

    private Workload own(Bench b) {
        Stream stream = b.stream();
        Scratch scratch = new Scratch();
        boolean one = shape.symmetric();
        Tensor x = b.floats("x", rows, shape.rows(), shape.width());
        Tensor y = one ? x : b.floats("y", columns, shape.columns(), shape.width());
        Tensor value = b.resultFloats("loss", 1);
        Tensor dx = b.resultFloats("dx", shape.rows(), shape.width());
        Tensor dy = one ? dx : b.resultFloats("dy", shape.columns(), shape.width());
        Tensor weight = b.floats("weight", new float[] {1}, 1);
        ContrastiveLoss made = loss.create(b.kernels(), b.arena(), scratch, shape);
        scratch.plan(b.arena());
        b.prepare(() -> made.prepare(stream));
        return b.run(pass, () -> made.forward(value, x, y), () -> made.backward(dx, dy, weight));
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        boolean gradient = pass.equals("both");
        NDArray x = t.input("x", rows, gradient, shape.rows(), shape.width());
        NDArray y = shape.symmetric() ? x : t.input("y", columns, gradient, shape.columns(), shape.width());
        Supplier<NDArray> forward = torch(t, x, y);
        return gradient ? t.both("loss", forward, null) : t.forward("loss", forward);
    }

    ContrastiveShape shape() {
        return shape;
    }

    float[] rows() {
        return rows;
    }

    /** The error of a result by the rounding of the operands of products. */
    double spread() {
        return shape.precision() == Precision.BF16 ? 2e-3 : 0;
    }

    @Override
    List<Expected> expected() {
        double spread = spread();
        ContrastiveOracle oracle = loss.oracle(shape);
        double[] x = doubles(rows);
        double[] y = shape.symmetric() ? x : doubles(columns);
        List<Expected> all = new ArrayList<>();
        all.add(new Expected("loss", new double[] {oracle.loss(x, y)}, 1e-5 + spread));
        if (pass.equals("both")) {
            double[] dx = new double[x.length];
            double[] dy = shape.symmetric() ? dx : new double[y.length];
            double[] terms = oracle.backward(dx, dy, x, y, 1);
            all.add(new Expected("dx", 0, dx, 1e-5 + 2 * spread, terms[0]));
            if (!shape.symmetric()) {
                all.add(new Expected("dy", 0, dy, 1e-5 + 2 * spread, terms[1]));
            }
        }
        return all;
    }

    @Override
    Cost cost() {
        double features = 4.0 * shape.width() * (shape.symmetric() ? shape.rows() : shape.rows() + shape.columns());
        double[] flops = flops(shape);
        return Cost.ofPass(pass, new Cost(features, flops[0]), new Cost(2 * features, flops[1]));
    }
}
