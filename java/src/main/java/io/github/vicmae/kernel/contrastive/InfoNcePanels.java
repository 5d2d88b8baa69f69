package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.Map;
import java.util.WeakHashMap;

/** InfoNCE on the CPU in panels of logits, whose products the matrix library computes (cuda/info_nce_panel.cu). */
final class InfoNcePanels {
    /** Blocks that turn sums into losses. */
    private static final int LOSS_BLOCKS = 64;

    /** Columns that one block sums up; STRIPE in the source. */
    private static final int STRIPE = 64;
    /** How the gradient is taken; constants of cuda/info_nce.cuh. */
    private static final int BY_ROWS = 0;

    private static final int BY_COLUMNS = 1;
    private static final int SYMMETRIC = 2;

    private final Stream stream;
    private final int panel;
    private final Kernel sums;
    private final Kernel rowLosses;
    private final Kernel coefficients;
    private final Kernel gradient;
    private final Product product = new Product();
    /** Tensors' rows panel by panel, made once, since a step allocates nothing. */
    private final Map<Tensor, Tensor[]> blocks = new WeakHashMap<>();

    InfoNcePanels(Stream stream, int panel) {
        this.stream = stream;
        this.panel = panel;
        String module = "info_nce_panel";
        sums = stream.device().kernel(module, "info_nce_panel_sums", "pppiiiiiiifii");
        rowLosses = stream.device().kernel(module, "info_nce_panel_loss", "ppppppppiiiifi");
        coefficients = stream.device().kernel(module, "info_nce_panel_coefficients", "pppiiiiiifii");
        gradient = stream.device().kernel(module, "info_nce_panel_gradient", "pppppppiiifi");
    }

    /** Floats of scratch: a panel, partial sums of each row, and its loss. */
    long scratchSize(InfoNceShape shape) {
        return panelSize(shape) + (2L * parts(shape) + 1) * shape.rows() + LOSS_BLOCKS;
    }

    private long panelSize(InfoNceShape shape) {
        return (long) Math.min(shape.rows(), panel) * Math.min(shape.columns(), panel);
    }

    /** A part for each stripe of a panel, and in the symmetric form one for what comes along columns. */
    private int parts(InfoNceShape shape) {
        int stripes = (Math.min(shape.columns(), panel) + STRIPE - 1) / STRIPE;
        return shape.symmetric() ? stripes + 1 : stripes;
    }

    private int count(int rows) {
        return (rows + panel - 1) / panel;
    }

    private int length(int rows, int number) {
        return Math.min(rows - number * panel, panel);
    }

    private Tensor[] blocks(Tensor rows) {
        Tensor[] known = blocks.get(rows);
        if (known == null) {
            known = new Tensor[count(rows.rows())];
            for (int i = 0; i < known.length; i++) {
                int length = length(rows.rows(), i);
                known[i] = rows.slice(rows.name(), (long) i * panel * rows.width(), length, rows.width());
            }
            blocks.put(rows, known);
        }
        return known;
    }

    /** Panel (i, j) of logits, times the temperature, at the start of scratch; false if there is no library. */
    private boolean logits(InfoNceState state, int i, int j, Tensor scratch) {
        InfoNceShape shape = state.shape();
        Tensor p = blocks(state.unitRows())[i];
        Tensor z = blocks(state.unitColumns())[j];
        int down = length(shape.rows(), i);
        int across = length(shape.columns(), j);
        return stream.multiply(
                product.of(p, false, z, true, down, across, shape.width()).to(Epilogue.WRITE, scratch));
    }

    /** False, and nothing done, if there is no library. */
    boolean forward(Tensor loss, InfoNceState state, InfoNcePairs pairs, Tensor scratch) {
        InfoNceShape shape = state.shape();
        long sumsAt = panelSize(shape);
        int parts = parts(shape);
        for (int i = 0; i < count(shape.rows()); i++) {
            for (int j = shape.symmetric() ? i : 0; j < count(shape.columns()); j++) {
                if (!logits(state, i, j, scratch)) {
                    return false;
                }
                stream.begin(sums).arg(scratch, sumsAt).arg(scratch).arg(pairs.table());
                place(shape, i, j);
                stream.arg(parts).arg(1 / shape.temperature());
                stream.arg(shape.bounded() ? 1 : 0).arg(shape.symmetric() ? 1 : 0);
                stream.launch(shape.symmetric() ? parts - 1 : parts, 1);
            }
        }
        long rowLossAt = sumsAt + 2L * parts * shape.rows();
        stream.begin(rowLosses).arg(loss).arg(state.statistics()).arg(scratch, sumsAt);
        stream.arg(scratch, rowLossAt).arg(scratch, rowLossAt + shape.rows());
        stream.arg(state.unitRows()).arg(state.unitColumns()).arg(pairs.table());
        stream.arg(shape.rows()).arg(shape.columns()).arg(shape.width()).arg(parts);
        stream.arg(1 / shape.temperature()).arg(shape.bounded() ? 1 : 0);
        stream.launch(Math.min(shape.rows(), LOSS_BLOCKS), 1);
        return true;
    }

    private void place(InfoNceShape shape, int i, int j) {
        stream.arg(shape.rows()).arg(shape.columns()).arg(i * panel).arg(j * panel);
        stream.arg(length(shape.rows(), i)).arg(length(shape.columns(), j));
    }

    /** False, and nothing done, if there is no library. */
    boolean backward(Tensor dx, Tensor dz, InfoNceState state, InfoNcePairs pairs, Tensor weight, Tensor scratch) {
        InfoNceShape shape = state.shape();
        for (int i = 0; i < count(shape.rows()); i++) {
            for (int j = shape.symmetric() ? i : 0; j < count(shape.columns()); j++) {
                if (!logits(state, i, j, scratch)) {
                    return false;
                }
                stream.begin(coefficients).arg(scratch).arg(state.statistics()).arg(pairs.table());
                place(shape, i, j);
                stream.arg(1 / shape.temperature());
                stream.arg(shape.bounded() ? 1 : 0).arg(shape.symmetric() ? 1 : 0);
                stream.launch(length(shape.rows(), i), 1);
                addProducts(dx, dz, state, i, j, scratch);
            }
        }
        Tensor p = state.unitRows();
        Tensor z = state.unitColumns();
        finish(shape.symmetric() ? SYMMETRIC : BY_ROWS, dx, p, z, state.inverseNormRows(), state, pairs, weight);
        if (!shape.symmetric()) {
            finish(BY_COLUMNS, dz, z, p, state.inverseNormColumns(), state, pairs, weight);
        }
        return true;
    }

    /** dx += coefficients z and dz += coefficients^T p; off the diagonal of the symmetric form both sides are rows. */
    private void addProducts(Tensor dx, Tensor dz, InfoNceState state, int i, int j, Tensor scratch) {
        InfoNceShape shape = state.shape();
        int down = length(shape.rows(), i);
        int across = length(shape.columns(), j);
        int width = shape.width();
        // A panel of rows or columns begins anew with the first panel that adds to it.
        boolean newRows = shape.symmetric() ? i == 0 && j == 0 : j == 0;
        Tensor rows = blocks(dx)[i];
        Tensor columns = blocks(dz)[j];
        multiply(newRows, false, down, width, across, rows, scratch, blocks(state.unitColumns())[j]);
        if (!shape.symmetric() || i != j) {
            multiply(i == 0, true, across, width, down, columns, scratch, blocks(state.unitRows())[i]);
        }
    }

    private void multiply(boolean write, boolean transA, int m, int n, int k, Tensor c, Tensor a, Tensor b) {
        Epilogue epilogue = write ? Epilogue.WRITE : Epilogue.ADD;
        if (!stream.multiply(product.of(a, transA, b, false, m, n, k).to(epilogue, c))) {
            throw new IllegalStateException("The library multiplied logits but not " + product);
        }
    }

    private void finish(
            int pass,
            Tensor dx,
            Tensor unit,
            Tensor other,
            Tensor inverseNorm,
            InfoNceState state,
            InfoNcePairs pairs,
            Tensor weight) {
        InfoNceShape shape = state.shape();
        stream.begin(gradient).arg(dx).arg(unit).arg(other).arg(inverseNorm);
        stream.arg(state.statistics()).arg(weight).arg(pairs.table());
        stream.arg(shape.rows()).arg(shape.columns()).arg(shape.width());
        stream.arg(1 / (shape.rows() * shape.temperature())).arg(pass);
        stream.launch(pass == BY_COLUMNS ? shape.columns() : shape.rows(), 1);
    }
}
