package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.objective.Variant;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program's own loop trains as the trainer does: the same batches give the same losses and weights, whole or resumed. */
class PretrainerTest extends RunFixture {
    private static final int BATCHES = 3;

    @TempDir
    Path dir;

    private static TrainSettings settings(Path data) {
        return settings(data, Variant.PAPER, 2, 1, 1e-2);
    }

    private static TrainingSample picture(int number) {
        byte[] pixels = new byte[40 * 36 * 3];
        new Random(number).nextBytes(pixels);
        return TrainingSample.image(new Image(40, 36, 3, pixels));
    }

    /** The samples of the steps from one to another. */
    private static Iterator<TrainingSample> samples(TrainSettings settings, int from, int to) {
        int each = settings.schedule().effectiveBatch();
        return IntStream.range(from * each, to * each)
                .mapToObj(PretrainerTest::picture)
                .iterator();
    }

    @Test
    void theTrainersBatchesGiveTheTrainersRun() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 13, 40);
        for (int accumulate : new int[] {1, 2}) {
            TrainSettings settings = settings(data).with("schedule.accumulate", accumulate);
            Path out = dir.resolve("run" + accumulate);
            Log log = train(settings, out, false, Long.MAX_VALUE);
            List<Double> losses = new ArrayList<>();
            Dataset all = Dataset.scan(List.of(data));
            try (Device device = Device.open("cpu");
                    BatchLoader loader =
                            new BatchLoader(all, settings.viewSettings(0), settings.sampler(0), settings.loader(4));
                    Pretrainer pretrainer = Pretrainer.on(device, settings, BATCHES)) {
                while (pretrainer.step() < pretrainer.totalSteps()) {
                    TrainingViews[] passes = new TrainingViews[accumulate];
                    for (int i = 0; i < accumulate; i++) {
                        passes[i] = copy(loader.next());
                    }
                    losses.add(pretrainer.stepOn(passes).losses().total());
                }
                Path own = Files.createDirectories(dir.resolve("own" + accumulate));
                pretrainer.save(own.resolve("checkpoint.safetensors"));
            }
            assertEquals(log.losses, losses);
            assertSameCheckpoint(out, dir.resolve("own" + accumulate));
        }
    }

    private static TrainingViews copy(Batch batch) {
        try {
            FloatBuffer values = FloatBuffer.allocate(batch.views().capacity());
            values.put(0, batch.views(), 0, values.capacity());
            IntBuffer keys = IntBuffer.wrap(batch.noiseKeys().array().clone());
            return new TrainingViews(values, keys);
        } finally {
            batch.release();
        }
    }

    /** A checkpoint goes on to the bit, and its encoder is one that {@link Encoder} takes. */
    @Test
    void aResumedOneGoesOnToTheBit() throws IOException {
        TrainSettings settings = settings(dir).with("schedule.accumulate", 2);
        List<Double> whole = new ArrayList<>();
        List<Double> parts = new ArrayList<>();
        Path middle = dir.resolve("middle.safetensors");
        Path model = dir.resolve("model.safetensors");
        Files.createDirectories(dir.resolve("a"));
        Files.createDirectories(dir.resolve("b"));
        try (Device device = Device.open("cpu")) {
            try (Pretrainer pretrainer = Pretrainer.on(device, settings, 5)) {
                assertEquals(5, pretrainer.totalSteps());
                assertEquals(
                        List.of(),
                        pretrainer.train(
                                samples(settings, 0, 9),
                                s -> whole.add(s.losses().total())));
                pretrainer.save(dir.resolve("a/checkpoint.safetensors"));
            }
            try (Pretrainer pretrainer = Pretrainer.on(device, settings, 5)) {
                Iterator<TrainingSample> samples = samples(settings, 0, 9);
                pretrainer.train(samples, step -> {
                    parts.add(step.losses().total());
                    if (step.number() == 2) {
                        pretrainer.stop();
                    }
                });
                assertEquals(2, pretrainer.step());
                assertEquals(
                        picture(2 * 8).images().get(0).pixels()[7],
                        samples.next().images().get(0).pixels()[7]);
                pretrainer.save(middle);
            }
            try (Pretrainer pretrainer = Pretrainer.resume(device, settings, 5, middle)) {
                assertEquals(2, pretrainer.step());
                pretrainer.train(
                        samples(settings, 2, 9), s -> parts.add(s.losses().total()));
                pretrainer.save(dir.resolve("b/checkpoint.safetensors"));
                pretrainer.saveModel(model);
            }
            assertEquals(whole, parts);
            assertTrue(whole.get(0) != whole.get(1).doubleValue());
            assertSameCheckpoint(dir.resolve("a"), dir.resolve("b"));
            try (Encoder encoder = Encoder.load(model, device);
                    Safetensors file = Safetensors.open(model)) {
                assertEquals(32, encoder.embed(picture(1).images().get(0)).length);
                assertTrue(file.names().stream().noneMatch(name -> name.startsWith("exp_avg")));
            }
            assertEquals(0, device.liveBytes());
        }
    }

    /** Pairs of frames: views of one frame each, made with the changes that a video's have. */
    @Test
    void framesMakeTheirOwnViews() throws IOException {
        TrainSettings settings = settings(dir);
        try (Device device = Device.open("cpu")) {
            double pairs;
            double pictures;
            try (Pretrainer pretrainer = Pretrainer.on(device, settings, 5)) {
                pairs = pretrainer
                        .step(IntStream.range(0, 4)
                                .mapToObj(i -> TrainingSample.pair(image(i), image(i)))
                                .toList())
                        .losses()
                        .total();
            }
            try (Pretrainer pretrainer = Pretrainer.on(device, settings, 5)) {
                pictures = pretrainer
                        .step(IntStream.range(0, 4)
                                .mapToObj(i -> new TrainingSample(Kind.VIDEO, List.of(image(i))))
                                .toList())
                        .losses()
                        .total();
            }
            assertEquals(pictures, pairs, "the same frame twice");
        }
    }

    private static Image image(int number) {
        return picture(number).images().get(0);
    }

    @Test
    void leftOverSamplesAreGivenBack() throws IOException {
        TrainSettings settings = settings(dir);
        try (Device device = Device.open("cpu");
                Pretrainer pretrainer = Pretrainer.on(device, settings, 5)) {
            List<TrainingSample> six =
                    IntStream.range(0, 6).mapToObj(PretrainerTest::picture).toList();
            assertEquals(six.subList(4, 6), pretrainer.train(six.iterator(), step -> {}));
            assertEquals(1, pretrainer.step());
            pretrainer.stop();
            assertEquals(List.of(), pretrainer.train(six.iterator(), step -> {}));
            assertEquals(1, pretrainer.step(), "stopped before its first step");
        }
    }

    /** Another thread closes it: the loop ends after its step. */
    @Test
    void closingEndsTheLoopOfAnotherThread() throws Exception {
        TrainSettings settings = settings(dir).with("schedule.epochs", 100000);
        try (Device device = Device.open("cpu")) {
            Pretrainer pretrainer = Pretrainer.on(device, settings, 5);
            CountDownLatch begun = new CountDownLatch(1);
            Iterator<TrainingSample> endless = IntStream.generate(() -> 1)
                    .mapToObj(PretrainerTest::picture)
                    .iterator();
            CompletableFuture<Void> loop =
                    CompletableFuture.runAsync(() -> pretrainer.train(endless, step -> begun.countDown()));
            assertTrue(begun.await(60, TimeUnit.SECONDS));
            pretrainer.close();
            loop.get(60, TimeUnit.SECONDS);
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void misuseIsASentence() throws IOException {
        TrainSettings settings = settings(dir);
        try (Device device = Device.open("cpu")) {
            refused("at least 1 batch", () -> Pretrainer.on(device, settings, 0));
            Pretrainer pretrainer = Pretrainer.on(device, settings, 1);
            List<TrainingSample> four =
                    IntStream.range(0, 4).mapToObj(PretrainerTest::picture).toList();
            refused("takes 4 samples, not 3", () -> pretrainer.step(four.subList(0, 3)));
            TrainingSample three = TrainingSample.frames(List.of(image(0), image(1), image(2)));
            refused("1 image or 2 frames", () -> pretrainer.step(List.of(picture(0), three, picture(1), picture(2))));
            refused("not nothing", () -> TrainingSample.frames(List.of()));
            refused("of 1 forward passes, not 0", pretrainer::stepOn);
            refused("and the buffer has 7", () -> pretrainer.stepOn(new TrainingViews(FloatBuffer.allocate(7))));
            int values = 2 * 4 * pretrainer.viewSettings().viewSize();
            refused(
                    "keys of a pass's masks are 40",
                    () -> pretrainer.stepOn(new TrainingViews(FloatBuffer.allocate(values), IntBuffer.allocate(1))));
            refused("name it so", () -> pretrainer.save(dir.resolve("model.pth")));
            refused("There is no setting", () -> Pretrainer.settings(Map.of("schedule.epoch", 3)));

            float[] nan = new float[values];
            nan[5] = Float.NaN;
            String lost = assertThrows(
                            ArithmeticException.class,
                            () -> pretrainer.stepOn(new TrainingViews(FloatBuffer.wrap(nan))))
                    .getMessage();
            assertTrue(lost.contains("Step 1 gave a value that is not finite"), lost);
            assertEquals(0, pretrainer.step());
            double after = pretrainer.step(four).losses().total();
            try (Pretrainer fresh = Pretrainer.on(device, settings, 1)) {
                assertEquals(fresh.step(four).losses().total(), after);
            }
            pretrainer.step(four);
            String done = assertThrows(IllegalStateException.class, () -> pretrainer.step(four))
                    .getMessage();
            assertTrue(done.contains("All 2 steps"), done);

            Path file = dir.resolve("checkpoint.safetensors");
            Path model = dir.resolve("model.safetensors");
            pretrainer.save(file);
            pretrainer.saveModel(model);
            TrainSettings other = settings.with("seed", 8);
            unreadable("other settings", () -> Pretrainer.resume(device, other, 1, file));
            unreadable("no checkpoint of a Pretrainer", () -> Pretrainer.resume(device, settings, 1, model));
            unreadable("missing", () -> Pretrainer.resume(device, settings, 1, dir.resolve("missing")));
            pretrainer.close();
            pretrainer.close();
            for (Refused call : List.<Refused>of(
                    () -> pretrainer.step(four),
                    () -> pretrainer.save(file),
                    () -> pretrainer.train(four.iterator(), step -> {}))) {
                assertEquals(
                        "The Pretrainer is closed",
                        assertThrows(IllegalStateException.class, call::run).getMessage());
            }
            assertEquals(0, device.liveBytes());
        }
    }

    private interface Refused {
        void run() throws IOException;
    }

    private static void refused(String sentence, Refused misuse) {
        String message =
                assertThrows(IllegalArgumentException.class, misuse::run).getMessage();
        assertTrue(message.contains(sentence), message);
    }

    private static void unreadable(String sentence, Refused misuse) {
        String message = assertThrows(IOException.class, misuse::run).getMessage();
        assertTrue(message.contains(sentence), message);
    }

    @Test
    void settingsComeFromSingleValues() {
        TrainSettings settings = Pretrainer.settings(
                Map.of("model.size", "ti16", "model.objective.method", "mae", "schedule.batch", 8, "seed", 3));
        assertEquals("mae", settings.model().objective().method());
        assertEquals(8, settings.schedule().batch());
        assertEquals(3, settings.seed());
        assertArrayEquals(
                new String[] {"reconstruction"}, settings.model().objective().losses());
    }
}
