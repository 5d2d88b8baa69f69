package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.WatchedDevice;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.optim.AdamW;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What a model does with memory: it reads none that it has not written, and gives all of it back whatever fails. */
class MemoryTest {
    private static final int BATCH = 3;
    private static final int STEPS = 2;

    private static ModelConfig config(Variant variant, Pooling pooling) {
        return new ModelConfig(
                new TrunkConfig(32, 16, 3, 8, 24, 2, 3, 2),
                new DecoderConfig(16, 1, 2, 2, true),
                ViCMaeConfig.of(variant, 0.5, pooling, 20, 6, 0.1));
    }

    /** All parameters, moments and the losses after two steps. */
    private static List<float[]> train(Device device, ModelConfig config) {
        List<float[]> results = new ArrayList<>();
        try (Objective model = Objective.create(device, config, BATCH);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT)) {
            model.parameters().initialise(model.kernels(), 3);
            FloatBuffer inputs = model.input(0).host().floats();
            Philox random = new Philox(5, 0, 0, 0);
            for (int i = 0; i < inputs.capacity(); i++) {
                inputs.put(
                        i,
                        i < model.input(0).batch(0).noiseOffset() ? (float) random.nextGaussian() : random.nextFloat());
            }
            for (int step = 0; step < STEPS; step++) {
                Losses losses = model.forwardBackward(1, 0.3);
                assertTrue(losses.isFinite(), config + ": " + losses.total());
                assertEquals(null, model.firstNonFinite(model.input(0)));
                results.add(new float[] {(float) losses.total()});
                assertTrue(optimizer.step(1e-3));
                results.add(new float[] {optimizer.gradientNorm()});
            }
            for (Parameter p : model.parameters().all()) {
                results.add(model.stream().read(p.value()));
            }
            results.add(model.stream().read(model.parameters().secondMoments()));
        }
        return results;
    }

    @Test
    void freshMemoryMayHoldAnything() {
        for (Variant variant : Variant.values()) {
            for (Pooling pooling : Pooling.values()) {
                ModelConfig config = config(variant, pooling);
                try (Device plain = Device.open("cpu");
                        WatchedDevice notANumber = new WatchedDevice();
                        WatchedDevice apart = new WatchedDevice(4096)) {
                    List<float[]> expected = train(plain, config);
                    for (WatchedDevice device : List.of(notANumber, apart)) {
                        List<float[]> found = train(device, config);
                        for (int i = 0; i < expected.size(); i++) {
                            assertArrayEquals(expected.get(i), found.get(i), config + ", result " + i);
                        }
                        assertEquals("", device.left());
                    }
                }
            }
        }
    }

    @Test
    void anEncoderReadsNothingUnwrittenEither() {
        ModelConfig config = config(Variant.PAPER, Pooling.MEAN);
        float[] expected = new float[3 * config.trunk().dim()];
        float[] found = new float[expected.length];
        try (Device plain = Device.open("cpu");
                WatchedDevice notANumber = new WatchedDevice()) {
            encode(plain, config, expected);
            encode(notANumber, config, found);
            assertEquals("", notANumber.left());
        }
        assertArrayEquals(expected, found);
    }

    private static void encode(Device device, ModelConfig config, float[] features) {
        FloatBuffer images = FloatBuffer.allocate(3
                * config.trunk().channels()
                * config.trunk().height()
                * config.trunk().width());
        for (int i = 0; i < images.capacity(); i++) {
            images.put(i, (float) Math.sin(i));
        }
        try (FeatureExtractor extractor =
                new FeatureExtractor(device, config.trunk(), config.objective().pooling(), 2)) {
            extractor.initialise(3);
            extractor.extract(images, FloatBuffer.wrap(features), 3);
        }
    }

    /** Lets each thing that is taken fail in turn. */
    private static void assertNothingLeft(String what, Consumer<Device> use) {
        boolean failed = true;
        for (int n = 1; failed; n++) {
            try (WatchedDevice device = new WatchedDevice().failTaking(n)) {
                failed = false;
                try {
                    use.accept(device);
                } catch (DeviceException e) {
                    failed = true;
                    assertTrue(e.getMessage().startsWith("There is no room for "), e.getMessage());
                    assertEquals(0, e.getSuppressed().length, what);
                }
                assertEquals("", device.left(), what + " left things where taking number " + n + " failed");
            }
            assertTrue(n > 3 || failed, what + " took only " + n + " things");
        }
    }

    @Test
    void nothingIsLeftWhereMemoryRunsOut() {
        ModelConfig config = config(Variant.RELEASE, Pooling.CLS);
        assertNothingLeft(
                "a model", device -> Objective.create(device, config, BATCH).close());
        assertNothingLeft("training", device -> train(device, config));
        assertNothingLeft(
                "an encoder",
                device -> encode(device, config, new float[3 * config.trunk().dim()]));
    }

    @Test
    void nothingIsLeftWhereALaunchFails() {
        ModelConfig config = config(Variant.PAPER, Pooling.MAX);
        for (int n : new int[] {1, 2, 40, 110}) {
            try (WatchedDevice device = new WatchedDevice().failLaunch(n)) {
                DeviceException e = assertThrows(DeviceException.class, () -> train(device, config));
                assertTrue(e.getMessage().endsWith(" was made to fail"), e.getMessage());
                assertEquals("", device.left());
            }
        }
    }
}
