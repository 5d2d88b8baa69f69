package io.github.vicmae.objective;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.loss.ContrastiveLoss;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.LossDefinition;
import java.util.ArrayList;
import java.util.List;

/**
 * The mean of a contrastive loss over all pairs of views. Features are [views, batch, D]; the columns' may have further views, which are negatives
 * for every row. They may be those of several batches, collected one after another: then each batch has the samples of all others among its
 * negatives (GradCache, Gao et al. 2021).
 */
final class PairLoss {
    /**
     * What is compared.
     *
     * @param views of a sample, V: at least 2
     * @param extra further views of the columns
     * @param batch samples of a batch
     * @param batches whose samples are each other's negatives
     * @param width D
     */
    record Features(int views, int extra, int batch, int batches, int width) {
        int pairs() {
            return views * (views - 1) / 2;
        }

        /** Samples of all batches. */
        int samples() {
            return Math.multiplyExact(batch, batches);
        }

        /** Whether the features are those of one pair of views, so that nothing is copied. */
        boolean areOnePair() {
            return views == 2 && batches == 1;
        }

        /** The shape of the loss of one pair. */
        ContrastiveShape shape(float temperature, boolean symmetric, Precision precision) {
            return new ContrastiveShape(
                    Math.multiplyExact(2, samples()),
                    Math.multiplyExact(2 + extra, samples()),
                    width,
                    temperature,
                    symmetric,
                    precision);
        }
    }

    private final Kernels kernels;
    private final Features f;
    private final List<ContrastiveLoss> losses = new ArrayList<>();
    /** The features of one batch as the heads give them, and their gradients. */
    private Tensor ofRows;

    private Tensor ofColumns;
    private Tensor drows;
    private Tensor dcolumns;
    /** Null where nothing is copied; the columns' also where they are the rows. */
    private final Collected rows;

    private final Collected columns;
    /** [1]: batches / pairs, a pair's weight in the gradient: the weight that is passed in is already divided by the batches. */
    private final Tensor share;

    private final Tensor zeros;
    private List<Tensor> lossOf;

    /** The features of all batches and their gradients, and those of one pair. */
    private final class Collected {
        private final Tensor all;
        private final Tensor dall;
        private final Tensor pair;
        private final Tensor dpair;
        /** Slices, made once: one for each view, of all samples. */
        private List<Tensor> views;

        private List<Tensor> dviews;
        /** One for each view and batch. */
        private List<Tensor> places;

        private List<Tensor> dplaces;
        private List<Tensor> ofPair;
        private List<Tensor> dofPair;
        private List<Tensor> ofBatch;
        private List<Tensor> dofBatch;

        Collected(Arena arena, String name, int count, int inPair) {
            int n = f.samples();
            all = arena.floats("collected " + name, count, n, f.width);
            pair = arena.floats(name + " of a pair", inPair, n, f.width);
            dall = arena.floats("d collected " + name, count, n, f.width);
            dpair = arena.floats("d " + name + " of a pair", inPair, n, f.width);
        }

        void prepare(Tensor batch, Tensor dbatch) {
            views = parts(all, f.samples());
            dviews = parts(dall, f.samples());
            places = parts(all, f.batch);
            dplaces = parts(dall, f.batch);
            ofPair = parts(pair, f.samples());
            dofPair = parts(dpair, f.samples());
            ofBatch = parts(batch, f.batch);
            dofBatch = parts(dbatch, f.batch);
        }

        void collect(int number) {
            for (int view = 0; view < views.size(); view++) {
                kernels.stream().copy(places.get(view * f.batches + number), ofBatch.get(view));
            }
        }

        /** The view at a place of a pair's tensor: the pair's two, then the further ones. */
        private int view(int place, int first, int second) {
            return place == 0 ? first : place == 1 ? second : f.views + place - 2;
        }

        void gather(int first, int second) {
            for (int i = 0; i < ofPair.size(); i++) {
                kernels.stream().copy(ofPair.get(i), views.get(view(i, first, second)));
            }
        }

        void addGradients(int first, int second) {
            for (int i = 0; i < dofPair.size(); i++) {
                Tensor sum = dviews.get(view(i, first, second));
                kernels.pointwise()
                        .addScaledResidual(sum, sum, dofPair.get(i), zeros, share, f.samples(), f.samples(), f.width);
            }
        }

        void handOut(int number) {
            for (int view = 0; view < views.size(); view++) {
                kernels.stream().copy(dofBatch.get(view), dplaces.get(view * f.batches + number));
            }
        }
    }

    /**
     * Declares the memory.
     *
     * @param shape of one pair
     */
    PairLoss(
            Kernels kernels,
            Arena arena,
            Scratch scratch,
            LossDefinition definition,
            Features features,
            ContrastiveShape shape) {
        this.kernels = kernels;
        f = features;
        for (int i = 0; i < f.pairs(); i++) {
            losses.add(definition.create(kernels, arena, scratch, shape));
        }
        boolean copies = !f.areOnePair();
        boolean two = copies && !shape.symmetric();
        rows = copies ? new Collected(arena, "rows", f.views, 2) : null;
        columns = two ? new Collected(arena, "columns", f.views + f.extra, 2 + f.extra) : null;
        share = copies ? arena.floats("share of a pair", 1) : null;
        zeros = copies ? arena.floats("no bias", f.width) : null;
    }

    /** Tensors of so many rows each, one after another. */
    private List<Tensor> parts(Tensor of, int rowsEach) {
        List<Tensor> parts = new ArrayList<>();
        long size = (long) rowsEach * f.width;
        for (long at = 0; at < of.size(); at += size) {
            parts.add(of.slice(of.name(), at, rowsEach, f.width));
        }
        return parts;
    }

    /**
     * Runs once after the memory was taken.
     *
     * @param values [pairs], where {@link #forwardBackward} writes the losses
     * @param ofRows [views, batch, D]
     * @param ofColumns [views + extra, batch, D]; the rows themselves if symmetric
     * @param drows receives the rows' gradients
     * @param dcolumns receives the columns' gradients; not touched if symmetric
     */
    void prepare(Tensor values, Tensor ofRows, Tensor ofColumns, Tensor drows, Tensor dcolumns) {
        this.ofRows = ofRows;
        this.ofColumns = ofColumns;
        this.drows = drows;
        this.dcolumns = dcolumns;
        lossOf = new ArrayList<>();
        for (int i = 0; i < f.pairs(); i++) {
            lossOf.add(values.slice("contrastive loss " + i, i, 1));
            losses.get(i).prepare(kernels.stream());
        }
        if (rows != null) {
            rows.prepare(ofRows, drows);
            kernels.stream().write(share, new float[] {(float) f.batches / f.pairs()});
            kernels.stream().zero(zeros);
        }
        if (columns != null) {
            columns.prepare(ofColumns, dcolumns);
        }
    }

    /** What the losses write their gradients to. */
    List<Tensor> lossGradients() {
        if (rows == null) {
            return List.of(drows, dcolumns);
        }
        return columns == null ? List.of(rows.dpair) : List.of(rows.dpair, columns.dpair);
    }

    /** Copies the features of a batch, counted from 0, to those of all batches. */
    void collect(int batch) {
        if (rows != null) {
            rows.collect(batch);
        }
        if (columns != null) {
            columns.collect(batch);
        }
    }

    /** Writes the loss of each pair, and the gradients of {@code weight} times their mean to the features of all batches. */
    void forwardBackward(Tensor weight) {
        if (f.areOnePair()) {
            losses.get(0).forward(lossOf.get(0), ofRows, ofColumns);
            losses.get(0).backward(drows, dcolumns, weight);
            return;
        }
        kernels.stream().zero(rows.dall);
        if (columns != null) {
            kernels.stream().zero(columns.dall);
        }
        int pair = 0;
        for (int first = 0; first < f.views; first++) {
            for (int second = first + 1; second < f.views; second++) {
                rows.gather(first, second);
                if (columns != null) {
                    columns.gather(first, second);
                }
                Collected other = columns == null ? rows : columns;
                losses.get(pair).forward(lossOf.get(pair), rows.pair, other.pair);
                losses.get(pair).backward(rows.dpair, other.dpair, weight);
                rows.addGradients(first, second);
                if (columns != null) {
                    columns.addGradients(first, second);
                }
                pair++;
            }
        }
    }

    /** Copies the gradients of a batch's features out. */
    void handOut(int batch) {
        if (rows != null) {
            rows.handOut(batch);
        }
        if (columns != null) {
            columns.handOut(batch);
        }
    }
}
