package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.MaskedMseKernels;
import io.github.vicmae.kernel.patch.PixelTarget;
import io.github.vicmae.layer.BlockStack;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.Linear;

/**
 * A masked autoencoder's decoder (He et al. 2022): from the visible tokens to the pixels of every patch, and the masked reconstruction loss.
 */
public final class Decoder {
    private final Context context;
    private final ViewBatch views;
    private final PatchGrid grid;
    private final PixelTarget target;
    private final DecoderEmbedding embedding;
    private final BlockStack blocks;
    private final Linear pred;
    private final Tensor prediction;
    private final Tensor dprediction;
    private final Tensor doutput;
    private final Tensor dinput;
    private final Tensor deviation;

    /**
     * Declares parameters and activations.
     *
     * @param views what is reconstructed
     * @param recompute see {@link Execution}
     */
    public Decoder(Context context, TrunkConfig trunk, DecoderConfig c, ViewBatch views, boolean recompute) {
        this.context = context;
        this.views = views;
        Arena arena = context.activations();
        PatchGrid cut = views.grid();
        grid = new PatchGrid(
                cut.frames(),
                cut.height(),
                cut.width(),
                cut.tube(),
                cut.patch(),
                cut.classToken() || c.ownClassToken());
        boolean perChannel = c.normPix() && c.normPer() == DecoderConfig.NormPer.CHANNEL;
        deviation = perChannel ? arena.floats("deviation of the pixels", trunk.channels()) : null;
        target = c.target(grid, deviation);
        int pixels = target.patchSize(grid, trunk.channels());
        int samples = views.samples();
        int all = grid.tokens();
        embedding = DecoderEmbedding.of(context, trunk, c, views, grid);
        blocks = new BlockStack(
                context,
                "decoder_blocks",
                "decoder_norm",
                c.depth(),
                samples,
                all,
                c.dim(),
                c.heads(),
                c.hidden(),
                recompute);
        pred = new Linear(context, "decoder_pred", c.dim(), pixels, samples * all);
        prediction = context.activation("decoder_pred", samples, all, pixels);
        dprediction = context.activation("d decoder_pred", samples, all, pixels);
        doutput = context.activation("d decoder_norm", samples, all, c.dim());
        dinput = arena.floats("d decoder_blocks.input", samples, all, c.dim());
        context.scratch().need(MaskedMseKernels.scratchSize(grid, samples));
    }

    /**
     * Runs once after the memory was taken.
     *
     * @param viewDeviation [C], what the pixels of the views were divided by
     */
    public void prepare(float[] viewDeviation) {
        if (deviation != null) {
            context.stream().write(deviation, viewDeviation);
        }
    }

    /** How the views are cut into the tokens of {@link #prediction}; it has a class token where the decoder has one. */
    public PatchGrid grid() {
        return grid;
    }

    /** What the prediction is compared with. */
    public PixelTarget target() {
        return target;
    }

    /**
     * [samples, grid.tokens(), values], the values in (frame, row, column, channel) order; a class token's row, the first of each sample, is not
     * meaningful.
     */
    public Tensor prediction() {
        return prediction;
    }

    /** Predicts every patch from the encoder's output [samples, views.tokens(), dim]. */
    public void forward(Tensor encoded, Tensor restore) {
        embedding.forward(blocks.input(), encoded, restore);
        blocks.forward();
        pred.forward(prediction, blocks.output());
    }

    /** Writes each view's reconstruction loss to loss [views], and the prediction's gradient times weight [1]. */
    public void loss(Tensor loss, Tensor images, Tensor restore, Tensor weight) {
        context.kernels()
                .maskedMse()
                .forwardBackward(
                        loss,
                        dprediction,
                        prediction,
                        images,
                        restore,
                        grid,
                        views.views(),
                        views.samples(),
                        views.channels(),
                        views.kept(),
                        target,
                        weight,
                        context.scratch().tensor());
    }

    /** Adds all gradients and writes that of the encoder's output. */
    public void backward(Tensor dencoded, Tensor encoded, Tensor restore, Tensor keep) {
        pred.backwardParameters(dprediction, blocks.output());
        pred.backwardInput(doutput, dprediction, false);
        blocks.backward(dinput, doutput);
        embedding.backward(dencoded, dinput, encoded, restore, keep);
    }
}
