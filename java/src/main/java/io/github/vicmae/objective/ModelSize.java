package io.github.vicmae.objective;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The named sizes of encoder, decoder and heads; {@link Presets} makes models of them. */
public enum ModelSize {
    /** For 64-pixel images and laptops. */
    TI8(8, 64, 192, 12, 3, 96, 4, 3, 512),
    TI16(16, 224, 192, 12, 3, 256, 8, 8, 4096),
    S16(16, 224, 384, 12, 6, 256, 8, 8, 4096),
    B16(16, 224, 768, 12, 12, 512, 8, 16, 4096),
    L16(16, 224, 1024, 24, 16, 512, 8, 16, 4096),
    H14(14, 224, 1280, 32, 16, 512, 8, 16, 4096);

    public final int patch;
    public final int image;
    public final int dim;
    public final int depth;
    public final int heads;
    public final int decoderDim;
    public final int decoderDepth;
    public final int decoderHeads;
    public final int headHidden;

    ModelSize(
            int patch,
            int image,
            int dim,
            int depth,
            int heads,
            int decoderDim,
            int decoderDepth,
            int decoderHeads,
            int headHidden) {
        this.patch = patch;
        this.image = image;
        this.dim = dim;
        this.depth = depth;
        this.heads = heads;
        this.decoderDim = decoderDim;
        this.decoderDepth = decoderDepth;
        this.decoderHeads = decoderHeads;
        this.headHidden = headHidden;
    }

    /**
     * @throws IllegalArgumentException if there is no such size, naming those there are
     */
    public static ModelSize of(String name) {
        for (ModelSize s : values()) {
            if (s.name().equalsIgnoreCase(name)) {
                return s;
            }
        }
        throw new IllegalArgumentException("There is no model '" + name + "': use "
                + Arrays.stream(values()).map(ModelSize::toString).collect(Collectors.joining(", ")));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
