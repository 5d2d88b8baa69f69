package io.github.vicmae.eval;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import java.io.IOException;
import java.nio.file.Path;

/**
 * How an encoder is loaded, each value with a default: {@code Encoder.options().batch(32).precision(Precision.BF16).load(file, device)}.
 *
 * @param batch images that are run at once, at least 1; 16 by default
 * @param precision of activations and products; features are floats in any case. bfloat16 has two to three digits, and is faster where the processor
 *     multiplies it (AVX512-BF16, AMX) and on cards
 * @param heads attention heads of a published encoder of no standard width; 0 for those of the standard size of its width
 * @param image side of the images in pixels, a multiple of the patch; 0 for the side that the encoder was trained with
 */
public record EncoderOptions(int batch, Precision precision, int heads, int image) {
    static final EncoderOptions DEFAULT = new EncoderOptions(16, Precision.FP32, 0, 0);

    public EncoderOptions {
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least one image, not " + batch);
        }
        if (heads < 0 || image < 0) {
            throw new IllegalArgumentException(
                    "Heads and an image's side are 0, for those of the model, or more, not " + heads + " and " + image);
        }
    }

    /** With so many images at once. */
    public EncoderOptions batch(int images) {
        return new EncoderOptions(images, precision, heads, image);
    }

    /** With activations and products in this precision. */
    public EncoderOptions precision(Precision other) {
        return new EncoderOptions(batch, other, heads, image);
    }

    /** With so many attention heads. */
    public EncoderOptions heads(int count) {
        return new EncoderOptions(batch, precision, count, image);
    }

    /** For images of this side. */
    public EncoderOptions image(int pixels) {
        return new EncoderOptions(batch, precision, heads, pixels);
    }

    /**
     * Loads the encoder of a checkpoint.
     *
     * @throws IOException as {@link Encoder#load(Path, Device)}
     */
    public Encoder load(Path file, Device device) throws IOException {
        try (EncoderFile opened = EncoderFile.open(file, heads, image)) {
            return Encoder.load(opened.source(), opened.config(), device, this);
        }
    }
}
