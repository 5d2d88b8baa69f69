package io.github.vicmae.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.LossDefinition;
import io.github.vicmae.loss.UserLoss;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Everything that fixes a model's shape and losses.
 *
 * @param variant which heads and which form of the contrastive loss
 * @param height of an input image in pixels, a multiple of the patch
 * @param width of an input image in pixels, a multiple of the patch
 * @param channels 1 to 4
 * @param patch side of a patch in pixels
 * @param dim width of the encoder, a multiple of 4 and of the heads
 * @param depth blocks of the encoder
 * @param heads attention heads of the encoder
 * @param decoderDim width of the decoder
 * @param decoderDepth blocks of the decoder
 * @param decoderHeads attention heads of the decoder
 * @param mlpRatio hidden width of an MLP over the block's width
 * @param headHidden hidden width of the projection heads
 * @param headOut output width of the projection heads
 * @param temperature of the contrastive loss
 * @param maskRatio share of the patches that are masked
 * @param normPix whether the reconstruction's target patches are normalised
 * @param pooling how the encoder's tokens become one feature vector
 * @param contrast the contrastive loss: the name of a built-in one, or the path of a user's own, which ends in .cu
 * @param contrastHash the content's hash of a user's own loss, or null
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ModelConfig(
        Variant variant,
        int height,
        int width,
        int channels,
        int patch,
        int dim,
        int depth,
        int heads,
        int decoderDim,
        int decoderDepth,
        int decoderHeads,
        double mlpRatio,
        int headHidden,
        int headOut,
        double temperature,
        double maskRatio,
        boolean normPix,
        Pooling pooling,
        String contrast,
        String contrastHash) {

    /** What the contrastive loss is if nothing else is said, and what it was before there was a choice. */
    public static final String DEFAULT_CONTRAST = ContrastiveLosses.DEFAULT;

    private static final int MAX_HEAD_DIM = 128;
    private static final int MAX_TOKENS = 1024;

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public ModelConfig {
        contrast = contrast == null ? ContrastiveLosses.DEFAULT : contrast;
        require(patch >= 1, "The patch size must be at least 1, not " + patch);
        require(
                height > 0 && width > 0 && height % patch == 0 && width % patch == 0,
                "An image of " + height + " x " + width + " pixels cannot be cut into patches of " + patch + " x "
                        + patch + ": both sides must be multiples of " + patch);
        require(channels >= 1 && channels <= 4, "Images have 1 to 4 channels, not " + channels);
        stack("encoder", dim, depth, heads);
        stack("decoder", decoderDim, decoderDepth, decoderHeads);
        long patches = (long) (height / patch) * (width / patch);
        require(
                patches + 1 <= MAX_TOKENS,
                "An image of " + patches + " patches is too long: attention holds " + (MAX_TOKENS - 1)
                        + "; use larger patches");
        require(
                mlpRatio > 0 && dim * mlpRatio >= 1 && decoderDim * mlpRatio >= 1,
                "The MLP ratio must be positive, not " + mlpRatio);
        require(
                !normPix || patch * patch * channels > 1,
                "Patches of a single value cannot be normalised; use larger patches or reconstruct the values themselves");
        require(headHidden >= 1 && headOut >= 1, "The projection heads' widths must be positive");
        require(
                temperature >= 0.01 && temperature <= 100,
                "The temperature must lie between 0.01 and 100, not at " + temperature);
        require(maskRatio >= 0 && maskRatio < 1, "The mask ratio must be at least 0 and below 1, not " + maskRatio);
        require(
                (int) (patches * (1 - maskRatio)) >= 1,
                "A mask ratio of " + maskRatio + " leaves none of the " + patches
                        + " patches visible; use a smaller ratio");
    }

    /** The same with InfoNCE. */
    public ModelConfig(
            Variant variant,
            int height,
            int width,
            int channels,
            int patch,
            int dim,
            int depth,
            int heads,
            int decoderDim,
            int decoderDepth,
            int decoderHeads,
            double mlpRatio,
            int headHidden,
            int headOut,
            double temperature,
            double maskRatio,
            boolean normPix,
            Pooling pooling) {
        this(
                variant,
                height,
                width,
                channels,
                patch,
                dim,
                depth,
                heads,
                decoderDim,
                decoderDepth,
                decoderHeads,
                mlpRatio,
                headHidden,
                headOut,
                temperature,
                maskRatio,
                normPix,
                pooling,
                ContrastiveLosses.DEFAULT,
                null);
    }

    /**
     * The same with another contrastive loss.
     *
     * @param loss the name of a built-in one, or the path of a user's own, which ends in .cu
     * @throws IllegalArgumentException if there is no such loss, or a user's file is wrong; it names file and line
     */
    public ModelConfig withContrast(String loss) {
        String hash = UserLoss.isFile(loss) ? UserLoss.read(Path.of(loss)).hash() : null;
        if (hash == null) {
            named(loss);
        }
        return new ModelConfig(
                variant,
                height,
                width,
                channels,
                patch,
                dim,
                depth,
                heads,
                decoderDim,
                decoderDepth,
                decoderHeads,
                mlpRatio,
                headHidden,
                headOut,
                temperature,
                maskRatio,
                normPix,
                pooling,
                loss,
                hash);
    }

    /**
     * Copies a user's loss, so that what was trained with it can be trained on; of a built-in one there is nothing to copy.
     *
     * @param folder made if there is something to copy
     * @throws IOException if it cannot be written
     */
    public void copyContrast(Path folder) throws IOException {
        if (contrastiveLoss() instanceof UserLoss loss) {
            loss.library().copyTo(folder);
        }
    }

    private static LossDefinition named(String loss) {
        try {
            return ContrastiveLosses.named(loss);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage() + ", or the file of your own, which ends in .cu", e);
        }
    }

    /**
     * The contrastive loss.
     *
     * @throws IllegalArgumentException if there is none of that name, or a user's file is missing, wrong, or another one than it was
     */
    LossDefinition contrastiveLoss() {
        if (!UserLoss.isFile(contrast)) {
            return named(contrast);
        }
        UserLoss loss = UserLoss.read(Path.of(contrast));
        require(
                contrastHash == null || loss.hash().equals(contrastHash),
                "The contrastive loss " + contrast + " is not the one that this model was set up with: its content has"
                        + " changed since. Bring the old file back, or begin anew with the new one");
        return loss;
    }

    private static void stack(String name, int dim, int depth, int heads) {
        require(depth >= 1, "The " + name + " needs at least one block, not " + depth);
        require(
                heads >= 1 && dim >= 4 && dim % heads == 0,
                "The " + name + "'s width " + dim + " cannot be split into " + heads + " heads");
        require(dim % 4 == 0, "The " + name + "'s width must be a multiple of 4 for its positions, not " + dim);
        require(
                dim / heads <= MAX_HEAD_DIM,
                "The " + name + "'s heads are " + dim / heads + " wide; " + MAX_HEAD_DIM + " is the most");
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

    /** Patches that the encoder sees of each view, {@code int(L * (1 - maskRatio))}. */
    public int kept() {
        return (int) (patches() * (1 - maskRatio));
    }

    /** Values of a patch, p * p * C. */
    public int patchSize() {
        return patch * patch * channels;
    }

    /** Hidden width of the encoder's MLPs. */
    public int hidden() {
        return (int) (dim * mlpRatio);
    }

    /** Hidden width of the decoder's MLPs. */
    public int decoderHidden() {
        return (int) (decoderDim * mlpRatio);
    }
}
