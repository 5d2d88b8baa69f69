package io.github.vicmae.kernel;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Stream;
import io.github.vicmae.kernel.attention.AttentionKernels;
import io.github.vicmae.kernel.augment.AugmentKernels;
import io.github.vicmae.kernel.contrastive.CosineLossKernels;
import io.github.vicmae.kernel.contrastive.InfoNceKernels;
import io.github.vicmae.kernel.contrastive.SoftmaxLossKernels;
import io.github.vicmae.kernel.contrastive.VicRegKernels;
import io.github.vicmae.kernel.matmul.MatMul;
import io.github.vicmae.kernel.patch.MaskedMseKernels;
import io.github.vicmae.kernel.patch.MaskingKernels;
import io.github.vicmae.kernel.patch.PatchEmbedKernels;
import io.github.vicmae.kernel.patch.PositionKernels;
import io.github.vicmae.kernel.patch.TokenKernels;

/** All kernel families on one stream. */
public record Kernels(
        Stream stream,
        MatMul matMul,
        Reduce reduce,
        PointwiseKernels pointwise,
        LayerNormKernels layerNorm,
        AttentionKernels attention,
        PatchEmbedKernels patchEmbed,
        MaskingKernels masking,
        TokenKernels tokens,
        PositionKernels positions,
        PoolKernels pool,
        BatchNormKernels batchNorm,
        InfoNceKernels infoNce,
        SoftmaxLossKernels softmaxLoss,
        VicRegKernels vicReg,
        CosineLossKernels cosineLoss,
        CrossEntropyKernels crossEntropy,
        MaskedMseKernels maskedMse,
        AdamWKernels adamW,
        LarsKernels lars,
        GradientNorm gradientNorm,
        AugmentKernels augment) {

    /**
     * Makes a stream and loads every family's kernels on it.
     *
     * @throws io.github.vicmae.device.DeviceException if a kernel cannot be loaded; the stream is closed then
     */
    public static Kernels onNewStream(Device device) {
        Stream stream = device.newStream();
        try {
            return on(stream);
        } catch (RuntimeException | Error e) {
            Closing.after(e, stream);
            throw e;
        }
    }

    private static Kernels on(Stream stream) {
        return new Kernels(
                stream,
                new MatMul(stream),
                new Reduce(stream),
                new PointwiseKernels(stream),
                new LayerNormKernels(stream),
                new AttentionKernels(stream),
                new PatchEmbedKernels(stream),
                new MaskingKernels(stream),
                new TokenKernels(stream),
                new PositionKernels(stream),
                new PoolKernels(stream),
                new BatchNormKernels(stream),
                new InfoNceKernels(stream),
                new SoftmaxLossKernels(stream),
                new VicRegKernels(stream),
                new CosineLossKernels(stream),
                new CrossEntropyKernels(stream),
                new MaskedMseKernels(stream),
                new AdamWKernels(stream),
                new LarsKernels(stream),
                new GradientNorm(stream),
                new AugmentKernels(stream));
    }
}
