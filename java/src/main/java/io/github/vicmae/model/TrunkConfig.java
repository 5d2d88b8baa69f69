package io.github.vicmae.model;

import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;

/**
 * The encoder's shape: what a view is cut into, and the vision transformer over it.
 *
 * @param frames of a view: 1 for images, more for clips
 * @param tube frames of a patch
 * @param classToken whether a class token precedes the patches' tokens
 * @param positions of the tokens
 * @param registers tokens behind the class token that are no patches (Darcet et al. 2024); their features are not used
 */
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
        double mlpRatio,

        @Setting(
                flag = "--frames",
                description = "frames of a clip, for methods that take clips",
                value = "1",
                shownDefault = "the method's, 16",
                range = "[1, inf)",
                former = "1")
        int frames,

        @Setting(
                flag = "--tube",
                description = "frames of a patch, for methods that take clips",
                value = "1",
                shownDefault = "the method's, 2",
                range = "[1, inf)",
                former = "1")
        int tube,

        @Setting(description = "whether the encoder has a class token", value = "true", former = "true")
        boolean classToken,

        @Setting(
                description =
                        "positions: a fixed 2-D table, learned in space and time, or one sinusoid over all patches",
                value = "sincos",
                former = "\"sincos\"")
        PositionKind positions,

        @Setting(
                description = "register tokens of a published encoder, which can be used and not trained",
                value = "0",
                range = "[0, 64]",
                former = "0")
        int registers) {

    private static final int MAX_HEAD_DIM = 128;

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public TrunkConfig {
        Definitions.check(
                TrunkConfig.class,
                height,
                width,
                channels,
                patch,
                dim,
                depth,
                heads,
                mlpRatio,
                frames,
                tube,
                classToken,
                positions,
                registers);
        PatchGrid grid = new PatchGrid(frames, height, width, tube, patch, classToken); // refuses what cannot be cut
        stack("encoder", dim, heads, mlpRatio);
        require(
                positions != PositionKind.SINCOS || grid.times() == 1,
                "2-D positions do not tell the " + grid.times() + " times of a clip apart");
        require(positions != PositionKind.SINUSOID || !classToken, "A sinusoid has no position for a class token");
    }

    /** Without register tokens. */
    public TrunkConfig(
            int height,
            int width,
            int channels,
            int patch,
            int dim,
            int depth,
            int heads,
            double mlpRatio,
            int frames,
            int tube,
            boolean classToken,
            PositionKind positions) {
        this(height, width, channels, patch, dim, depth, heads, mlpRatio, frames, tube, classToken, positions, 0);
    }

    /** Of images, with a class token and fixed 2-D positions: the encoder of MAE and ViC-MAE. */
    public TrunkConfig(int height, int width, int channels, int patch, int dim, int depth, int heads, double mlpRatio) {
        this(height, width, channels, patch, dim, depth, heads, mlpRatio, 1, 1, true, PositionKind.SINCOS);
    }

    /**
     * The same encoder for views of another form, to start from this one's weights as {@link ConvertedTrunk} says: positions are trained, but for OmniMAE's
     * fixed sinusoid.
     *
     * @param newHeight rows of a view
     * @param newWidth columns of a view
     * @param newFrames of a view: 1 for images and single frames
     * @param newTube frames of a patch
     * @throws IllegalArgumentException if such views cannot be cut into this encoder's patches
     */
    public TrunkConfig tuned(int newHeight, int newWidth, int newFrames, int newTube) {
        PositionKind kind = positions == PositionKind.SINCOS ? PositionKind.TUNED : positions;
        return new TrunkConfig(
                newHeight,
                newWidth,
                channels,
                patch,
                dim,
                depth,
                heads,
                mlpRatio,
                newFrames,
                newTube,
                classToken,
                kind,
                registers);
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

    /** How a view is cut into patches. */
    public PatchGrid grid() {
        return new PatchGrid(frames, height, width, tube, patch, classToken);
    }

    /** How an image is cut into patches: it is repeated for all frames of one patch. */
    public PatchGrid imageGrid() {
        return new PatchGrid(tube, height, width, tube, patch, classToken);
    }

    /** The same for images of another size. */
    public TrunkConfig resized(int newHeight, int newWidth) {
        return new TrunkConfig(
                newHeight,
                newWidth,
                channels,
                patch,
                dim,
                depth,
                heads,
                mlpRatio,
                frames,
                tube,
                classToken,
                positions,
                registers);
    }

    /** Patches of a view, L. */
    public int patches() {
        return grid().patches();
    }

    /** Values of a patch, t * p * p * C. */
    public int patchSize() {
        return grid().patchSize(channels);
    }

    /** The published shape of the patch embedding's weight: [D, C, p, p], or [D, C, t, p, p] for clips. */
    public int[] patchWeightShape() {
        return frames == 1 ? new int[] {dim, channels, patch, patch} : new int[] {dim, channels, tube, patch, patch};
    }

    /** Values of a frame, C * H * W. */
    public int imageSize() {
        return Math.multiplyExact(channels, Math.multiplyExact(height, width));
    }

    /** Hidden width of the MLPs. */
    public int hidden() {
        return (int) (dim * mlpRatio);
    }
}
