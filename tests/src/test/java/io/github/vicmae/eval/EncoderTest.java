package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EncoderTest {
    @TempDir
    Path dir;

    private static ModelConfig config(int height, int width, int channels) {
        return new ModelConfig(
                new TrunkConfig(height, width, channels, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
    }

    private Path checkpoint(Device device, ModelConfig config) throws IOException {
        Path file = dir.resolve("model.safetensors");
        try (Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        return file;
    }

    private static Image picture(int seed, int channels) {
        byte[] pixels = new byte[50 * 40 * channels];
        new Random(seed).nextBytes(pixels);
        return new Image(50, 40, channels, pixels);
    }

    @Test
    void oneByOneAndInBatchesGiveTheSameFeatures() throws IOException {
        for (int channels = 1; channels <= 4; channels++) {
            Device device = Device.open("cpu");
            try (device;
                    Encoder encoder = Encoder.load(checkpoint(device, config(24, 40, channels)), device, 4)) {
                List<Image> pictures = new ArrayList<>();
                for (int i = 0; i < 11; i++) {
                    pictures.add(picture(i, channels));
                }
                float[][] together = encoder.embed(pictures);
                for (int i = 0; i < pictures.size(); i++) {
                    assertArrayEquals(together[i], encoder.embed(pictures.get(i)), 1e-5f);
                }
                assertTrue(together[0].length == 32 && !java.util.Arrays.equals(together[0], together[1]));
            }
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void directBuffersGiveTheSameAsPictures() throws IOException {
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(checkpoint(device, config(16, 16, 3)), device, 2)) {
            FloatBuffer images = direct(3 * 3 * 16 * 16);
            for (int i = 0; i < images.capacity(); i++) {
                images.put(i, (float) Math.sin(i));
            }
            FloatBuffer features = direct(3 * encoder.width());
            encoder.embed(images, features, 3);
            FloatBuffer last = direct(encoder.width());
            encoder.embed(images.slice(2 * 3 * 16 * 16, 3 * 16 * 16), last, 1);
            for (int d = 0; d < encoder.width(); d++) {
                assertEquals(features.get(2 * encoder.width() + d), last.get(d), 1e-5);
            }
            assertThrows(IllegalArgumentException.class, () -> encoder.embed(images, last, 3));
        }
    }

    private static FloatBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(4 * floats)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    @Test
    void aCheckpointOfAnotherShapeNamesEveryMismatch() throws IOException {
        try (Device device = Device.open("cpu")) {
            Path file = checkpoint(device, config(16, 16, 3));
            ModelConfig other = new ModelConfig(
                    new TrunkConfig(16, 16, 3, 8, 48, 3, 2, 4),
                    new DecoderConfig(16, 1, 2, 4, true),
                    ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
            IOException e = assertThrows(IOException.class, () -> Encoder.load(file, other, device, 1));
            assertTrue(e.getMessage().contains("blocks.2.mlp.fc1.weight is missing"), e.getMessage());
            assertTrue(
                    e.getMessage().contains("cls_token is [1, 1, 32] there and [1, 1, 48] in this model"),
                    e.getMessage());
            try (Objective model = Objective.create(device, other, 2);
                    Safetensors source = Safetensors.open(file)) {
                assertThrows(IOException.class, () -> Checkpoint.load(source, model.state(), true));
            }
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void aPublishedCheckpointGivesTheGoldenModelsFeatures() throws IOException {
        Path pth = TestData.shared("golden/release-tiny.pth");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(32, 32, 3, 8, 64, 2, 2, 4),
                new DecoderConfig(32, 1, 1, 4, true),
                ViCMaeConfig.of(Variant.RELEASE, 0.75, Pooling.MEAN, 48, 16, 0.1));
        try (Device device = Device.open("cpu")) {
            IOException e = assertThrows(IOException.class, () -> Encoder.load(pth, device));
            assertTrue(e.getMessage().contains("how many heads"), e.getMessage());
            Path ours = dir.resolve("ours.safetensors");
            try (Objective model = Objective.create(device, config, 2);
                    Safetensors golden = Safetensors.open(TestData.shared("golden/release-tiny.safetensors"))) {
                Checkpoint.load(golden, model.state(), false, "after.");
                Checkpoint.save(ours, model.state(), false, Map.of());
            }
            try (Encoder published = Encoder.load(pth, config, device, 1);
                    Encoder saved = Encoder.load(ours, device)) {
                assertArrayEquals(saved.embed(picture(1, 3)), published.embed(picture(1, 3)));
                try (Encoder told = Encoder.load(pth, 2, device, 1)) {
                    assertArrayEquals(saved.embed(picture(1, 3)), told.embed(picture(1, 3)));
                }
            }
        }
    }
}
