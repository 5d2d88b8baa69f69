package io.github.vicmae.model;

import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;

/** The decoder's shape and what it reconstructs. */
public record DecoderConfig(
        @Setting(
                flag = "--decoder-dim",
                description = "width of the decoder",
                shownDefault = "the model's",
                range = "[4, inf)")
        int dim,

        @Setting(
                flag = "--decoder-depth",
                description = "blocks of the decoder",
                shownDefault = "the model's",
                range = "[1, inf)")
        int depth,

        @Setting(
                flag = "--decoder-heads",
                description = "attention heads of the decoder",
                shownDefault = "the model's",
                range = "[1, inf)")
        int heads,

        @Setting(description = "hidden width of the decoder's MLPs over its width", value = "4", range = "(0, inf)")
        double mlpRatio,

        @Setting(
                flag = "--norm-pix",
                label = "true|false",
                description = "reconstruct normalised patches",
                value = "true")
        boolean normPix) {

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public DecoderConfig {
        Definitions.check(DecoderConfig.class, dim, depth, heads, mlpRatio, normPix);
        TrunkConfig.stack("decoder", dim, heads, mlpRatio);
    }

    /** Hidden width of the MLPs. */
    public int hidden() {
        return (int) (dim * mlpRatio);
    }
}
