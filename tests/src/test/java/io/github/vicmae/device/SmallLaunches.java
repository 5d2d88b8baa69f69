package io.github.vicmae.device;

import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.Variant;
import io.github.vicmae.model.ViCMae;
import io.github.vicmae.optim.AdamW;
import java.nio.FloatBuffer;

/** Training steps of models as small as can be, whose odd sizes end within warps, vectors and tiles: all kernels are launched. */
final class SmallLaunches {
    private SmallLaunches() {}

    static void all(String device) {
        // 5 of 9 patches are kept; rows of the contrastive loss fill one tile and a part of the next.
        step(device, config(Variant.RELEASE, 1, 12, Pooling.MEAN, 0.1), 35);
        step(device, config(Variant.PAPER, 3, 20, Pooling.MEAN, 0.1), 3);
        step(device, config(Variant.RELEASE, 4, 12, Pooling.MAX, 0.01), 2);
        step(device, config(Variant.PAPER, 2, 8, Pooling.GEM, 0.01), 5);
        step(device, config(Variant.RELEASE, 3, 36, Pooling.CLS, 0.1), 3);
    }

    private static ModelConfig config(Variant variant, int channels, int dim, Pooling pooling, double temperature) {
        return new ModelConfig(
                variant, 12, 12, channels, 4, dim, 1, 2, dim + 4, 1, 2, 2, 14, 6, temperature, 0.5, true, pooling);
    }

    private static void step(String name, ModelConfig config, int batch) {
        try (Device device = Device.open(name);
                ViCMae model = new ViCMae(device, config, batch);
                AdamW optimizer =
                        new AdamW(model.kernels(), model.parameters(), new AdamW.Settings(0.9, 0.95, 1e-8, 0.05, 1))) {
            model.parameters().initialise(model.kernels(), 1);
            FloatBuffer inputs = model.inputs().floats();
            Philox random = new Philox(1, 0, 0, 0);
            for (int i = 0; i < inputs.capacity(); i++) {
                inputs.put(i, i < model.noiseOffset() ? (float) random.nextGaussian() : random.nextFloat());
            }
            model.forwardBackward(1, 0.3);
            optimizer.step(1e-3);
        }
    }
}
