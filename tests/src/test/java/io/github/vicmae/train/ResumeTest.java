package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.objective.Variant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run keeps, and how it goes on: epochs have six steps here. */
class ResumeTest extends RunFixture {
    private static final long ALL = Long.MAX_VALUE;

    @TempDir
    Path dir;

    @TempDir
    static Path shared;

    @BeforeAll
    static void render() throws IOException {
        TestData.pictures(shared, 26, 40);
    }

    private static TrainSettings constant(int epochs) {
        return settings(shared, Variant.PAPER, epochs, 2, 1e-2)
                .with("schedule.decay", "constant")
                .with("model.objective.contrastiveWeight.shape", "constant");
    }

    private Log resume(TrainSettings settings, Path run, Resume how) throws IOException {
        return train(Device.open("cpu"), settings, run, how, ALL, new Log());
    }

    private static Set<String> checkpoints(Path run) throws IOException {
        try (Stream<Path> files = Files.list(run)) {
            Set<String> names = new TreeSet<>();
            files.map(f -> f.getFileName().toString())
                    .filter(f -> f.contains("safetensors"))
                    .forEach(names::add);
            return names;
        }
    }

    private static String metadata(Path file, String key) throws IOException {
        try (Safetensors opened = Safetensors.open(file)) {
            return opened.metadata().get(key);
        }
    }

    /** The learning rate of each step, in their order in the file. */
    private static Map<Long, Double> rates(Path run) throws IOException {
        Map<Long, Double> rates = new TreeMap<>();
        JsonLines.read(run.resolve("metrics.jsonl"), line -> {
            if (line.has("learning_rate")) {
                assertEquals(
                        null,
                        rates.put(
                                line.get("step").longValue(),
                                line.get("learning_rate").doubleValue()));
            }
        });
        return rates;
    }

    @Test
    void aRunIsExtendedWhereItsPastIsTheSame() throws IOException {
        Path whole = dir.resolve("whole");
        train(constant(4), whole, false, ALL);
        Path run = dir.resolve("run");
        train(constant(2), run, false, ALL);
        assertEquals(12, resume(constant(4), run, Resume.NEWEST).losses.size());
        assertSameCheckpoint(whole, run);
        // Both show the same samples, in the same views with the same masks.
        for (String name : List.of("input.png", "masked.png", "step-6.png", "step-24.png")) {
            assertArrayEquals(
                    Files.readAllBytes(whole.resolve("pictures").resolve(name)),
                    Files.readAllBytes(run.resolve("pictures").resolve(name)),
                    name);
        }
        // With a cosine each step's rate depends on the number of epochs.
        Path cosine = dir.resolve("cosine");
        train(settings(shared, Variant.PAPER, 2, 2, 1e-2), cosine, false, 9);
        TrainSettings more = settings(shared, Variant.PAPER, 4, 2, 1e-2);
        IOException e = assertThrows(IOException.class, () -> resume(more, cosine, Resume.NEWEST));
        assertTrue(e.getMessage().contains("was planned for 2 epochs; with 4 epochs its steps so far"), e.getMessage());
        assertTrue(e.getMessage().contains("--init " + cosine.resolve("checkpoint.safetensors")), e.getMessage());
        IOException fewer = assertThrows(IOException.class, () -> resume(constant(1), run, Resume.NEWEST));
        assertTrue(
                fewer.getMessage().contains("has done 24 steps; with these data --epochs 1 has only 6"),
                fewer.getMessage());
    }

    @Test
    void aCooldownEndsARunAndCanBeMovedWhileItHasNotBegun() throws IOException {
        Path run = dir.resolve("run");
        train(constant(2), run, false, 6); // the cooldown is chosen later
        TrainSettings three = constant(3).with("schedule.cooldownEpochs", 1.0);
        train(Device.open("cpu"), three, run, Resume.NEWEST, 15, new Log());
        Map<Long, Double> rates = rates(run);
        assertEquals(1e-2 * 4 / 256, rates.get(13L), 1e-12);
        assertEquals(1e-2 * 4 / 256 * 4 / 6, rates.get(15L), 1e-12);
        IOException e =
                assertThrows(IOException.class, () -> resume(three.with("schedule.epochs", 4), run, Resume.NEWEST));
        assertTrue(
                e.getMessage().contains("was planned for 3 epochs with a cooldown of 1.0; with 4 epochs with"),
                e.getMessage());
    }

    @Test
    void asManyCheckpointsStayAsWereAskedForAndAnEarlierOneCanBeTaken() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 5, 2, 1e-2).with("checkpoints.keepLast", 3);
        train(settings, run, false, ALL);
        assertEquals(
                Set.of(
                        "checkpoint.safetensors",
                        "checkpoint-24.safetensors",
                        "checkpoint-18.safetensors",
                        "model.safetensors"),
                checkpoints(run));
        Path whole = dir.resolve("whole");
        Files.createDirectories(whole);
        Files.copy(run.resolve("checkpoint.safetensors"), whole.resolve("checkpoint.safetensors"));

        IOException none = assertThrows(IOException.class, () -> resume(settings, run, new Resume(true, false, 12L)));
        assertTrue(none.getMessage().contains("those after the steps 18, 24"), none.getMessage());

        // The newest is cut off: the one before it is offered, and taken where that is asked for.
        Path newest = run.resolve("checkpoint.safetensors");
        byte[] bytes = Files.readAllBytes(newest);
        Files.write(newest, Arrays.copyOf(bytes, bytes.length / 2));
        IOException damaged = assertThrows(IOException.class, () -> resume(settings, run, Resume.NEWEST));
        assertTrue(
                damaged.getMessage().startsWith("The checkpoint " + newest + " cannot be read: "),
                damaged.getMessage());
        assertTrue(
                damaged.getMessage().contains("There is one after step 24 that can be read: add --from-step 24"),
                damaged.getMessage());
        Log log = resume(settings, run, new Resume(true, false, 24L));
        assertEquals(6, log.losses.size());
        assertTrue(log.warnings.get(0).contains("checkpoint.safetensors.bak"), log.warnings.toString());
        assertSameCheckpoint(whole, run);
        assertEquals(30, rates(run).size());
    }

    @Test
    void aCheckpointThatHasOnlyItsEarlierNameIsFound() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 2, 2, 1e-2);
        train(settings, run, false, 8);
        Files.move(run.resolve("checkpoint.safetensors"), run.resolve("checkpoint-8.safetensors"));
        assertThrows(IOException.class, () -> train(settings, run, false, ALL));
        assertEquals(4, resume(settings, run, Resume.NEWEST).losses.size());
    }

    @Test
    void otherDataAreRefusedOrAccepted() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 26, 40);
        TrainSettings settings = settings(data, Variant.PAPER, 2, 2, 1e-2);
        Path run = dir.resolve("run");
        train(settings, run, false, 7);
        Path moved = Files.move(data, dir.resolve("moved"));
        TrainSettings there = settings(moved, Variant.PAPER, 2, 2, 1e-2);
        train(Device.open("cpu"), there, run, Resume.NEWEST, 8, new Log()); // where they lie does not count
        TestData.pictures(moved.resolve("more"), 8, 40);
        IOException e = assertThrows(IOException.class, () -> resume(there, run, Resume.NEWEST));
        assertTrue(
                e.getMessage().contains("(0 videos and 26 images then, 0 videos and 34 images now)"), e.getMessage());
        assertTrue(e.getMessage().contains("--data-changed"), e.getMessage());
        Log log = resume(there, run, new Resume(true, true, null));
        assertEquals(16 - 8, log.losses.size());
        assertTrue(log.warnings.get(0).startsWith("The data have changed since the run began (0 videos and 26"));
        resume(there, run, Resume.NEWEST); // they are the run's data now
    }

    @Test
    void theModelOfTheBestEpochIsKept() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings =
                settings(shared, Variant.PAPER, 4, 2, 1e-2).with("checkpoints.keepBest", "contrastive");
        train(settings, run, false, 14);
        resume(settings, run, Resume.NEWEST); // from the middle of an epoch
        double[] sums = new double[4];
        JsonLines.read(run.resolve("metrics.jsonl"), line -> {
            if (line.has("contrastive")) {
                sums[(int) ((line.get("step").longValue() - 1) / 6)] +=
                        line.get("contrastive").doubleValue();
            }
        });
        int best = 0;
        for (int e = 1; e < 4; e++) {
            best = sums[e] < sums[best] ? e : best;
        }
        Path file = run.resolve("best.safetensors");
        assertEquals(Integer.toString(6 * (best + 1)), metadata(file, "step"));
        assertEquals(sums[best] / 6, Double.parseDouble(metadata(file, "value")), 1e-12);
        assertEquals("contrastive", metadata(file, "metric"));
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> settings.with("checkpoints.keepBest", "accuracy"));
        assertTrue(e.getMessage().contains("wants one of loss, reconstruction, contrastive, not accuracy"));
    }

    /** Makes the model's first weights NaN, so that the next step is not finite. */
    private static void spoil(Trainer trainer) {
        Parameter p = trainer.model().parameters().all().iterator().next();
        float[] values = new float[Math.toIntExact(p.value().size())];
        Arrays.fill(values, Float.NaN);
        trainer.model().stream().write(p.value(), values);
    }

    @Test
    void aRunGoesBackWhereAValueIsNotFinite() throws IOException {
        TrainSettings settings = settings(shared, Variant.PAPER, 3, 2, 1e-2).with("checkpoints.onNan", "rollback");
        Path plain = dir.resolve("plain");
        train(settings, plain, false, ALL);
        Path run = dir.resolve("run");
        Log log = new Log();
        boolean[] done = {false};
        log.afterStep8 = () -> {
            if (!done[0]) {
                done[0] = true;
                spoil(log.trainer);
            }
        };
        train(settings, run, false, 10, log);
        String warning = String.join("\n", log.warnings);
        assertTrue(warning.startsWith("Step 9 gave a value that is not finite, first seen in "), warning);
        assertTrue(
                warning.endsWith("Rollback 1 of 3: the run goes back to the checkpoint after step 6, with 0.5 times the"
                        + " learning rate"),
                warning);
        resume(settings, run, Resume.NEWEST); // which keeps the lower rate
        Map<Long, Double> expected = rates(plain);
        Map<Long, Double> found = rates(run);
        assertEquals(18, found.size());
        found.forEach((step, rate) -> assertEquals(step <= 6 ? expected.get(step) : expected.get(step) / 2, rate));
    }

    @Test
    void threeRollbacksAreTheMost() throws IOException {
        TrainSettings settings = settings(shared, Variant.PAPER, 2, 2, 1e30).with("checkpoints.onNan", "rollback");
        Log log = new Log();
        IOException e = assertThrows(IOException.class, () -> train(settings, dir.resolve("run"), false, ALL, log));
        assertEquals(
                List.of("0.5", "0.25", "0.125"),
                log.warnings.stream()
                        .map(w -> w.replaceAll("(?s).*step 0, with ([0-9.]+) times.*", "$1"))
                        .toList());
        assertTrue(e.getMessage().contains("after 3 rollbacks; the run stops"), e.getMessage());
    }

    @Test
    void aCheckpointIsWrittenByTheClockInTheMiddleOfAnEpoch() throws IOException {
        Path run = dir.resolve("run");
        // A thousandth of a second: after every step.
        TrainSettings settings = settings(shared, Variant.PAPER, 2, 2, 1e-2)
                .with("checkpoints.every", 2)
                .with("checkpoints.minutes", 1e-3 / 60);
        Log log = new Log();
        log.afterStep8 = () -> assertEquals("7", checked(run));
        train(settings, run, false, ALL, log);
        Path never = dir.resolve("never");
        Log second = new Log();
        second.afterStep8 = () -> assertFalse(Files.exists(never.resolve("checkpoint.safetensors")));
        train(settings.with("checkpoints.minutes", 0.0), never, false, ALL, second);
        assertSameCheckpoint(run, never);
    }

    private static String checked(Path run) {
        try {
            return metadata(run.resolve("checkpoint.safetensors"), "step");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** What stands in the checkpoint's place cannot be replaced. */
    @Test
    void aLastCheckpointThatFindsNoPlaceIsSavedElsewhere() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 2, 2, 1e-2);
        Path inTheWay = run.resolve("checkpoint.safetensors/file");
        Log log = new Log();
        log.afterStep8 = () -> {
            try {
                Files.delete(run.resolve("checkpoint.safetensors"));
                Files.createDirectories(inTheWay);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        };
        IOException e = assertThrows(IOException.class, () -> train(settings, run, false, ALL, log));
        assertTrue(e.getMessage().contains("the one after step 6 is kept"), e.getMessage());
        Path saved = Path.of(e.getMessage().replaceAll("(?s).* It is in (\\S+) instead: .*", "$1"));
        Files.delete(inTheWay);
        Files.delete(run.resolve("checkpoint.safetensors"));
        Files.move(saved, run.resolve("checkpoint.safetensors"));
        Files.delete(saved.getParent());
        assertEquals(List.of(), resume(settings, run, Resume.NEWEST).losses);
        Path whole = dir.resolve("whole");
        train(settings, whole, false, ALL);
        assertSameCheckpoint(whole, run);
    }

    @Test
    void tooLittleRoomIsSaidBeforeTheFirstStep() throws IOException {
        IOException e =
                assertThrows(IOException.class, () -> SavedRun.requireSpace(Path.of("run"), 3L << 30, 2L << 30, true));
        assertTrue(e.getMessage().startsWith("run needs 3.00 GiB for its checkpoints, and there are 2.00 GiB"));
        SavedRun.requireSpace(Path.of("run"), 3L << 30, 3L << 30, true);
        SavedRun.requireSpace(Path.of("run"), 3L << 30, 0, true); // the system does not say
        // What is planned is what a run leaves, and the checkpoint that is written beside those that stay.
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 3, 2, 1e-2);
        train(settings, run, false, ALL);
        long left = 0;
        for (String name : checkpoints(run)) {
            left += Files.size(run.resolve(name));
        }
        long newest = Files.size(run.resolve("checkpoint.safetensors"));
        try (Device device = Device.open("cpu");
                Trainer trainer = new Trainer(device, settings, run, true, new Log())) {
            long planned = settings.checkpoints().plannedBytes(trainer.model().memory());
            assertTrue(planned > 0.9 * (left + newest) && planned < 1.1 * (left + newest), planned + " " + left);
        }
    }

    /** Going back is checked before anything is renamed or cut off. */
    @Test
    void aRefusedResumeChangesNothing() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 3, 2, 1e-2);
        train(settings, run, false, 14);
        Set<String> before = checkpoints(run);
        TrainSettings longer = settings(shared, Variant.PAPER, 6, 2, 1e-2);
        assertThrows(IOException.class, () -> resume(longer, run, new Resume(true, false, 12L)));
        assertEquals(before, checkpoints(run));
        assertEquals(14, rates(run).size());
        assertEquals(4, resume(settings, run, Resume.NEWEST).losses.size());
    }

    @Test
    void whatIsSetAsideTwiceIsKeptTwice() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 3, 2, 1e-2).with("checkpoints.keepBest", "loss");
        train(settings, run, false, ALL);
        for (int i = 0; i < 2; i++) {
            resume(settings, run, new Resume(true, false, 12L));
        }
        assertTrue(
                checkpoints(run).containsAll(Set.of("checkpoint.safetensors.bak", "checkpoint.safetensors.bak2")),
                checkpoints(run).toString());
        // The model of a trained run is nobody's to overwrite, also where its checkpoints are gone.
        for (String name : checkpoints(run)) {
            if (name.startsWith("checkpoint")) {
                Files.delete(run.resolve(name));
            }
        }
        byte[] model = Files.readAllBytes(run.resolve("model.safetensors"));
        IOException again = assertThrows(IOException.class, () -> train(settings, run, false, ALL));
        assertTrue(again.getMessage().contains("holds a run already"), again.getMessage());
        IOException on = assertThrows(IOException.class, () -> resume(settings, run, Resume.NEWEST));
        assertTrue(on.getMessage().contains("no checkpoint to go on from"), on.getMessage());
        assertArrayEquals(model, Files.readAllBytes(run.resolve("model.safetensors")));
    }

    @Test
    void theBestModelFollowsOneLoss() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings =
                settings(shared, Variant.PAPER, 3, 2, 1e-2).with("checkpoints.keepBest", "contrastive");
        train(settings, run, false, 9);
        // Of the second epoch only a half is known of this loss: it is not the best one, whatever it is.
        TrainSettings other = settings.with("checkpoints.keepBest", "reconstruction");
        resume(other, run, Resume.NEWEST);
        assertEquals("18", metadata(run.resolve("best.safetensors"), "step"));
        assertEquals("reconstruction", metadata(run.resolve("best.safetensors"), "metric"));
        assertEquals(
                null,
                settings.with("checkpoints.keepBest", "none").checkpoints().keepBest());
    }
}
