package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.Precision;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.MemoryPlan;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.optim.AdamW;
import java.lang.management.ManagementFactory;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Recorded steps give what separate ones give, to the bit; they launch once, allocate nothing, and take the memory that was planned. */
class TrainingStepTest {
    private static final int BATCH = 2;
    private static final int STEPS = 4;
    private static final double RATE = 1e-2;
    private static final double[] WEIGHTS = {1, 0.3};
    private static final ModelConfig CONFIG = new ModelConfig(
            new TrunkConfig(32, 16, 3, 8, 24, 2, 3, 2),
            new DecoderConfig(16, 2, 2, 2, true),
            ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 20, 6, 0.1));

    /** Two blocks each in encoder and decoder; by default one each on the emulated device, where every block costs seconds. */
    private static ModelConfig config(Device device) {
        return device.kind() == Device.Kind.CPU || KernelFixture.isThorough()
                ? CONFIG
                : CONFIG.with("trunk.depth", 1).with("decoder.depth", 1);
    }

    @BeforeAll
    static void load() {
        Emulation.driver();
    }

    @AfterAll
    static void restore() {
        Emulation.restore();
    }

    static List<String> devices() {
        return KernelFixture.isThorough()
                ? List.of("cpu", "emulated:forward", "emulated:random")
                : List.of("cpu", "emulated:random");
    }

    private static Philox noise(int step, int view) {
        return new Philox(9, step, 3, view);
    }

    private static void fillViews(StepInput input, int step) {
        Philox random = new Philox(5, step, 0, 0);
        for (int i = 0; i < input.batch(0).noiseOffset(); i++) {
            input.host().floats().put(i, (float) random.nextGaussian());
        }
    }

    private static void fillNoise(StepInput input, int step) {
        for (int view = 0; view < 2 * BATCH; view++) {
            Philox random = noise(step, view);
            for (int l = 0; l < CONFIG.trunk().patches(); l++) {
                input.host()
                        .floats()
                        .put(
                                input.batch(0).noiseOffset()
                                        + view * CONFIG.trunk().patches()
                                        + l,
                                random.nextFloat());
            }
        }
    }

    private static void fillKeys(StepInput input, int step) {
        IntBuffer keys = IntBuffer.allocate(2 * BATCH * Philox.KEY_WORDS);
        for (int view = 0; view < 2 * BATCH; view++) {
            noise(step, view).key(keys, view * Philox.KEY_WORDS);
        }
        input.batch(0).keys(keys);
    }

    private static void add(List<float[]> to, Objective model) {
        to.add(model.stream().read(model.parameters().values()));
        to.add(model.stream().read(model.parameters().firstMoments()));
        to.add(model.stream().read(model.parameters().secondMoments()));
        model.parameters().all().stream()
                .filter(p -> !p.isTrained())
                .forEach(p -> to.add(model.stream().read(p.value())));
        to.add(new float[] {model.workspace().counters().get("predictor.1.num_batches_tracked")});
    }

    /** Step by step, everything waited for, the noise made by Java. */
    private static List<float[]> separately(
            Device device, ModelConfig config, Execution execution, int parts, int count) {
        List<float[]> results = new ArrayList<>();
        try (Objective model = Objective.create(device, config, BATCH, execution);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT)) {
            model.parameters().initialise(model.kernels(), 3);
            for (int step = 0; step < count; step++) {
                fillViews(model.input(0), step);
                fillNoise(model.input(0), step);
                Losses losses = model.forwardBackward(WEIGHTS);
                boolean last = step % parts == parts - 1;
                assertTrue(!last || optimizer.step(RATE));
                results.add(new float[] {
                    (float) losses.reconstruction(), (float) losses.contrastive(), last ? optimizer.gradientNorm() : 0
                });
            }
            add(results, model);
        }
        return results;
    }

    /** As training does it, the noise drawn on the device. */
    private static List<float[]> recorded(Device device, Execution execution, int parts) {
        List<float[]> results = new ArrayList<>();
        try (Objective model = Objective.create(device, config(device), BATCH, execution);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                TrainingStep steps = new TrainingStep(model, optimizer)) {
            model.parameters().initialise(model.kernels(), 3);
            for (int step = 0; step < STEPS; step++) {
                while (!steps.hasRoom()) {
                    finish(steps, results, parts);
                }
                fillViews(steps.next(), step);
                steps.next().drawMasks(true);
                fillKeys(steps.next(), step);
                boolean last = step % parts == parts - 1;
                steps.submit(WEIGHTS, last ? RATE : TrainingStep.NO_UPDATE);
            }
            while (steps.pending() > 0) {
                finish(steps, results, parts);
            }
            add(results, model);
        }
        return results;
    }

    private static void finish(TrainingStep steps, List<float[]> results, int parts) {
        boolean last = results.size() % parts == parts - 1;
        steps.finish();
        assertTrue(steps.isFinite());
        results.add(new float[] {
            (float) steps.losses().reconstruction(),
            (float) steps.losses().contrastive(),
            last ? steps.gradientNorm() : 0
        });
    }

    private static void assertSame(List<float[]> expected, List<float[]> found, String what) {
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), found.get(i), what + ", result " + i);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void recordedStepsAreSeparateStepsToTheBit(String name) {
        for (Precision precision : Precision.values()) {
            // Every combination on the CPU and if thorough; otherwise one of each precision on the emulated device.
            boolean all = name.equals("cpu") || KernelFixture.isThorough();
            for (int parts : all ? new int[] {1, 2} : new int[] {precision == Precision.FP32 ? 2 : 1}) {
                try (Device device = Device.open(name)) {
                    List<float[]> expected = separately(device, config(device), Execution.of(precision), parts, STEPS);
                    for (int inputs : all ? new int[] {1, 2} : new int[] {parts}) {
                        Execution execution = new Execution(precision, false, inputs);
                        assertSame(expected, recorded(device, execution, parts), precision + ", " + inputs + " inputs");
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void computingActivationsAnewChangesNoBit(String name) {
        boolean all = name.equals("cpu") || KernelFixture.isThorough();
        // Bfloat16 rounds what is computed again, so that it is the harder one of the two.
        for (Precision precision : all ? Precision.values() : new Precision[] {Precision.BF16}) {
            try (Device device = Device.open(name)) {
                Execution again = new Execution(precision, true, 1);
                assertSame(
                        separately(device, CONFIG, Execution.of(precision), 1, 2),
                        separately(device, CONFIG, again, 1, 2),
                        precision.toString());
                long kept = MemoryPlan.of(device.kind(), CONFIG, BATCH, Execution.of(precision))
                        .activations();
                long less = MemoryPlan.of(device.kind(), CONFIG, BATCH, again).activations();
                assertTrue(less < 0.75 * kept, less + " of " + kept);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aStepIsOneLaunchAndAllocatesNothing(Precision precision) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Device device = Device.open("emulated:forward");
                Objective model = Objective.create(device, config(device), BATCH, new Execution(precision, false, 2));
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                TrainingStep steps = new TrainingStep(model, optimizer)) {
            model.parameters().initialise(model.kernels(), 3);
            for (int i = 0; i < 2; i++) {
                fillViews(model.input(i), i);
                fillNoise(model.input(i), i);
            }
            long inPieces = model.stream().launches();
            for (int i = 0; i < 3; i++) { // the first one piece by piece, then one recorded on each input
                submitAndFinish(steps);
            }
            assertTrue(model.stream().launches() - inPieces > 100, "launches of the model's kernels");
            submitAndFinish(steps);
            long launches = model.stream().launches();
            long device0 = device.liveBytes();
            // The JVM itself may allocate once for a thread, at any time; what a step allocates, each of them does.
            long allocated = Long.MAX_VALUE;
            for (int attempt = 0; attempt < 3 && allocated > 0; attempt++) {
                long heap =
                        threads.getThreadAllocatedBytes(Thread.currentThread().getId());
                for (int i = 0; i < 2; i++) { // on each input
                    submitAndFinish(steps);
                }
                allocated =
                        threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - heap;
            }
            assertEquals(launches, model.stream().launches(), "kernels launched one by one");
            assertEquals(device0, device.liveBytes());
            assertEquals(0, allocated, "bytes of the Java heap");
        }
    }

    private static void submitAndFinish(TrainingStep steps) {
        steps.submit(WEIGHTS, RATE);
        steps.finish();
    }

    @ParameterizedTest
    @CsvSource({"FP32, false, 1", "FP32, true, 1", "BF16, false, 1", "BF16, true, 1", "FP32, false, 3"})
    void thePlanIsWhatIsTaken(Precision precision, boolean recompute, int together) {
        // Large enough that what every buffer is rounded up to does not count.
        ModelConfig config = new ModelConfig(
                new TrunkConfig(64, 64, 3, 8, 96, 3, 3, 4),
                new DecoderConfig(64, 2, 2, 4, true),
                ViCMaeConfig.of(Variant.RELEASE, 0.5, Pooling.MEAN, 256, 32, 0.1));
        Execution execution = new Execution(precision, recompute, 2);
        ViewSettings settings = config.objective().viewSettings(config.trunk(), 0);
        int inputs = Math.max(2, together);
        try (Device device = Device.open("cpu")) {
            MemoryPlan plan = MemoryPlan.of(device.kind(), config, 8, together, execution);
            assertEquals(
                    plan.total(),
                    plan.parts().values().stream().mapToLong(l -> l).sum());
            assertEquals(0, device.liveBytes());
            List<List<DeviceViews>> views = new ArrayList<>();
            try (Objective model = Objective.create(device, config, 8, together, execution);
                    AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                    DeviceViews first = new DeviceViews(device, settings, 8)) {
                views.add(List.of(first));
                while (views.size() < inputs) {
                    views.add(List.of(new DeviceViews(device, settings, 8, first)));
                }
                try (TrainingStep steps = new TrainingStep(model, optimizer, views)) {
                    assertFalse(steps.isReady());
                    assertEquals(plan, model.memory());
                    long planned = plan.total() + DeviceViews.plannedBytes(settings, 8, inputs);
                    assertEquals(1, (double) device.liveBytes() / planned, 0.02);
                }
                views.subList(1, inputs).forEach(v -> v.get(0).close());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientsThatAreNotFiniteTouchNoParameter(String name) {
        try (Device device = Device.open(name);
                Objective model = Objective.create(device, config(device), BATCH);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                TrainingStep steps = new TrainingStep(model, optimizer)) {
            model.parameters().initialise(model.kernels(), 3);
            for (int step = 0; step < 3; step++) {
                fillViews(steps.next(), step);
                fillNoise(steps.next(), step);
                float[] before = model.stream().read(model.parameters().values());
                if (step == 2) {
                    steps.next().host().floats().put(5, Float.NaN);
                }
                steps.submit(WEIGHTS, RATE);
                steps.finish();
                float[] after = model.stream().read(model.parameters().values());
                assertEquals(step < 2, steps.isFinite());
                if (step == 2) {
                    assertArrayEquals(before, after);
                    assertEquals("images", steps.firstNonFinite());
                } else {
                    assertFalse(java.util.Arrays.equals(before, after));
                    assertNull(steps.firstNonFinite());
                    // The passes ran once more: take their gradients back.
                    model.stream().zero(model.parameters().gradients());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void wrongOrderOfCallsIsAnError(String name) {
        try (Device device = Device.open(name);
                Objective model = Objective.create(device, CONFIG, BATCH);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                TrainingStep steps = new TrainingStep(model, optimizer)) {
            model.parameters().initialise(model.kernels(), 3);
            assertThrows(IllegalStateException.class, steps::finish);
            fillViews(steps.next(), 0);
            fillNoise(steps.next(), 0);
            steps.submit(WEIGHTS, RATE);
            assertEquals(1, steps.pending());
            assertThrows(IllegalStateException.class, steps::next);
            assertThrows(IllegalStateException.class, () -> steps.submit(WEIGHTS, RATE));
            steps.finish();
            assertEquals(0, steps.pending());
        }
    }
}
