package io.github.vicmae.objective;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.List;
import java.util.Map;

/**
 * OmniMAE's settings (Girdhar et al., CVPR 2023, arXiv 2206.08356): a step has a batch of images and a batch of clips, and their losses are added.
 *
 * @param imageBatch images of a forward pass; 0 for as many as clips
 */
public record OmniMaeConfig(
        @Setting(
                flag = "--mask-images",
                description = "share of masked patches of images",
                shownDefault = "0.75",
                range = "[0, 1)")
        double imageMaskRatio,

        @Setting(
                flag = "--mask-videos",
                description = "share of masked patches of clips",
                shownDefault = "0.9",
                range = "[0, 1)")
        double videoMaskRatio,

        @Setting(
                flag = "--image-batch",
                description = "images of a forward pass; 0 for as many as clips",
                value = "0",
                range = "[0, inf)")
        int imageBatch,

        @Setting(
                flag = "--repeat",
                description = "views drawn from each sample in one pass of decoding (repeated augmentation)",
                value = "1",
                shownDefault = "the method's",
                range = "[1, 64]",
                former = "1")
        int repeat)
        implements ObjectiveConfig {

    private static final int IMAGES = 0;

    /**
     * @throws IllegalArgumentException if a mask ratio is not in [0, 1), or the batch is negative
     */
    public OmniMaeConfig {
        Definitions.check(OmniMaeConfig.class, imageMaskRatio, videoMaskRatio, imageBatch, repeat);
    }

    /** The published form: images repeated to the two frames of a tube, and 16 frames of 2.7 seconds. */
    public static final class Published implements Method {
        static final String NAME = "omnimae";

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public String title() {
            return "OmniMAE (Girdhar et al., CVPR 2023)";
        }

        @Override
        public Class<OmniMaeConfig> settings() {
            return OmniMaeConfig.class;
        }

        @Override
        public Map<String, Object> model(ModelSize size, Variant variant) {
            return Map.ofEntries(
                    Map.entry("trunk.frames", 16),
                    Map.entry("trunk.tube", 2),
                    Map.entry("trunk.classToken", false),
                    Map.entry("trunk.positions", "sinusoid"),
                    Map.entry("decoder.dim", size.dim >= 1024 ? 512 : Math.min(384, size.decoderDim)),
                    Map.entry("decoder.depth", size.dim > 1024 ? 8 : 4),
                    Map.entry("decoder.embedsLast", true),
                    Map.entry("decoder.normPer", "channel"),
                    Map.entry("objective.imageMaskRatio", 0.75),
                    Map.entry("objective.videoMaskRatio", 0.9),
                    Map.entry("objective.repeat", 4));
        }

        @Override
        public Map<String, Object> run() {
            // 1.6e-3 for 512 videos, beside 2048 images: here for 256 videos
            return Map.of("views.clipSeconds", 2.7, "schedule.baseLearningRate", 8e-4);
        }

        @Override
        public double warmupEpochs(double epochs) {
            return 0.05 * epochs;
        }
    }

    @Override
    public String method() {
        return Published.NAME;
    }

    @Override
    public List<ViewBatch> batches(TrunkConfig trunk, int batch) {
        PatchGrid image = trunk.imageGrid();
        PatchGrid clip = trunk.grid();
        int channels = trunk.channels();
        int images = imageBatch == 0 ? Math.multiplyExact(batch, repeat) : imageBatch;
        return List.of(
                new ViewBatch("images", image, 1, channels, 1, 0, images, kept(image, imageMaskRatio)),
                new ViewBatch("clips", clip, trunk.frames(), channels, repeat, 0, batch, kept(clip, videoMaskRatio)));
    }

    /** Rounded, as in the published table: 157 of 1568. */
    private static int kept(PatchGrid grid, double maskRatio) {
        return ObjectiveConfig.kept(grid, maskRatio, Math.round(grid.patches() * (1 - maskRatio)));
    }

    @Override
    public ViewSettings viewSettings(TrunkConfig trunk, int batch) {
        return batch == IMAGES
                ? ViewSettings.omniMae(trunk.height(), trunk.width(), trunk.channels(), 1)
                : ViewSettings.omniMae(trunk.height(), trunk.width(), trunk.channels(), repeat)
                        .withFrames(trunk.frames());
    }

    @Override
    public Kind kind(TrunkConfig trunk, int batch) {
        return batch == IMAGES ? Kind.IMAGE : Kind.VIDEO;
    }

    @Override
    public String[] losses() {
        return new String[] {Losses.IMAGE_RECONSTRUCTION, Losses.CLIP_RECONSTRUCTION};
    }

    @Override
    public double[] weights(long step, long total) {
        return new double[] {1, 1};
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        return new Mae(workspace, config);
    }
}
