package io.github.vicmae.layer;

import java.util.Locale;

/** The parts of a model whose gradients are watched apart; the published names say which part a parameter belongs to. */
public enum ParameterPart {
    /** Patch embedding, class token and learned positions. */
    EMBEDDING,
    /** The encoder's blocks and its last norm. */
    ENCODER,
    /** All of the decoder, with its mask token. */
    DECODER,
    /** Everything behind the pooled features, such as projection heads. */
    HEADS;

    /** The part of a parameter of this name. */
    public static ParameterPart of(String name) {
        if (name.startsWith("decoder") || name.equals("mask_token")) {
            return DECODER;
        }
        if (name.startsWith("blocks.") || name.startsWith("norm.")) {
            return ENCODER;
        }
        return name.startsWith("patch_embed.") || name.startsWith("pos_embed") || name.equals("cls_token")
                ? EMBEDDING
                : HEADS;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
