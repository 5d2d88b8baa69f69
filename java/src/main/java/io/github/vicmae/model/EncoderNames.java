package io.github.vicmae.model;

import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The names under which an encoder's tensors are written. */
public enum EncoderNames {
    /** Ours: those of MAE and ViC-MAE for every method. */
    VICMAE,
    /** Those that the method's authors published. */
    PUBLISHED,
    /**
     * Those of timm's {@code VisionTransformer} for images. They are MAE's; what differs are encoders of clips, whose patch weight is added up over
     * its frames.
     */
    TIMM;

    /**
     * The names of that name, in any case.
     *
     * @throws IllegalArgumentException if there are none
     */
    public static EncoderNames of(String name) {
        return Arrays.stream(values())
                .filter(n -> n.toString().equals(name.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "There are no names '" + name + "': use one of " + Arrays.toString(values())));
    }

    /** Computes for an image what the encoder of clips does that repeats it over the frames of one patch. */
    private static TrunkConfig ofImages(TrunkConfig trunk) {
        return trunk.tuned(trunk.height(), trunk.width(), 1, 1);
    }

    /** The encoder that {@link #source} gives. */
    public TrunkConfig trunk(TrunkConfig trunk) {
        return this == TIMM && trunk.frames() > 1 ? ofImages(trunk) : trunk;
    }

    /**
     * What the tensors are read from.
     *
     * @param tensors the encoder's, under our names
     * @throws IOException if timm's vision transformer cannot compute what this encoder does
     */
    public TensorSource source(TensorSource tensors, TrunkConfig trunk) throws IOException {
        if (this == TIMM && trunk.registers() > 0) {
            throw new IOException(
                    tensors.path() + " holds an encoder with register tokens, and timm keeps the positions of"
                            + " those elsewhere. Take --names published, DINOv2's, or ONNX");
        }
        if (this != TIMM || trunk.frames() == 1) {
            return tensors;
        }
        if (trunk.positions() == PositionKind.LEARNED) {
            throw new IOException(tensors.path() + " holds an encoder of clips that sees an image at "
                    + trunk.grid().times()
                    + " times; timm's vision transformer has none. Take --names published, or ONNX");
        }
        return ConvertedTrunk.of(tensors, trunk, ofImages(trunk), name -> false);
    }

    /**
     * Names the tensors.
     *
     * @param source what {@link #source} gave, or the same in another type
     * @param method such as {@code vicmae}
     */
    public List<NamedTensor> named(TensorSource source, String method) throws IOException {
        if (this == PUBLISHED) {
            return PublishedLayout.named(source, method);
        }
        List<NamedTensor> named = new ArrayList<>();
        for (String name : source.names()) {
            named.add(NamedTensor.whole(name, source.info(name)));
        }
        return named;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
