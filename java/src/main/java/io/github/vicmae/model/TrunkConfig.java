package io.github.vicmae.model;

import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;

/** The encoder's shape: what an image is cut into, and the vision transformer over it. */
public record TrunkConfig(
        @Setting(description = "rows of an input image, a multiple of the patch", range = "[1, inf)")
        int height,

        @Setting(description = "columns of an input image, a multiple of the patch", range = "[1, inf)")
        int width,

        @Setting(flag = "--channels", description = "channels of an image, 1 to 4", value = "3", range = "[1, 4]")
        int channels,

        @Setting(
                flag = "--patch",
                description = "patch side in pixels",
                shownDefault = "the model's",
                range = "[1, inf)")
        int patch,

        @Setting(flag = "--dim", description = "width of the encoder", shownDefault = "the model's", range = "[4, inf)")
        int dim,

        @Setting(
                flag = "--depth",
                description = "blocks of the encoder",
                shownDefault = "the model's",
                range = "[1, inf)")
        int depth,

        @Setting(
                flag = "--heads",
                description = "attention heads of the encoder",
                shownDefault = "the model's",
                range = "[1, inf)")
        int heads,

        @Setting(description = "hidden width of the encoder's MLPs over its width", value = "4", range = "(0, inf)")
        double mlpRatio) {

    private static final int MAX_HEAD_DIM = 128;

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public TrunkConfig {
        Definitions.check(TrunkConfig.class, height, width, channels, patch, dim, depth, heads, mlpRatio);
        PatchGrid.ofImage(height, width, patch); // refuses what cannot be cut
        stack("encoder", dim, heads, mlpRatio);
    }

    /** What every stack of transformer blocks needs. */
    static void stack(String name, int dim, int heads, double mlpRatio) {
        require(dim % heads == 0, "The " + name + "'s width " + dim + " cannot be split into " + heads + " heads");
        require(dim % 4 == 0, "The " + name + "'s width must be a multiple of 4 for its positions, not " + dim);
        require(
                dim / heads <= MAX_HEAD_DIM,
                "The " + name + "'s heads are " + dim / heads + " wide; " + MAX_HEAD_DIM + " is the most");
        require(dim * mlpRatio >= 1, "The " + name + "'s MLPs have no hidden values with an MLP ratio of " + mlpRatio);
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    /** How an image is cut into patches. */
    public PatchGrid grid() {
        return PatchGrid.ofImage(height, width, patch);
    }

    /** Patches of an image, L. */
    public int patches() {
        return grid().patches();
    }

    /** Values of a patch, p * p * C. */
    public int patchSize() {
        return grid().patchSize(channels);
    }

    /** Values of an image, C * H * W. */
    public int imageSize() {
        return Math.multiplyExact(channels, Math.multiplyExact(height, width));
    }

    /** Hidden width of the MLPs. */
    public int hidden() {
        return (int) (dim * mlpRatio);
    }
}
