package io.github.vicmae.eval;

import io.github.vicmae.data.MixingSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Checkpoints of small models with fresh weights. */
public final class Checkpoints {
    private Checkpoints() {}

    /** A ViC-MAE of 32 x 32 pixels. */
    public static ModelConfig small() {
        return new ModelConfig(
                new TrunkConfig(32, 32, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
    }

    /** A classifier on the same encoder. */
    public static ModelConfig classifier() {
        return new ModelConfig(
                small().trunk().tuned(32, 32, 1, 1),
                null,
                new ClassifierConfig(
                        List.of("circle", "ring"), 0, 0, null, 1, "none", 0, true, 0, 1, MixingSettings.none()));
    }

    /** Writes a model's fresh weights. */
    public static Path write(Path file, ModelConfig config, long seed) throws IOException {
        try (Device device = Device.open("cpu");
                Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), seed);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        return file;
    }
}
