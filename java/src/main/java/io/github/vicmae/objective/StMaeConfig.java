package io.github.vicmae.objective;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.List;
import java.util.Map;

/** ST-MAE's settings (Feichtenhofer et al., NeurIPS 2022, arXiv 2205.09113): clips, half of whose frames are reconstructed. */
public record StMaeConfig(
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
    public StMaeConfig {
        Definitions.check(StMaeConfig.class, maskRatio, repeat);
    }

    /** The published form: 16 frames at stride 4, tubes of two frames, 8 of the frames as targets. */
    public static final class Published implements Method {
        static final String NAME = "st-mae";

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public String title() {
            return "ST-MAE (Feichtenhofer et al., NeurIPS 2022)";
        }

        @Override
        public Class<StMaeConfig> settings() {
            return StMaeConfig.class;
        }

        @Override
        public Map<String, Object> model(ModelSize size, Variant variant) {
            return Map.ofEntries(
                    Map.entry("trunk.frames", 16),
                    Map.entry("trunk.tube", 2),
                    Map.entry("trunk.positions", "learned"),
                    Map.entry("decoder.depth", 4),
                    Map.entry("decoder.ownClassToken", true),
                    Map.entry("decoder.targetFrames", 8),
                    Map.entry("objective.maskRatio", 0.9),
                    Map.entry("objective.repeat", 4));
        }

        @Override
        public Map<String, Object> run() {
            return Map.of(
                    "views.stride", 4,
                    "schedule.baseLearningRate", 1.6e-3,
                    "optimizer.clipNorm", 0.02);
        }

        @Override
        public double warmupEpochs(double epochs) {
            return Math.min(5, epochs / 10);
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
        return ViewSettings.stMae(trunk.height(), trunk.width(), trunk.channels(), repeat)
                .withFrames(trunk.frames());
    }

    @Override
    public Kind kind(TrunkConfig trunk, int batch) {
        return Kind.VIDEO;
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        return new Mae(workspace, config);
    }
}
