package io.github.vicmae.objective;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.loss.LossDefinition;
import io.github.vicmae.loss.UserLoss;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.optim.WeightRamp;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * ViC-MAE's settings (arXiv 2303.12001): two views, reconstructed, and their pooled features pulled together.
 *
 * @param variant which heads and which form of the contrastive loss
 * @param contrast the contrastive loss: the name of a built-in one, or the path of a user's own, which ends in .cu
 * @param contrastHash the content's hash of a user's own loss, or null
 * @param contrastiveWeight the contrastive loss's weight lambda over the run
 * @param segments views of a sample: frames of as many segments of a video's window, or crops of an image; all pairs of them are compared
 * @param negatives further frames of each video, which are negatives for all samples
 * @param negativeSeconds at least so far from the views
 */
public record ViCMaeConfig(
        @Setting(description = "which heads and which form of the contrastive loss", shownDefault = "paper")
        Variant variant,

        @Setting(
                flag = "--mask",
                description = "share of masked patches",
                shownDefault = "the method's",
                range = "[0, 1)")
        double maskRatio,

        @Setting(
                flag = "--pooling",
                label = "mean|max|gem|cls",
                description = "how the encoder's tokens become one feature vector",
                value = "mean")
        Pooling pooling,

        @Setting(
                flag = "--head-hidden",
                description = "hidden width of the projection heads",
                shownDefault = "the model's",
                range = "[1, inf)")
        int headHidden,

        @Setting(
                flag = "--head-out",
                description = "output width of the projection heads",
                value = "128",
                range = "[1, inf)")
        int headOut,

        @Setting(
                flag = "--contrast",
                label = "NAME|FILE.cu",
                description = "the contrastive loss: one of 'lab --list', or the file of your own",
                value = ContrastiveLosses.DEFAULT)
        String contrast,

        String contrastHash,

        @Setting(flag = "--temperature", description = "of the contrastive loss", value = "0.1", range = "[0.01, 100]")
        double temperature,

        @Setting(
                flag = "--recon-weight",
                description = "weight of the reconstruction loss",
                shownDefault = "1; 0.97 with --preset release",
                range = "[0, inf)")
        double reconstructionWeight,

        WeightRamp contrastiveWeight,

        @Setting(
                flag = "--segments",
                description = "views of a sample, a frame of each of as many segments; all pairs are compared",
                value = "2",
                range = "[2, 16]",
                former = "2")
        int segments,

        @Setting(
                flag = "--negatives",
                description = "further frames of each video, as negatives for all samples",
                value = "0",
                range = "[0, 16]",
                former = "0")
        int negatives,

        @Setting(
                flag = "--negative-seconds",
                description = "seconds by which these are away from the views, at least",
                value = "2.12",
                range = "[0, inf)",
                former = "2.12")
        double negativeSeconds)
        implements ObjectiveConfig {
    /** The paper's: from 0 to 0.03 over the first half of a run. */
    static final WeightRamp PAPER_WEIGHT = new WeightRamp(WeightRamp.Shape.LINEAR, 0, 0.5, 0.03);

    /**
     * @throws IllegalArgumentException with one sentence, if a setting is refused
     */
    public ViCMaeConfig {
        Definitions.check(
                ViCMaeConfig.class,
                variant,
                maskRatio,
                pooling,
                headHidden,
                headOut,
                contrast,
                contrastHash,
                temperature,
                reconstructionWeight,
                contrastiveWeight,
                segments,
                negatives,
                negativeSeconds);
    }

    /** The paper's form with mean pooling, InfoNCE at a temperature of 0.1, and a weight of 1 for the reconstruction. */
    public static ViCMaeConfig paper(double maskRatio, int headHidden, int headOut, WeightRamp contrastiveWeight) {
        return new ViCMaeConfig(
                Variant.PAPER,
                maskRatio,
                Pooling.MEAN,
                headHidden,
                headOut,
                ContrastiveLosses.DEFAULT,
                null,
                0.1,
                1,
                contrastiveWeight,
                2,
                0,
                FrameSampler.DEFAULT_WINDOW);
    }

    /** With InfoNCE and the paper's weights. */
    public static ViCMaeConfig of(
            Variant variant, double maskRatio, Pooling pooling, int headHidden, int headOut, double temperature) {
        return new ViCMaeConfig(
                variant,
                maskRatio,
                pooling,
                headHidden,
                headOut,
                ContrastiveLosses.DEFAULT,
                null,
                temperature,
                1,
                PAPER_WEIGHT,
                2,
                0,
                FrameSampler.DEFAULT_WINDOW);
    }

    /** The published forms: the paper's, and that of the authors' code. */
    public static final class Published implements Method {
        static final String NAME = "vicmae";

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public String title() {
            return "ViC-MAE (Hernandez et al., ECCV 2024)";
        }

        @Override
        public Class<ViCMaeConfig> settings() {
            return ViCMaeConfig.class;
        }

        @Override
        public boolean hasVariants() {
            return true;
        }

        @Override
        public Map<String, Object> model(ModelSize size, Variant variant) {
            boolean paper = variant == Variant.PAPER;
            return Map.of(
                    "objective.variant", variant,
                    "objective.headHidden", size.headHidden,
                    "objective.maskRatio", paper ? 0.75 : 0.5,
                    "objective.reconstructionWeight", paper ? 1 : 0.97,
                    "objective.contrastiveWeight.shape", paper ? "linear" : "constant");
        }
    }

    @Override
    public String method() {
        return Published.NAME;
    }

    @Override
    public List<ViewBatch> batches(TrunkConfig trunk, int batch) {
        return ObjectiveConfig.single(trunk, segments + negatives, negatives, batch, maskRatio);
    }

    @Override
    public boolean hasDistantViews() {
        return true;
    }

    @Override
    public FrameSampler places(TrunkConfig trunk, int batch, double windowSeconds, int distance) {
        return new FrameSampler(segments, windowSeconds, distance).withFar(negatives, negativeSeconds);
    }

    @Override
    public String[] losses() {
        return new String[] {Losses.RECONSTRUCTION, Losses.CONTRASTIVE};
    }

    @Override
    public double[] weights(long step, long total) {
        return new double[] {reconstructionWeight, contrastiveWeight.at(step, total)};
    }

    @Override
    public ViewSettings viewSettings(TrunkConfig trunk, int batch) {
        ViewSettings two = variant == Variant.RELEASE
                ? ViewSettings.release(trunk.height(), trunk.width(), trunk.channels())
                : ViewSettings.paper(trunk.height(), trunk.width(), trunk.channels());
        return two.withViews(segments + negatives);
    }

    /** Only videos have frames that are far away. */
    @Override
    public Kind kind(TrunkConfig trunk, int batch) {
        return negatives > 0 ? Kind.VIDEO : null;
    }

    @Override
    public int lossValues() {
        return segments * (segments - 1) / 2;
    }

    @Override
    public boolean hasNegatives() {
        return true;
    }

    @Override
    public String described() {
        return "method vicmae" + (negatives > 0 ? " with further frames of the same videos (--negatives)" : "");
    }

    @Override
    public void requireBatch(int batch) {
        if (negatives > 0 && !hasUserLoss() && !named(contrast).extraColumns()) {
            throw new IllegalArgumentException("--negatives does not apply to --contrast " + contrast
                    + ": this loss has no negatives; infonce has");
        }
        if (batch < 2) {
            throw new IllegalArgumentException("A batch of " + batch
                    + " is too small: the heads' BatchNorm and the contrastive loss need at least 2 samples");
        }
    }

    @Override
    public double headFlop(TrunkConfig trunk) {
        double h = headHidden;
        return (variant == Variant.PAPER ? 2 : 1) * 2 * (trunk.dim() * h + h * h + h * headOut);
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        return new ViCMae(workspace, config, this);
    }

    /** Whether the contrastive loss is a user's own. */
    public boolean hasUserLoss() {
        return isFile(contrast);
    }

    /** Whether a contrastive loss is the path of a user's own. */
    public static boolean isFile(String loss) {
        return UserLoss.isFile(loss);
    }

    /**
     * The hash of a contrastive loss's content, which a run's settings record.
     *
     * @param loss the name of a built-in one, or the path of a user's own, which ends in .cu
     * @return null for a built-in one
     * @throws IllegalArgumentException if there is no such loss, or a user's file is wrong; it names file and line
     */
    public static String hashOf(String loss) {
        if (UserLoss.isFile(loss)) {
            return UserLoss.read(Path.of(loss)).hash();
        }
        named(loss);
        return null;
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

    /**
     * The contrastive loss.
     *
     * @throws IllegalArgumentException if a user's own is missing, wrong, or has changed since the model was set up
     */
    LossDefinition contrastiveLoss() {
        if (!hasUserLoss()) {
            return named(contrast);
        }
        UserLoss loss = UserLoss.read(Path.of(contrast));
        if (contrastHash != null && !loss.hash().equals(contrastHash)) {
            throw new IllegalArgumentException("The contrastive loss " + contrast
                    + " is not the one that this model was set up with: its content has changed since. Bring the old"
                    + " file back, or begin anew with the new one");
        }
        return loss;
    }

    private static LossDefinition named(String loss) {
        try {
            return ContrastiveLosses.named(loss);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage() + ", or the file of your own, which ends in .cu", e);
        }
    }
}
