package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.optim.AdamW;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs on the emulated device: resumed ones, and such as a fault of the device ends. */
class EmulatedRunTest {
    /** Of two batches each; after each there is a checkpoint. */
    private static final int EPOCHS = 4;

    private static final long STEPS = 8;

    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    private static EmulatedDriver driver;
    private static Path pictures;
    private static Path whole;
    /** As one that was killed after its fifth step, a step beyond the checkpoint of the second epoch, would be. */
    private static Path half;

    @BeforeAll
    static void trainWithoutFault() throws IOException {
        driver = Emulation.driver();
        pictures = TestData.pictures(shared.resolve("pictures"), 4, 24);
        whole = shared.resolve("whole");
        half = shared.resolve("half");
        train(whole, new Log().after(5, () -> copy(whole, half)));
        assertEquals(List.of(1L, 2L, 3L, 4L), steps(half).subList(0, 4));
    }

    @AfterEach
    void restore() {
        Emulation.restore();
    }

    /** What a run says, and what is to happen after a step. */
    private static final class Log implements Progress {
        private final List<String> warnings = new ArrayList<>();
        private final Map<Long, Runnable> actions = new HashMap<>();
        private Trainer trainer;

        /** Does something once this step is done. */
        Log after(long step, Runnable what) {
            actions.put(step, what);
            return this;
        }

        @Override
        public void started(String message) {
            assertTrue(message.contains("on emulated: "), message);
        }

        @Override
        public void step(Update update) {
            actions.getOrDefault(update.step(), () -> {}).run();
        }

        @Override
        public void advice(String message) {} // these runs are too short to learn anything

        @Override
        public void warning(String message) {
            warnings.add(message);
        }
    }

    private static TrainSettings settings() {
        ModelConfig model = new ModelConfig(
                new TrunkConfig(32, 16, 3, 8, 24, 1, 3, 2),
                new DecoderConfig(16, 1, 2, 2, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 20, 6, 0.1));
        return new TrainSettings(
                model,
                List.of(pictures.toString()),
                TrainSettings.Views.DEFAULT,
                new Schedule(EPOCHS, 2, 1, 1e-2, 1),
                AdamW.Settings.DEFAULT,
                TrainSettings.Loading.of(2).withDeviceViews(true),
                TrainSettings.Compute.DEFAULT,
                7,
                CheckpointSettings.every(1),
                null,
                false);
    }

    /** Trains on, if there is something to go on from, or from the start. Whatever happens, nothing may be left. */
    private static Trainer train(Path run, Log log) throws IOException {
        Device device = Device.open("emulated");
        try {
            try (device;
                    Trainer trainer = new Trainer(device, settings(), run, true, log)) {
                log.trainer = trainer;
                assertEquals(STEPS, trainer.totalSteps());
                trainer.run();
                assertEquals(List.of(), foundWithoutBeingAskedFor());
                return trainer;
            }
        } finally {
            Emulation.assertNothingLeft(device, "by the run");
        }
    }

    private static List<String> foundWithoutBeingAskedFor() {
        return driver.log()
                .lines()
                .filter(line -> !line.endsWith("as the option fail_allocation asked for"))
                .toList();
    }

    private static void assertAsWithoutFault(Path run) throws IOException {
        for (String file : List.of("checkpoint.safetensors", "model.safetensors")) {
            try (Safetensors expected = Safetensors.open(whole.resolve(file));
                    Safetensors found = Safetensors.open(run.resolve(file))) {
                assertEquals(expected.metadata(), found.metadata());
                assertEquals(expected.names(), found.names());
                for (String name : expected.names()) {
                    if (expected.info(name).dtype().isFloat()) {
                        assertArrayEquals(expected.floats(name), found.floats(name), name);
                    } else {
                        assertArrayEquals(expected.longs(name), found.longs(name), name);
                    }
                }
            }
        }
        assertEquals(steps(whole), steps(run));
    }

    private static List<Long> steps(Path run) throws IOException {
        List<Long> steps = new ArrayList<>();
        JsonLines.read(run.resolve("metrics.jsonl"), line -> {
            if (line.has("loss")) {
                steps.add(line.get("step").asLong());
            }
        });
        return steps;
    }

    private static void copy(Path run, Path to) {
        try {
            Files.createDirectory(to);
            try (Stream<Path> files = Files.list(run)) {
                for (Path file : files.toList()) {
                    Files.copy(file, to.resolve(file.getFileName()));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A copy of the run that was stopped in the middle. */
    private Path halfway() {
        Path run = dir.resolve("run");
        copy(half, run);
        return run;
    }

    @ParameterizedTest
    @ValueSource(strings = {"streams=early", "streams=random,seed=3,resident=4"})
    void aResumedRunEndsWhereAnUninterruptedOneDoesWheneverTheDeviceRunsItsWork(String options) throws IOException {
        driver.configure(options);
        Path run = halfway();
        Log log = new Log();
        train(run, log);
        assertEquals(List.of(), log.warnings);
        assertAsWithoutFault(run);
        assertTrue(Files.exists(run.resolve("report.html")));
    }

    /** The n-th launch after step 5 was seen to be done. Step 6 may be under way by then, or done: steps overlap. */
    @ParameterizedTest
    @ValueSource(strings = {"fail_launch=1", "fail_launch=150,streams=early", "lose_device=90,streams=random"})
    void aDeviceThatFailsInMidStepKeepsTheCheckpoint(String fault) throws IOException {
        Path run = halfway();
        Log log = new Log().after(5, () -> driver.configure(fault));
        DeviceException e = assertThrows(DeviceException.class, () -> train(run, log));
        List<Long> done = steps(run);
        int last = done.size();
        assertTrue(last == 5 || last == 6, done.toString());
        assertEquals(LongStream.rangeClosed(1, last).boxed().toList(), done);
        assertTrue(
                e.getMessage()
                        .startsWith("The run stops after step " + last + ". The last good checkpoint is "
                                + run.resolve("checkpoint.safetensors") + " after step " + last / 2 * 2
                                + ". The device failed: cu"),
                e.getMessage());
        String option = fault.substring(0, fault.indexOf('='));
        assertTrue(e.getMessage().contains("as the option " + option + " asked for"), e.getMessage());
        assertTrue(e.getMessage().contains("the device is lost to this process: start it again"), e.getMessage());
        assertEquals(0, e.getSuppressed().length);
        assertEquals(0, e.getCause().getSuppressed().length);
        assertEquals(List.of(), log.warnings);
        Emulation.restore();
        train(run, new Log());
        assertAsWithoutFault(run);
    }

    /** Each copy to the host takes page-locked memory. */
    @Test
    void aCopyThatFindsNoMemoryCostsNoStepAndTheLastCheckpointsNoMoreThanAnEpoch() throws IOException {
        Path run = dir.resolve("run");
        Log log = new Log();
        log.after(1, () -> driver.configure("fail_allocation=1")); // the next one is for step 2's collapse figures
        log.after(2, () -> driver.configure("fail_allocation=1")); // for the checkpoint
        log.after(4, () -> driver.configure("fail_allocation=" + (copiesOfACheckpoint(log.trainer) + 1)));
        log.after(8, () -> driver.configure("fail_allocation=7"));
        DeviceException e = assertThrows(DeviceException.class, () -> train(run, log));
        assertEquals(3, log.warnings.size(), log.warnings.toString());
        assertWarned(log, 0, "The collapse figures lack the features of step 2");
        assertWarned(log, 1, "A checkpoint could not be written, there is none yet");
        assertWarned(log, 2, "The report could not be written");
        assertTrue(
                e.getMessage()
                        .matches(
                                "The run stops after step 8\\. The last good checkpoint is .*checkpoint.safetensors after"
                                        + " step 6\\. The device failed: The driver has no \\d+ bytes of page-locked memory left.*"),
                e.getMessage());
        try (var files = Files.list(run)) {
            assertTrue(files.noneMatch(f -> f.toString().contains(".tmp")), "a half-written file is left");
        }
        train(run, new Log());
        assertAsWithoutFault(run);
    }

    private static long copiesOfACheckpoint(Trainer trainer) {
        var all = trainer.model().parameters().all();
        return all.size() + 2 * all.stream().filter(Parameter::isTrained).count();
    }

    private static void assertWarned(Log log, int index, String what) {
        assertTrue(
                log.warnings
                        .get(index)
                        .matches(what
                                + ", and the run goes on: The driver has no \\d+ bytes of page-locked memory left.*"),
                log.warnings.toString());
    }

    @Test
    void aTrainerThatFindsNoMemoryLeavesNothing() throws IOException {
        Path run = halfway();
        int n = 1;
        // The checkpoint's tensors come last, and each in the same way: some of them are enough.
        for (boolean failed = true; failed; n += n < 24 ? 1 : 29) {
            assertTrue(n < 1000, "the trainer never finds memory");
            Device device = Device.open("emulated");
            driver.configure("fail_allocation=" + n);
            try (device;
                    Trainer trainer = new Trainer(device, settings(), run, true, new Log())) {
                failed = false;
                driver.configure("fail_allocation=0");
                assertEquals(4, trainer.step());
            } catch (DeviceException e) {
                Emulation.assertNoMemoryLeft(e);
            }
            Emulation.assertNothingLeft(device, "where allocation " + n + " failed");
        }
        assertTrue(n > 100, "only " + n + " allocations");
        train(run, new Log());
        assertAsWithoutFault(run);
    }
}
