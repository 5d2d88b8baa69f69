package io.github.vicmae.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbedPicturesTest {
    @TempDir
    Path dir;

    @Test
    void printsTheEncodersOwnValues() throws IOException {
        Path model = dir.resolve("model.safetensors");
        Path picture = dir.resolve("picture.png");
        BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 40 * 30; i++) {
            image.setRGB(i % 40, i / 40, i * 5417);
        }
        ImageIO.write(image, "png", picture.toFile());
        ModelConfig config = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        try (Device device = Device.open("cpu")) {
            try (Objective objective = Objective.create(device, config, 2)) {
                objective.parameters().initialise(objective.kernels(), 3);
                Checkpoint.save(model, objective.state(), false, Map.of());
            }
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            EmbedPictures.embed(
                    device, model, List.of(picture), new PrintStream(printed, true, StandardCharsets.UTF_8));
            try (Encoder encoder = Encoder.load(model, device)) {
                float[] first = Arrays.copyOf(encoder.embed(picture), 4);
                assertEquals(
                        picture + " " + Arrays.toString(first) + System.lineSeparator(),
                        printed.toString(StandardCharsets.UTF_8));
            }
        }
    }
}
