package io.github.vicmae.objective;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.List;
import java.util.Map;

/** MAE's settings (He et al., CVPR 2022, arXiv 2111.06377): one view of an image or a frame, reconstructed. */
public record MaeConfig(
        @Setting(
                flag = "--mask",
                description = "share of masked patches",
                shownDefault = "the method's",
                range = "[0, 1)")
        double maskRatio,

        @Setting(
                flag = "--repeat",
                description = "views drawn from each sample in one pass of decoding (repeated augmentation)",
                value = "1",
                shownDefault = "the method's",
                range = "[1, 64]",
                former = "1")
        int repeat)
        implements ObjectiveConfig {

    /**
     * @throws IllegalArgumentException with one sentence, if a setting is refused
     */
    public MaeConfig {
        Definitions.check(MaeConfig.class, maskRatio, repeat);
    }

    /** The published form. */
    public static final class Published implements Method {
        static final String NAME = "mae";

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public String title() {
            return "MAE (He et al., CVPR 2022)";
        }

        @Override
        public Class<MaeConfig> settings() {
            return MaeConfig.class;
        }

        @Override
        public Map<String, Object> model(ModelSize size, Variant variant) {
            return Map.of("objective.maskRatio", 0.75);
        }
    }

    @Override
    public String method() {
        return Published.NAME;
    }

    @Override
    public List<ViewBatch> batches(TrunkConfig trunk, int batch) {
        return ObjectiveConfig.single(trunk, repeat, batch, maskRatio);
    }

    @Override
    public ViewSettings viewSettings(TrunkConfig trunk, int batch) {
        return ViewSettings.mae(trunk.height(), trunk.width(), trunk.channels(), repeat);
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        return new Mae(workspace, config);
    }
}
