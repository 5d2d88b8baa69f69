package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Views that are drawn anew each epoch, with their pixels as features. */
class EncodedFeaturesTest {
    private static final TrunkConfig TRUNK = Checkpoints.small().trunk();
    private static final ViewFeatures PIXELS = ViewFeatures.pixels(TRUNK);
    private static final int BATCH = 6;

    @TempDir
    static Path dir;

    private static Dataset data;

    @BeforeAll
    static void pictures() throws IOException {
        for (int i = 0; i < 14; i++) {
            Path file = dir.resolve("data").resolve(i % 2 == 0 ? "even" : "odd").resolve(i + ".png");
            Files.createDirectories(file.getParent());
            byte[] png = Pictures.encode(Pictures.buffered(Pictures.random(40, 36, 3, i)), "png");
            Files.write(file, i == 5 ? new byte[] {1, 2} : png);
        }
        data = Dataset.scan(List.of(dir.resolve("data")));
    }

    private static EncodedFeatures batches(int views, int workers, int first, List<SkippedFile> skipped)
            throws IOException {
        return new EncodedFeatures(
                data,
                ViewSettings.probe(TRUNK.height(), TRUNK.width(), 3).withViews(views),
                FrameSampler.anywhere(views),
                LoaderSettings.of(BATCH, workers, 11),
                PIXELS,
                new int[] {1, 0},
                first,
                skipped::add);
    }

    @Test
    void batchesAreAFunctionOfEpochAndStepAndFeaturesTheMeanOverViews() throws IOException {
        List<SkippedFile> skipped = new ArrayList<>();
        FloatBuffer first = FloatBuffer.allocate(BATCH * PIXELS.width());
        FloatBuffer again = FloatBuffer.allocate(BATCH * PIXELS.width());
        int[] labels = new int[BATCH];
        int[] labelsAgain = new int[BATCH];
        try (EncodedFeatures all = batches(2, 3, 0, skipped);
                EncodedFeatures late = batches(2, 1, 1, skipped);
                EncodedFeatures single = batches(1, 1, 1, skipped)) {
            assertEquals(2, all.stepsPerEpoch());
            all.next(0, 0, first, labels);
            all.next(0, 1, first, labels);
            float[] before = first.array().clone();
            all.next(1, 0, first, labels);
            assertFalse(Arrays.equals(before, first.array()));
            late.next(1, 0, again, labelsAgain);
            assertArrayEquals(first.array(), again.array());
            assertArrayEquals(labels, labelsAgain);
            single.next(1, 0, again, labelsAgain);
            assertArrayEquals(labels, labelsAgain);
            assertFalse(Arrays.equals(first.array(), again.array()), "the mean of two views is not the first of them");
            assertThrows(IllegalStateException.class, () -> single.next(2, 0, again, labelsAgain));
        }
        assertEquals("5.png", Path.of(skipped.get(0).name()).getFileName().toString());
    }

    /** The training is cut off after its second epoch, and goes on with other workers. */
    @Test
    void anInterruptedTrainingEndsWithTheSameWeights() throws IOException {
        ProbeSchedule schedule = new ProbeSchedule(4, 1, BATCH);
        double[] rate = {20};
        LinearHeads.Sizes sizes = new LinearHeads.Sizes(PIXELS.width(), 2, 1, BATCH);
        List<SkippedFile> skipped = new ArrayList<>();
        try (Device device = Device.open("cpu");
                LinearHeads head = new LinearHeads(device, sizes)) {
            new ProbeTraining(schedule, 1, dir.resolve("whole"), Map.of(), false, 0)
                    .run(head, rate, epoch -> batches(1, 3, epoch, skipped), epoch -> {});
            float[] whole = head.state().weights();
            ProbeTraining parts = new ProbeTraining(schedule, 1, dir.resolve("parts"), Map.of(), true, 0);
            assertThrows(
                    IOException.class,
                    () -> parts.run(head, rate, epoch -> batches(1, 2, epoch, skipped), epoch -> {
                        if (epoch.number() == 2) {
                            throw new IOException("cut off");
                        }
                    }));
            parts.run(head, rate, epoch -> batches(1, 1, epoch, skipped), epoch -> {});
            assertArrayEquals(whole, head.state().weights());
        }
    }
}
