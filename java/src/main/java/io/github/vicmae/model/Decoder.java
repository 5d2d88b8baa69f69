package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.MaskedMseKernels;
import io.github.vicmae.kernel.patch.PixelTarget;
import io.github.vicmae.kernel.patch.TokenKernels;
import io.github.vicmae.layer.BlockStack;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.DecoderTokens;
import io.github.vicmae.layer.Linear;

/** MAE's decoder (He et al. 2022): from the visible tokens to the pixels of every patch, and the masked reconstruction loss. */
public final class Decoder {
    private final Context context;
    private final TrunkConfig trunk;
    private final DecoderConfig c;
    private final PatchGrid grid;
    private final PixelTarget target;
    private final int kept;
    private final int samples;
    private final Linear embed;
    private final DecoderTokens tokens;
    private final BlockStack blocks;
    private final Linear pred;
    private final Tensor embedded;
    private final Tensor prediction;
    private final Tensor dprediction;
    private final Tensor doutput;
    private final Tensor dinput;

    /**
     * Declares parameters and activations.
     *
     * @param samples images of a batch, all views together
     * @param kept visible patches of each
     * @param recompute see {@link Execution}
     */
    public Decoder(Context context, TrunkConfig trunk, DecoderConfig c, int samples, int kept, boolean recompute) {
        this.context = context;
        this.trunk = trunk;
        this.c = c;
        this.kept = kept;
        this.samples = samples;
        Arena arena = context.activations();
        grid = trunk.grid();
        target = PixelTarget.of(grid, c.normPix());
        int all = grid.tokens();
        int visible = grid.tokens(kept);
        embed = new Linear(context, "decoder_embed", trunk.dim(), c.dim(), samples * visible);
        tokens = new DecoderTokens(context, grid, samples, kept, c.dim());
        embedded = context.activation("decoder_embed", samples, visible, c.dim());
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
        pred = new Linear(context, "decoder_pred", c.dim(), trunk.patchSize(), samples * all);
        prediction = context.activation("decoder_pred", samples, all, trunk.patchSize());
        dprediction = context.activation("d decoder_pred", samples, all, trunk.patchSize());
        doutput = context.activation("d decoder_norm", samples, all, c.dim());
        dinput = arena.floats("d decoder_blocks.input", samples, all, c.dim());
        context.scratch().need(TokenKernels.scratchSize(context.stream(), c.dim()));
        context.scratch().need(MaskedMseKernels.scratchSize(grid, samples));
    }

    /** [samples, 1 + L, p * p * C]; row 0 of each sample belongs to the class token and is not meaningful. */
    public Tensor prediction() {
        return prediction;
    }

    /** Predicts every patch from the encoder's output [samples, 1 + kept, dim]. */
    public void forward(Tensor encoded, Tensor restore) {
        embed.forward(embedded, encoded);
        tokens.forward(blocks.input(), embedded, restore);
        blocks.forward();
        pred.forward(prediction, blocks.output());
    }

    /** Writes each view's reconstruction loss to loss [views], and the prediction's gradient times weight [1]. */
    public void loss(Tensor loss, Tensor images, Tensor restore, int views, Tensor weight) {
        context.kernels()
                .maskedMse()
                .forwardBackward(
                        loss,
                        dprediction,
                        prediction,
                        images,
                        restore,
                        grid,
                        views,
                        samples,
                        trunk.channels(),
                        kept,
                        target,
                        weight,
                        context.scratch().tensor());
    }

    /** Adds all gradients and writes that of the encoder's output. */
    public void backward(Tensor dencoded, Tensor encoded, Tensor restore, Tensor keep) {
        pred.backwardParameters(dprediction, blocks.output());
        pred.backwardInput(doutput, dprediction, false);
        blocks.backward(dinput, doutput);
        tokens.backward(embedded, dinput, restore, keep);
        embed.backwardParameters(embedded, encoded);
        embed.backwardInput(dencoded, embedded, false);
    }
}
