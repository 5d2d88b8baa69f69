package io.github.vicmae.eval;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;

/**
 * How an {@link Encoder} is loaded. Each method returns changed options and leaves these as they are.
 *
 * <pre>{@code
 * Encoder encoder = Encoder.options().contexts(4).batch(32).precision(Precision.BF16).load(Path.of("model.safetensors"), device);
 * }</pre>
 *
 * @param contexts calls that the device may work for at the same time, each with activations of its own; made as they are needed
 * @param batch images that are run at once
 * @param precision of activations and products; features are floats in any case
 * @param heads attention heads of a published encoder of no standard width; 0 for those of the standard size
 * @param image side of the images in pixels, a multiple of the patch: positions are interpolated as the encoder's authors do; 0 for the side that it was
 *     trained with
 * @param config what a file holds that does not say it; null for what it says
 * @param wholeBatches whether every batch but single images is computed in full size, however few images are left: the roundings of an image's features
 *     are then those of a full batch with every library of matrix products
 */
public record EncoderOptions(
        int contexts, int batch, Precision precision, int heads, int image, ModelConfig config, boolean wholeBatches) {
    /**
     * Two contexts: one call copies its images and features while another's products have the cores or the card; each takes the activations of a batch.
     */
    static final EncoderOptions DEFAULT = new EncoderOptions(2, 16, Precision.FP32, 0, 0, null, false);

    /** @throws IllegalArgumentException if a number is none that can be used */
    public EncoderOptions {
        if (contexts < 1) {
            throw new IllegalArgumentException("An encoder has at least one context, not " + contexts);
        }
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least one image, not " + batch);
        }
        if (heads < 0 || image < 0) {
            throw new IllegalArgumentException(
                    "The heads and the image's side are 0 or more, not " + heads + " and " + image);
        }
        if (precision == null) {
            throw new IllegalArgumentException(
                    "A precision must be given: " + Precision.FP32 + " or " + Precision.BF16);
        }
    }

    public EncoderOptions contexts(int most) {
        return new EncoderOptions(most, batch, precision, heads, image, config, wholeBatches);
    }

    public EncoderOptions batch(int images) {
        return new EncoderOptions(contexts, images, precision, heads, image, config, wholeBatches);
    }

    public EncoderOptions precision(Precision of) {
        return new EncoderOptions(contexts, batch, of, heads, image, config, wholeBatches);
    }

    public EncoderOptions heads(int count) {
        return new EncoderOptions(contexts, batch, precision, count, image, config, wholeBatches);
    }

    public EncoderOptions image(int side) {
        return new EncoderOptions(contexts, batch, precision, heads, side, config, wholeBatches);
    }

    public EncoderOptions config(ModelConfig of) {
        return new EncoderOptions(contexts, batch, precision, heads, image, of, wholeBatches);
    }

    public EncoderOptions wholeBatches(boolean whole) {
        return new EncoderOptions(contexts, batch, precision, heads, image, config, whole);
    }

    /**
     * Loads an encoder.
     *
     * @throws IOException if the file cannot be read, is no checkpoint of a vision transformer, or holds tensors that change what is computed and
     *     that this encoder does not know
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public Encoder load(Path file, Device device) throws IOException {
        if (config != null) {
            try (TensorSource source = TensorSource.open(file)) {
                EncoderFile.refuseClassifier(file, config);
                return Encoder.load(source, config, device, this);
            }
        }
        try (EncoderFile opened = EncoderFile.open(file, heads, image)) {
            return Encoder.load(opened.source(), opened.config(), device, this);
        }
    }

    /** An extractor of these options, without weights. */
    FeatureExtractor extractor(Device device, ModelConfig of) {
        return wholeBatches
                ? new FeatureExtractor(device, of.trunk(), of.objective().pooling(), batch, precision)
                : FeatureExtractor.ofAnySize(device, of.trunk(), of.objective().pooling(), batch, precision);
    }
}
