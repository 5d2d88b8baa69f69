package io.github.vicmae.example;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.Method;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.ObjectiveConfig;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.Workspace;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.List;
import java.util.Map;

/**
 * An example of a user's own method in one file, outside of the library's packages: two frames of a video are reconstructed, and nothing pulls their
 * features together. It is ViC-MAE without its contrastive loss.
 */
public record PairMaeConfig(
        @Setting(
                flag = "--mask",
                description = "share of masked patches",
                shownDefault = "the method's",
                range = "[0, 1)")
        double maskRatio,

        @Setting(
                flag = "--pair-weight",
                description = "weight of the reconstruction loss",
                value = "2",
                range = "(0, inf)")
        double weight)
        implements ObjectiveConfig {

    public PairMaeConfig {
        Definitions.check(PairMaeConfig.class, maskRatio, weight);
    }

    /** Named in META-INF/services/io.github.vicmae.objective.Method. */
    public static final class PairMae implements Method {
        @Override
        public String name() {
            return "pair-mae";
        }

        @Override
        public String title() {
            return "ViC-MAE without contrast";
        }

        @Override
        public Class<PairMaeConfig> settings() {
            return PairMaeConfig.class;
        }

        @Override
        public Map<String, Object> model(ModelSize size, Variant variant) {
            return Map.of("objective.maskRatio", 0.75);
        }
    }

    @Override
    public String method() {
        return "pair-mae";
    }

    @Override
    public List<ViewBatch> batches(TrunkConfig trunk, int batch) {
        return ObjectiveConfig.single(trunk, 2, batch, maskRatio);
    }

    @Override
    public ViewSettings viewSettings(TrunkConfig trunk, int batch) {
        return ViewSettings.mae(trunk.height(), trunk.width(), trunk.channels(), 2);
    }

    @Override
    public boolean hasDistantViews() {
        return true;
    }

    @Override
    public double[] weights(long step, long total) {
        return new double[] {weight};
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        MaskedAutoencoder autoencoder = new MaskedAutoencoder(
                workspace.context(),
                config.trunk(),
                config.decoder(),
                workspace.views().get(0),
                workspace.execution().recompute());
        Tensor pooled = workspace
                .context()
                .activation(
                        "pooled", autoencoder.views().samples(), config.trunk().dim());
        workspace.declareLosses();
        return new Objective() {
            @Override
            public ModelConfig config() {
                return config;
            }

            @Override
            public Workspace workspace() {
                return workspace;
            }

            @Override
            public MaskedAutoencoder autoencoder(int batch) {
                return autoencoder;
            }

            /** For the report's collapse figures. */
            @Override
            public Tensor pooled() {
                return pooled;
            }

            @Override
            public void forward(StepInput input) {
                autoencoder.encode(input.batch(0));
                autoencoder.pool(pooled, null, pooling());
                autoencoder.reconstruct(workspace.losses(), input.batch(0), input.weight(0));
            }

            @Override
            public void backward(StepInput input) {
                autoencoder.backwardDecoder();
                autoencoder.backwardEncoder();
            }
        };
    }
}
