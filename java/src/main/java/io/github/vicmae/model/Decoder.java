package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.patch.MaskedMseKernels;
import io.github.vicmae.kernel.patch.PixelTarget;
import io.github.vicmae.kernel.patch.TokenKernels;
import io.github.vicmae.layer.BlockStack;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.DecoderTokens;
import io.github.vicmae.layer.Linear;

/** MAE's decoder (He et al. 2022): from the visible tokens to the pixels of every patch, and the masked reconstruction loss. */
final class Decoder {
    private final Context context;
    private final ModelConfig c;
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

    Decoder(Context context, ModelConfig c, int samples, boolean recompute) {
        this.context = context;
        this.c = c;
        this.samples = samples;
        Arena arena = context.activations();
        int all = c.grid().tokens();
        int visible = c.grid().tokens(c.kept());
        embed = new Linear(context, "decoder_embed", c.dim(), c.decoderDim(), samples * visible);
        tokens = new DecoderTokens(context, c.grid(), samples, c.kept(), c.decoderDim());
        embedded = context.activation("decoder_embed", samples, visible, c.decoderDim());
        blocks = new BlockStack(
                context,
                "decoder_blocks",
                "decoder_norm",
                c.decoderDepth(),
                samples,
                all,
                c.decoderDim(),
                c.decoderHeads(),
                c.decoderHidden(),
                recompute);
        pred = new Linear(context, "decoder_pred", c.decoderDim(), c.patchSize(), samples * all);
        prediction = context.activation("decoder_pred", samples, all, c.patchSize());
        dprediction = context.activation("d decoder_pred", samples, all, c.patchSize());
        doutput = context.activation("d decoder_norm", samples, all, c.decoderDim());
        dinput = arena.floats("d decoder_blocks.input", samples, all, c.decoderDim());
        context.scratch().need(TokenKernels.scratchSize(context.stream(), c.decoderDim()));
        context.scratch().need(MaskedMseKernels.scratchSize(c.grid(), samples));
    }

    /** [samples, 1 + L, p * p * C]; row 0 of each sample is the class token's and means nothing. */
    Tensor prediction() {
        return prediction;
    }

    /** Predicts every patch from the encoder's output [samples, 1 + kept, dim]. */
    void forward(Tensor encoded, Tensor restore) {
        embed.forward(embedded, encoded);
        tokens.forward(blocks.input(), embedded, restore);
        blocks.forward();
        pred.forward(prediction, blocks.output());
    }

    /** Writes each view's reconstruction loss to loss [views], and the prediction's gradient times weight [1]. */
    void loss(Tensor loss, Tensor images, Tensor restore, int views, Tensor weight) {
        context.kernels()
                .maskedMse()
                .forwardBackward(
                        loss,
                        dprediction,
                        prediction,
                        images,
                        restore,
                        c.grid(),
                        views,
                        samples,
                        c.channels(),
                        c.kept(),
                        PixelTarget.of(c.grid(), c.normPix()),
                        weight,
                        context.scratch().tensor());
    }

    /** Adds all gradients and writes that of the encoder's output. */
    void backward(Tensor dencoded, Tensor encoded, Tensor restore, Tensor keep) {
        pred.backwardParameters(dprediction, blocks.output());
        pred.backwardInput(doutput, dprediction, false);
        blocks.backward(dinput, doutput);
        tokens.backward(embedded, dinput, restore, keep);
        embed.backwardParameters(embedded, encoded);
        embed.backwardInput(dencoded, embedded, false);
    }
}
