package io.github.vicmae.device;

import io.github.vicmae.data.DeviceViews;
import io.github.vicmae.data.FrameUpload;
import io.github.vicmae.data.Image;
import io.github.vicmae.data.Kind;
import io.github.vicmae.data.ViewSettings;
import io.github.vicmae.data.ViewWriter;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.Variant;
import io.github.vicmae.model.ViCMae;
import io.github.vicmae.optim.AdamW;
import java.nio.FloatBuffer;
import java.util.Random;

/**
 * Training steps of models as small as can be and the views of small pictures, whose odd sizes end within warps, vectors and tiles: all kernels
 * are launched.
 */
final class SmallLaunches {
    private SmallLaunches() {}

    static void all(String device) {
        // 5 of 9 patches are kept; rows of the contrastive loss fill one tile and a part of the next.
        step(device, config(Variant.RELEASE, 1, 12, Pooling.MEAN, 0.1), 35);
        step(device, config(Variant.PAPER, 3, 20, Pooling.MEAN, 0.1), 3);
        step(device, config(Variant.RELEASE, 4, 12, Pooling.MAX, 0.01), 2);
        step(device, config(Variant.PAPER, 2, 8, Pooling.GEM, 0.01), 5);
        step(device, config(Variant.RELEASE, 3, 36, Pooling.CLS, 0.1), 3);
        for (int channels = 1; channels <= 4; channels++) {
            views(device, ViewSettings.release(9, 7, channels));
        }
    }

    /** The views of one picture, one of them too large to be uploaded as it is. */
    private static void views(String name, ViewSettings settings) {
        ViewWriter writer = new ViewWriter(settings);
        FrameUpload upload = new FrameUpload(settings, 4);
        for (int i = 0; i < 4; i++) {
            int side = i == 3 ? 60 : 10 + i;
            byte[] pixels = new byte[side * side];
            new Random(i).nextBytes(pixels);
            writer.pack(new Image(side, side, 1, pixels), Kind.IMAGE, i / 2, new Philox(2, 0, i, 0), upload, i);
        }
        try (Device device = Device.open(name);
                DeviceViews views = new DeviceViews(device, settings, 2);
                Arena arena = new Arena("views")) {
            Tensor images = arena.floats("images", 4, settings.viewSize());
            arena.allocate(device);
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                views.load(upload);
                views.upload(stream);
                views.make(kernels, images);
                stream.synchronize();
            }
        }
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
