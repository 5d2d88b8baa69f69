package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Pooling;
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
    /** Of these, the rows of the views that are reconstructed, which come first; the same tensors if all are. */
    private Tensor shownRestore;

    private Tensor shownKeep;
    private Tensor shownEncoded;
    private Tensor dshownEncoded;
    private Tensor drest;

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
        this.decoder = new Decoder(context, trunk, decoder, views.reconstructed(), recompute);
        dencoded = arena.floats("d norm", n, views.tokens(), trunk.dim());
        dtokens = arena.floats("d tokens", n, views.tokens(), trunk.dim());
    }

    /**
     * Runs once after the memory was taken.
     *
     * @param viewDeviation [C], what the pixels of the views were divided by
     */
    public void prepare(float[] viewDeviation) {
        decoder.prepare(viewDeviation);
        ViewBatch shown = views.reconstructed();
        int n = shown.samples();
        if (n == views.samples()) {
            shownRestore = restore;
            shownKeep = keep;
            shownEncoded = encoder.output();
            dshownEncoded = dencoded;
            return;
        }
        int width = dencoded.dim(2);
        shownRestore = restore.slice(restore.name(), 0, n, views.patches());
        shownKeep = keep.slice(keep.name(), 0, n, views.kept());
        shownEncoded = encoder.output().slice(encoder.output().name(), 0, n, views.tokens(), width);
        dshownEncoded = dencoded.slice(dencoded.name(), 0, n, views.tokens(), width);
        drest = dencoded.slice(dencoded.name(), dshownEncoded.size(), views.samples() - n, views.tokens(), width);
    }

    /** Masks the views and encodes what is left of them. */
    public void encode(ViewInput input) {
        input.rankPatches(context.kernels(), restore, keep);
        encoder.forward(input.images(), keep);
    }

    /**
     * Pools the visible tokens of each view.
     *
     * @param pooled [N, D], written
     * @param argmax [N, D] integers, written for {@link Pooling#MAX}; otherwise not used and may be null
     */
    public void pool(Tensor pooled, Tensor argmax, Pooling pooling) {
        context.kernels()
                .pool()
                .forward(
                        pooled,
                        argmax,
                        encoded(),
                        pooling,
                        views.grid(),
                        views.samples(),
                        views.kept(),
                        encoded().dim(2));
    }

    /** Predicts the masked patches of the views that were {@linkplain #encode encoded}. */
    public void predict() {
        decoder.forward(shownEncoded, shownRestore);
    }

    /** Predicts the masked patches, writes each view's loss to {@code loss} and takes the gradient of {@code weight} times their mean. */
    public void reconstruct(Tensor loss, ViewInput input, Tensor weight) {
        predict();
        decoder.loss(loss, input.reconstructed(), shownRestore, weight);
    }

    /** The decoder's backward pass: adds its gradients and writes {@link #encodedGradient}. */
    public void backwardDecoder() {
        decoder.backward(dshownEncoded, shownEncoded, shownRestore, shownKeep);
        if (drest != null) {
            context.stream().zero(drest);
        }
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
