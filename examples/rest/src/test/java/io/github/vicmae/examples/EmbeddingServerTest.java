package io.github.vicmae.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddingServerTest {
    @TempDir
    Path dir;

    @Test
    void answersWithTheEncodersOwnValuesOrASentence() throws Exception {
        Path model = dir.resolve("model.safetensors");
        BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 40 * 30; i++) {
            image.setRGB(i % 40, i / 40, i * 5417);
        }
        ByteArrayOutputStream picture = new ByteArrayOutputStream();
        ImageIO.write(image, "png", picture);
        ModelConfig config = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        try (Device device = Device.open("cpu")) {
            try (Objective objective = Objective.create(device, config, 2)) {
                objective.parameters().initialise(objective.kernels(), 3);
                Checkpoint.save(model, objective.state(), false, Map.of());
            }
            try (Encoder encoder = Encoder.load(model, device)) {
                String address;
                try (EmbeddingServer server = new EmbeddingServer(encoder, 0)) {
                    address = server.address();
                    HttpResponse<String> answer = post(address, picture.toByteArray());
                    assertEquals(200, answer.statusCode(), answer.body());
                    assertEquals(EmbeddingServer.json(encoder.embed(image)), answer.body());

                    HttpResponse<String> refused = post(address, new byte[] {1, 2, 3, 4});
                    assertEquals(400, refused.statusCode());
                    assertTrue(refused.body().startsWith("Cannot read the picture in the request: "), refused.body());
                }
                assertThrows(ConnectException.class, () -> post(address, new byte[0]));
            }
        }
    }

    private static HttpResponse<String> post(String address, byte[] body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        return HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
    }
}
