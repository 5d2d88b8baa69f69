package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;

/** Puts the visible tokens back to their places, the mask token everywhere else, and adds the decoder's fixed positions. */
public final class DecoderTokens {
    private final Context context;
    private final PatchGrid grid;
    private final int samples;
    private final int kept;
    private final int width;
    private final Parameter maskToken;
    private final Parameter positions;

    public DecoderTokens(Context context, PatchGrid grid, int samples, int kept, int width) {
        this.context = context;
        this.grid = grid;
        this.samples = samples;
        this.kept = kept;
        this.width = width;
        maskToken = context.parameters().trained("mask_token", new Init.Normal(0.02), 1, 1, width);
        positions = context.parameters()
                .buffer(
                        "decoder_pos_embed",
                        new Init.Table(SinCos.table(width, grid.rows(), grid.columns())),
                        1,
                        grid.tokens(),
                        width);
    }

    /** out [samples, grid.tokens(), width] from embedded [samples, grid.tokens(kept), width] and restore [samples, L]. */
    public void forward(Tensor out, Tensor embedded, Tensor restore) {
        context.kernels()
                .tokens()
                .scatter(out, embedded, maskToken.value(), positions.value(), restore, grid, samples, kept, width);
    }

    /** Writes the visible tokens' gradient and adds the mask token's. */
    public void backward(Tensor dembedded, Tensor dout, Tensor restore, Tensor keep) {
        context.kernels()
                .tokens()
                .gather(
                        dembedded,
                        maskToken.gradient(),
                        dout,
                        restore,
                        keep,
                        grid,
                        samples,
                        kept,
                        width,
                        context.scratch().tensor());
    }
}
