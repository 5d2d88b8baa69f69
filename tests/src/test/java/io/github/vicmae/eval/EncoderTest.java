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
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.Variant;
import io.github.vicmae.model.ViCMae;
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
                Variant.PAPER, height, width, channels, 8, 32, 2, 2, 16, 1, 2, 4, 24, 8, 0.1, 0.5, true, Pooling.MEAN);
    }

    private Path checkpoint(Device device, ModelConfig config) throws IOException {
        Path file = dir.resolve("model.safetensors");
        try (ViCMae model = new ViCMae(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model, false, Map.of());
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
                    Variant.PAPER, 16, 16, 3, 8, 48, 3, 2, 16, 1, 2, 4, 24, 8, 0.1, 0.5, true, Pooling.MEAN);
            IOException e = assertThrows(IOException.class, () -> Encoder.load(file, other, device, 1));
            assertTrue(e.getMessage().contains("blocks.2.mlp.fc1.weight is missing"), e.getMessage());
            assertTrue(
                    e.getMessage().contains("cls_token is [1, 1, 32] there and [1, 1, 48] in this model"),
                    e.getMessage());
            try (ViCMae model = new ViCMae(device, other, 2);
                    Safetensors source = Safetensors.open(file)) {
                assertThrows(IOException.class, () -> Checkpoint.load(source, model, true));
            }
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void aPublishedCheckpointGivesTheGoldenModelsFeatures() throws IOException {
        Path pth = TestData.shared("golden/release-tiny.pth");
        ModelConfig config = new ModelConfig(
                Variant.RELEASE, 32, 32, 3, 8, 64, 2, 2, 32, 1, 1, 4, 48, 16, 0.1, 0.75, true, Pooling.MEAN);
        try (Device device = Device.open("cpu")) {
            IOException e = assertThrows(IOException.class, () -> Encoder.load(pth, device));
            assertTrue(e.getMessage().contains("how many heads"), e.getMessage());
            Path ours = dir.resolve("ours.safetensors");
            try (ViCMae model = new ViCMae(device, config, 2);
                    Safetensors golden = Safetensors.open(TestData.shared("golden/release-tiny.safetensors"))) {
                Checkpoint.load(golden, model, false, "after.");
                Checkpoint.save(ours, model, false, Map.of());
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
