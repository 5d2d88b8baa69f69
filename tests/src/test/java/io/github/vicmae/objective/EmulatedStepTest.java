package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.settings.SettingTree;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole optimizer steps on the emulated device: as on the CPU within rounding, and to the bit the same in whatever order it runs things. */
class EmulatedStepTest {
    private static final int BATCH = 6;
    private static final int STEPS = 2;
    private static final double RATE = 1e-2;
    /** Small enough that every step is clipped. */
    private static final double CLIP = 0.2;
    /**
     * Large: some true gradients are zero (biases before BatchNorm, the keys' biases), and what is computed is rounding. AdamW divides by its
     * size, so with a small eps it would make whole steps of it.
     */
    private static final double EPS = 1e-3;

    /** Sums of some hundred floats in another order: some 6e-8 each, which BatchNorm over few rows multiplies. */
    private static final double FORWARD_LIMIT = 1e-5;
    /** The same way back, on smaller numbers. */
    private static final double GRADIENT_LIMIT = 5e-5;

    /** Every schedule, each number of blocks in flight, each policy of the streams. */
    private static final Map<String, String> ORDERS = new LinkedHashMap<>();

    static {
        ORDERS.put("emulated:forward", "resident=2,streams=late");
        ORDERS.put("emulated:reverse", "resident=1,streams=early");
        ORDERS.put("emulated:random", "resident=4,streams=random,seed=2");
        ORDERS.put("emulated:fair", "resident=1,streams=random,seed=3");
    }

    private static EmulatedDriver driver;

    @BeforeAll
    static void load() {
        driver = Emulation.driver();
    }

    @AfterAll
    static void restore() {
        Emulation.restore();
    }

    /** What the steps give: losses, gradients, their norms, updates, features. */
    private static Map<String, float[]> train(Device device, ModelConfig config, int batch) {
        Map<String, float[]> results = new LinkedHashMap<>();
        AdamW.Settings settings = new AdamW.Settings(0.9, 0.95, EPS, 0.05, CLIP);
        try (Objective model = Objective.create(device, config, batch);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), settings)) {
            model.parameters().initialise(model.kernels(), 3);
            float[] before = model.stream().read(model.parameters().values());
            fill(model);
            for (int step = 1; step <= STEPS; step++) {
                double[] weights = {1, 0.3};
                Losses l = model.forwardBackward(
                        Arrays.copyOf(weights, config.objective().losses().length));
                results.put("losses " + step, floats(l.values()));
                results.put("pooled features " + step, model.stream().read(model.pooled()));
                results.put(
                        "gradients " + step,
                        model.stream().read(model.parameters().gradients()));
                assertTrue(optimizer.step(RATE));
                assertTrue(optimizer.gradientNorm() > CLIP, "nothing to clip: " + optimizer.gradientNorm());
                results.put("gradient norm " + step, new float[] {optimizer.gradientNorm()});
            }
            float[] updates = model.stream().read(model.parameters().values());
            for (int i = 0; i < updates.length; i++) {
                updates[i] -= before[i];
            }
            results.put("gradients' updates " + STEPS, updates);
        }
        assertEquals(0, device.liveBytes());
        return results;
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    private static void fill(Objective model) {
        FloatBuffer inputs = model.input(0).host().floats();
        Philox random = new Philox(5, 0, 0, 0);
        for (ViewInput views : model.input(0).batches()) {
            for (int i = 0; i < views.images().size(); i++) {
                inputs.put(views.imagesOffset() + i, (float) random.nextGaussian());
            }
            for (int i = 0; i < views.batch().samples() * views.batch().patches(); i++) {
                inputs.put(views.noiseOffset() + i, random.nextFloat());
            }
        }
    }

    private static void assertClose(String what, float[] expected, float[] found) {
        assertEquals(expected.length, found.length, what);
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow((double) found[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        double error = Math.sqrt(difference / norm);
        double limit = what.startsWith("gradient") ? GRADIENT_LIMIT : FORWARD_LIMIT;
        assertTrue(error <= limit, what + ": relative error " + error + " is over " + limit);
    }

    /** All poolings and both variants. */
    @ParameterizedTest
    @CsvSource({"RELEASE, MEAN", "PAPER, MAX", "RELEASE, GEM", "PAPER, CLS"})
    void everyOrderGivesTheSameBitsAndTheCpuTheSameWithinRounding(Variant variant, Pooling pooling) {
        ModelConfig config = new ModelConfig(
                new TrunkConfig(32, 16, 3, 8, 24, 1, 3, 2),
                new DecoderConfig(16, 1, 2, 2, true),
                ViCMaeConfig.of(variant, 0.5, pooling, 20, 6, 0.1));
        compare(config, BATCH, ORDERS.keySet());
    }

    /** Tubes, trained positions, targets of some frames; two batches of one step. */
    @ParameterizedTest
    @ValueSource(strings = {"st-mae", "omnimae"})
    void soDoClips(String method) {
        ObjectNode tree = Presets.model(ModelSize.TI8, method, Variant.PAPER);
        SettingTree.putAll(
                tree,
                Map.of(
                        "trunk.height", 16,
                        "trunk.width", 24,
                        "trunk.frames", 4,
                        "trunk.dim", 24,
                        "trunk.depth", 1,
                        "decoder.dim", 24,
                        "decoder.depth", 1,
                        "objective.repeat", 2));
        if (method.equals("st-mae")) {
            SettingTree.put(tree, "decoder.targetFrames", 2);
        }
        compare(
                SettingTree.build(tree, ModelConfig.class),
                1,
                KernelFixture.isThorough() ? ORDERS.keySet() : Set.of("emulated:reverse", "emulated:random"));
    }

    private static void compare(ModelConfig config, int batch, Set<String> orders) {
        Map<String, float[]> first = null;
        for (String order : orders) {
            driver.configure(ORDERS.get(order));
            Device device = Device.open(order);
            Map<String, float[]> found;
            try (device) {
                found = train(device, config, batch);
            }
            assertEquals("", driver.log(), order);
            Emulation.assertNothingLeft(device, "under " + order);
            first = first == null ? found : first;
            for (String what : first.keySet()) {
                assertArrayEquals(first.get(what), found.get(what), what + " under " + order);
            }
        }
        try (Device cpu = Device.open("cpu")) {
            Map<String, float[]> expected = train(cpu, config, batch);
            assertEquals(expected.keySet(), first.keySet());
            for (String what : expected.keySet()) {
                assertClose(what, expected.get(what), first.get(what));
            }
        }
    }
}
