package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.layer.Context;

/** Encoder and decoder over one batch of views (He et al. 2022): the part that all methods have in common. */
public final class MaskedAutoencoder {
    private final Context context;
    private final ViewBatch views;
    private final Tensor restore;
    private final Tensor keep;
    private final VisionTransformer encoder;
    private final Decoder decoder;
    private final Tensor dencoded;
    private final Tensor dtokens;

    /**
     * Declares parameters and activations.
     *
     * @param context with {@linkplain Context#sharing shared} parameters for a second batch of views
     * @param recompute see {@link Execution}
     */
    public MaskedAutoencoder(
            Context context, TrunkConfig trunk, DecoderConfig decoder, ViewBatch views, boolean recompute) {
        this.context = context;
        this.views = views;
        int n = views.samples();
        Arena arena = context.activations();
        restore = arena.tensor("restore", DType.I32, n, views.patches());
        keep = arena.tensor("keep", DType.I32, n, views.kept());
        encoder = new VisionTransformer(context, trunk, views.grid(), n, views.kept(), recompute);
        this.decoder = new Decoder(context, trunk, decoder, views, recompute);
        dencoded = arena.floats("d norm", n, views.tokens(), trunk.dim());
        dtokens = arena.floats("d tokens", n, views.tokens(), trunk.dim());
    }

    /** Masks the views and encodes what is left of them. */
    public void encode(ViewInput input) {
        input.rankPatches(context.kernels(), restore, keep);
        encoder.forward(input.images(), keep);
    }

    /** Predicts the masked patches, writes each view's loss to {@code loss} and takes the gradient of {@code weight} times their mean. */
    public void reconstruct(Tensor loss, ViewInput input, Tensor weight) {
        decoder.forward(encoder.output(), restore);
        decoder.loss(loss, input.images(), restore, weight);
    }

    /** The decoder's backward pass: adds its gradients and writes {@link #encodedGradient}. */
    public void backwardDecoder() {
        decoder.backward(dencoded, encoder.output(), restore, keep);
    }

    /** The encoder's backward pass, from {@link #encodedGradient}. */
    public void backwardEncoder() {
        encoder.backward(dtokens, dencoded, restore);
    }

    /** What is encoded. */
    public ViewBatch views() {
        return views;
    }

    /** [N, views.tokens(), D]: the visible tokens, encoded. */
    public Tensor encoded() {
        return encoder.output();
    }

    /** The gradient of {@link #encoded}, to which heads add between the two backward passes. */
    public Tensor encodedGradient() {
        return dencoded;
    }

    /** [N, L] integers: the rank of each patch's noise; a patch is masked if its rank is at least {@code views().kept()}. */
    public Tensor restore() {
        return restore;
    }

    public Decoder decoder() {
        return decoder;
    }
}
