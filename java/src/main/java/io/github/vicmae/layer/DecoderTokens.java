package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.TokenKernels;

/** Puts the visible tokens back in their places, the mask token everywhere else, and adds positions (He et al. 2022). */
public final class DecoderTokens {
    private final Context context;
    private final PatchGrid grid;
    private final PatchGrid encoded;
    private final Positions positions;
    private final int samples;
    private final int kept;
    private final int width;
    private final Parameter maskToken;
    /** Null unless a class token starts here. */
    private final Parameter cls;

    /**
     * @param grid of the tokens that are made
     * @param encoded the encoder's grid; it may have a class token where {@code grid} has another
     * @param positions of the tokens that are made
     * @param startsClassToken whether the class token is one of its own, {@code decoder_cls_token}; the encoder's then ends
     * @param maskShape the published shape of the mask token
     */
    public DecoderTokens(
            Context context,
            PatchGrid grid,
            PatchGrid encoded,
            Positions.Kind positions,
            boolean startsClassToken,
            int samples,
            int kept,
            int width,
            int... maskShape) {
        this.context = context;
        this.grid = grid;
        this.encoded = encoded;
        this.samples = samples;
        this.kept = kept;
        this.width = width;
        Init init = new Init.Normal(0.02);
        maskToken = context.parameters().trained("mask_token", init, maskShape);
        cls = startsClassToken ? context.parameters().trained("decoder_cls_token", init, 1, 1, width) : null;
        this.positions = positions.declare(context, "decoder_pos_embed", grid, width);
        if (context.training()) {
            context.scratch().need(TokenKernels.scratchSize(context.stream(), width));
        }
    }

    /** out [samples, grid.tokens(), width] from embedded [samples, encoded.tokens(kept), width] and restore [samples, L]. */
    public void forward(Tensor out, Tensor embedded, Tensor restore) {
        Tensor classToken = cls == null ? null : cls.value();
        context.kernels()
                .tokens()
                .scatter(
                        out,
                        embedded,
                        maskToken.value(),
                        classToken,
                        positions.values(),
                        restore,
                        grid,
                        encoded,
                        samples,
                        kept,
                        width);
    }

    /** Writes the visible tokens' gradient and adds those of the mask token, of the class token and of the positions. */
    public void backward(Tensor dembedded, Tensor dout, Tensor restore, Tensor keep) {
        Tensor scratch = context.scratch().tensor();
        Tensor dcls = cls == null ? null : cls.gradient();
        context.kernels()
                .tokens()
                .gather(
                        dembedded,
                        maskToken.gradient(),
                        dcls,
                        dout,
                        restore,
                        keep,
                        grid,
                        encoded,
                        samples,
                        kept,
                        width,
                        scratch);
        positions.backward(dout, null, samples, grid.patches());
    }
}
