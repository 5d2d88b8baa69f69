package io.github.vicmae.model;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PixelTarget;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.Locale;

/**
 * The decoder's shape and what it reconstructs.
 *
 * @param ownClassToken whether the encoder's class token ends before the decoder, which has one of its own (Feichtenhofer et al. 2022)
 * @param embedsLast whether mask tokens and positions are added in the encoder's width, before {@code decoder_embed} (Girdhar et al. 2023)
 * @param targetFrames frames of a clip that are reconstructed, spread evenly; 0 for all of them
 * @param normPer what a target is normalised over, if it is
 */
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
        boolean normPix,

        @Setting(description = "whether the decoder has a class token of its own", value = "false", former = "false")
        boolean ownClassToken,

        @Setting(
                description = "whether mask tokens and positions are added in the encoder's width",
                value = "false",
                former = "false")
        boolean embedsLast,

        @Setting(
                flag = "--target-frames",
                description = "frames of a clip that are reconstructed, spread evenly; 0 for all",
                value = "0",
                shownDefault = "the method's",
                range = "[0, inf)",
                former = "0")
        int targetFrames,

        @Setting(
                flag = "--norm-per",
                label = "patch|channel",
                description = "normalise over a patch, or over each channel of a patch",
                value = "patch",
                shownDefault = "the method's",
                former = "\"patch\"")
        NormPer normPer) {
    /** What a target is normalised over. */
    public enum NormPer {
        /** All values of a patch (He et al. 2022). */
        PATCH,
        /** Each channel of a patch (Girdhar et al. 2023). */
        CHANNEL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public DecoderConfig {
        Definitions.check(
                DecoderConfig.class,
                dim,
                depth,
                heads,
                mlpRatio,
                normPix,
                ownClassToken,
                embedsLast,
                targetFrames,
                normPer);
        TrunkConfig.stack("decoder", dim, heads, mlpRatio);
    }

    /** MAE's and ViC-MAE's: the encoder's class token goes on, and whole patches are reconstructed. */
    public DecoderConfig(int dim, int depth, int heads, double mlpRatio, boolean normPix) {
        this(dim, depth, heads, mlpRatio, normPix, false, false, 0, NormPer.PATCH);
    }

    /**
     * What the masked patches' pixels are compared with.
     *
     * @param grid of the views
     * @param deviation [C] on the device, what the views were divided by; read where channels are normalised
     * @throws IllegalArgumentException if a clip has fewer frames than are to be reconstructed, or they cannot be shared out evenly
     */
    public PixelTarget target(PatchGrid grid, Tensor deviation) {
        PixelTarget.Normalisation normalisation = !normPix
                ? PixelTarget.Normalisation.NONE
                : normPer == NormPer.PATCH ? PixelTarget.Normalisation.PATCH : PixelTarget.Normalisation.CHANNEL;
        PixelTarget target = new PixelTarget(
                targetFrames == 0 ? grid.frames() : targetFrames,
                normalisation,
                normalisation == PixelTarget.Normalisation.CHANNEL ? deviation : null);
        target.tube(grid);
        return target;
    }

    /** Hidden width of the MLPs. */
    public int hidden() {
        return (int) (dim * mlpRatio);
    }
}
