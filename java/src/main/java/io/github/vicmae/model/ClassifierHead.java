package io.github.vicmae.model;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Init;
import io.github.vicmae.layer.LayerNorm;
import io.github.vicmae.layer.Linear;

/**
 * What stands on an encoder without a final norm for classification: the mean of the patch tokens, LayerNorm ({@code fc_norm}), dropout, a linear map to
 * the classes ({@code head}), as in MAE's fine-tuning.
 */
public final class ClassifierHead {
    private static final double START = 2e-5;

    private final Context context;
    private final PatchGrid grid;
    private final int rows;
    private final int width;
    private final LayerNorm norm;
    private final Linear head;
    private final Tensor pooled;
    private final Tensor mean;
    private final Tensor rstd;
    private final Tensor normed;
    /** What the linear map reads: the norm's output, or what dropout leaves of it. */
    private final Tensor features;

    private final Tensor logits;
    /** Null without a backward pass. */
    private final Tensor dnormed;

    private final Tensor dpooled;

    /**
     * @param grid of the views
     * @param rows views of a batch
     * @param width of a token
     * @param drops whether there is dropout
     */
    public ClassifierHead(Context context, PatchGrid grid, int rows, int width, int classes, boolean drops) {
        this.context = context;
        this.grid = grid;
        this.rows = rows;
        this.width = width;
        pooled = context.activations().floats("pooled", rows, width);
        norm = new LayerNorm(context, "fc_norm", rows, width);
        normed = context.activation("fc_norm", rows, width);
        mean = context.activations().floats("fc_norm.mean", rows);
        rstd = context.activations().floats("fc_norm.rstd", rows);
        features = drops ? context.activation("dropout", rows, width) : normed;
        head = new Linear(context, "head", width, classes, rows, new Init.Normal(START));
        logits = context.activations().floats("logits", rows, classes);
        dnormed = context.training() ? context.activation("d fc_norm", rows, width) : null;
        dpooled = context.training() ? context.activations().floats("d pooled", rows, width) : null;
    }

    /** [rows, classes], floats, of the last forward pass. */
    public Tensor logits() {
        return logits;
    }

    /**
     * @param tokens [rows, grid.tokens(), width], floats
     * @param dropout [rows, width], factors of the features; not used without dropout
     */
    public void forward(Tensor tokens, Tensor dropout) {
        context.kernels().pool().forward(pooled, null, tokens, Pooling.MEAN, grid, rows, grid.patches(), width);
        norm.forward(normed, mean, rstd, pooled);
        if (features != normed) {
            scale(features, normed, dropout);
        }
        head.forward(logits, features);
    }

    /**
     * Adds the parameters' gradients.
     *
     * @param dtokens [rows, grid.tokens(), width], floats, written
     * @param dlogits [rows, classes] of the activations' type
     */
    public void backward(Tensor dtokens, Tensor dlogits, Tensor tokens, Tensor dropout) {
        head.backwardParameters(dlogits, features);
        head.backwardInput(dnormed, dlogits, false);
        if (features != normed) {
            scale(dnormed, dnormed, dropout);
        }
        norm.backward(dpooled, null, dnormed, pooled, mean, rstd, false);
        context.stream().zero(dtokens);
        context.kernels()
                .pool()
                .backward(dtokens, dpooled, pooled, null, tokens, Pooling.MEAN, grid, rows, grid.patches(), width);
    }

    private void scale(Tensor out, Tensor x, Tensor factors) {
        context.kernels().pointwise().scaleRows(out, x, factors, 1, Math.multiplyExact(rows, width), 1);
    }
}
