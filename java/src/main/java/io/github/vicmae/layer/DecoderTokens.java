package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;

/** Puts the visible tokens back to their places, the mask token everywhere else, and adds the decoder's fixed positions. */
public final class DecoderTokens {
    private final Context context;
    private final int samples;
    private final int patches;
    private final int kept;
    private final int width;
    private final Parameter maskToken;
    private final Parameter positions;

    public DecoderTokens(Context context, int samples, int rows, int columns, int kept, int width) {
        this.context = context;
        this.samples = samples;
        this.patches = rows * columns;
        this.kept = kept;
        this.width = width;
        maskToken = context.parameters().trained("mask_token", new Init.Normal(0.02), 1, 1, width);
        positions = context.parameters()
                .buffer("decoder_pos_embed", new Init.Table(SinCos.table(width, rows, columns)), 1, 1 + patches, width);
    }

    /** out [samples, 1 + L, width] from embedded [samples, 1 + kept, width] and restore [samples, L]. */
    public void forward(Tensor out, Tensor embedded, Tensor restore) {
        context.kernels()
                .tokens()
                .scatter(out, embedded, maskToken.value(), positions.value(), restore, samples, patches, kept, width);
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
                        samples,
                        patches,
                        kept,
                        width,
                        context.scratch().tensor());
    }
}
