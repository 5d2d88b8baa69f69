package io.github.vicmae.objective;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;

/** MAE's settings (He et al., CVPR 2022, arXiv 2111.06377): one view, reconstructed. */
public record MaeConfig(
        @Setting(
                flag = "--mask",
                description = "share of masked patches",
                shownDefault = "0.75; 0.5 with --preset release",
                range = "[0, 1)")
        double maskRatio)
        implements ObjectiveConfig {
    static final String METHOD = "mae";

    /**
     * @throws IllegalArgumentException if the mask ratio is not in [0, 1)
     */
    public MaeConfig {
        Definitions.check(MaeConfig.class, maskRatio);
    }

    @Override
    public String method() {
        return METHOD;
    }

    @Override
    public Pooling pooling() {
        return Pooling.MEAN;
    }

    @Override
    public int views() {
        return 1;
    }

    @Override
    public String[] losses() {
        return new String[] {Losses.RECONSTRUCTION};
    }

    @Override
    public double[] weights(long step, long total) {
        return new double[] {1};
    }

    @Override
    public ViewSettings viewSettings(TrunkConfig trunk) {
        return ViewSettings.mae(trunk.height(), trunk.width(), trunk.channels());
    }

    @Override
    public void requireBatch(int batch) {
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least 1 sample, not " + batch);
        }
    }

    @Override
    public double headFlop(TrunkConfig trunk) {
        return 0;
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        return new Mae(workspace, config);
    }
}
