package io.github.vicmae.cli;

import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Variant;
import picocli.CommandLine.Option;

/** The options that make a model: a named size, and what differs from it. */
final class ModelOptions {
    @Option(
            names = "--model",
            defaultValue = "ti16",
            description = "ti8, ti16, s16, b16, l16 or h14 (default: ${DEFAULT-VALUE})")
    private String model;

    @Option(
            names = "--preset",
            defaultValue = "paper",
            description = "paper or release: heads, loss weights, mask ratio, augmentation (default: ${DEFAULT-VALUE})")
    private String preset;

    @Option(names = "--image", paramLabel = "N|HxW", description = "image size in pixels (default: the model's)")
    private String image;

    @Option(names = "--patch", description = "patch side in pixels (default: the model's)")
    private Integer patch;

    @Option(names = "--channels", defaultValue = "3", description = "1 to 4 (default: ${DEFAULT-VALUE})")
    private int channels;

    @Option(names = "--mask", description = "share of masked patches (default: 0.75 paper, 0.5 release)")
    private Double mask;

    @Option(
            names = "--pooling",
            defaultValue = "mean",
            description = "mean, max, gem or cls (default: ${DEFAULT-VALUE})")
    private String pooling;

    @Option(
            names = "--temperature",
            defaultValue = "0.1",
            description = "of the contrastive loss (default: ${DEFAULT-VALUE})")
    private double temperature;

    @Option(
            names = "--contrast",
            defaultValue = ModelConfig.DEFAULT_CONTRAST,
            paramLabel = "NAME|FILE.cu",
            description =
                    "the contrastive loss: one of 'lab --list', or the file of your own (default: ${DEFAULT-VALUE})")
    private String contrast;

    @Option(
            names = "--norm-pix",
            defaultValue = "true",
            arity = "1",
            paramLabel = "true|false",
            description = "reconstruct normalised patches (default: ${DEFAULT-VALUE})")
    private boolean normPix;

    @Option(names = "--dim", description = "width of the encoder")
    private Integer dim;

    @Option(names = "--depth", description = "blocks of the encoder")
    private Integer depth;

    @Option(names = "--heads", description = "attention heads of the encoder")
    private Integer heads;

    @Option(names = "--decoder-dim", description = "width of the decoder")
    private Integer decoderDim;

    @Option(names = "--decoder-depth", description = "blocks of the decoder")
    private Integer decoderDepth;

    @Option(names = "--decoder-heads", description = "attention heads of the decoder")
    private Integer decoderHeads;

    @Option(names = "--head-hidden", description = "hidden width of the projection heads")
    private Integer headHidden;

    @Option(
            names = "--head-out",
            defaultValue = "128",
            description = "output width of the projection heads (default: ${DEFAULT-VALUE})")
    private int headOut;

    Variant variant() {
        return Variant.of(preset);
    }

    /**
     * @throws IllegalArgumentException if the options do not go together
     */
    ModelConfig config() {
        ModelSize size = ModelSize.of(model);
        int[] hw = imageSize(size);
        ModelConfig config = new ModelConfig(
                variant(),
                hw[0],
                hw[1],
                channels,
                or(patch, size.patch),
                or(dim, size.dim),
                or(depth, size.depth),
                or(heads, size.heads),
                or(decoderDim, size.decoderDim),
                or(decoderDepth, size.decoderDepth),
                or(decoderHeads, size.decoderHeads),
                4,
                or(headHidden, size.headHidden),
                headOut,
                temperature,
                mask != null ? mask : variant().maskRatio(),
                normPix,
                Pooling.of(pooling));
        return config.withContrast(contrast);
    }

    private int[] imageSize(ModelSize size) {
        if (image == null) {
            return new int[] {size.image, size.image};
        }
        if (!image.matches("[0-9]{1,5}(x[0-9]{1,5})?")) {
            throw new IllegalArgumentException("The image size is one number or HEIGHTxWIDTH, not '" + image + "'");
        }
        String[] parts = image.split("x");
        int height = Integer.parseInt(parts[0]);
        return new int[] {height, parts.length == 1 ? height : Integer.parseInt(parts[1])};
    }

    private static int or(Integer value, int otherwise) {
        return value == null ? otherwise : value;
    }
}
