package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An encoder on the emulated device: as on the CPU, and nothing is left of it where the card's memory runs out. */
class EmulatedEncoderTest {
    /** Far more allocations than an encoder makes. */
    private static final int ENOUGH = 500;

    @TempDir
    Path dir;

    private final EmulatedDriver driver = Emulation.driver();

    @AfterEach
    void restore() {
        Emulation.restore();
    }

    private Path checkpoint(Device device) throws IOException {
        ModelConfig config = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 24, 1, 3, 2),
                new DecoderConfig(16, 1, 2, 2, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 20, 6, 0.1));
        Path file = dir.resolve("model.safetensors");
        try (Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        return file;
    }

    private static float[][] embed(Path file, Device device) throws IOException {
        byte[] pixels = new byte[20 * 20 * 3];
        new Random(1).nextBytes(pixels);
        List<Image> images = List.of(
                new Image(20, 20, 3, pixels),
                new Image(20, 20, 3, new byte[pixels.length]),
                new Image(20, 20, 3, pixels));
        try (Encoder encoder = Encoder.load(file, device, 2)) {
            return encoder.embed(images);
        }
    }

    @Test
    void everyAllocationMayFailAndTheNextEncoderWorks() throws IOException {
        Path file;
        float[][] expected;
        try (Device cpu = Device.open("cpu")) {
            file = checkpoint(cpu);
            expected = embed(file, cpu);
        }
        float[][] found = null;
        int n = 0;
        while (found == null && n++ < ENOUGH) {
            Device device = Device.open("emulated");
            driver.configure("fail_allocation=" + n);
            try (device) {
                found = embed(file, device);
            } catch (DeviceException e) {
                Emulation.assertNoMemoryLeft(e);
            }
            Emulation.assertNothingLeft(device, "where allocation " + n + " failed");
        }
        assertTrue(n > 15 && n < ENOUGH, n + " allocations");
        for (int i = 0; i < expected.length; i++) {
            assertArrayEquals(expected[i], found[i], 1e-4f); // features of size 1, in floats
        }
    }
}
