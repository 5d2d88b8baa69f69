package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches of finished views, and of crops and draws from which a device makes them. */
class LoaderModesTest {
    private static final int BATCH = 4;
    private static final int STEPS = 4;
    private static final ViewSettings VIEW = ViewSettings.release(16, 12, 3);
    private static final FrameSampler SAMPLER = FrameSampler.distant(2);

    @TempDir
    Path dir;

    private Dataset data() throws IOException {
        for (int i = 0; i < 6; i++) {
            // From frames as small as a view to some whose crops are too large for an upload.
            int side = 10 << i % 4;
            Path path = dir.resolve("image" + i + ".png");
            Pictures.write(path, Pictures.buffered(Pictures.random(side + 3, side, 3, i)), "png");
        }
        for (int i = 0; i < 4; i++) {
            Pictures.countingVideo(dir.resolve("video" + i + ".mp4"), 64, 48, 10, 30);
        }
        return Dataset.scan(List.of(dir));
    }

    /** What a batch says besides its views. */
    private record Rest(int epoch, int step, List<Integer> samples, List<Integer> noiseKeys) {
        static Rest of(Batch batch) {
            return new Rest(
                    batch.epoch(),
                    batch.step(),
                    list(batch.sampleIndex()),
                    list(batch.noiseKeys().array()));
        }

        private static List<Integer> list(int[] values) {
            return java.util.Arrays.stream(values).boxed().toList();
        }
    }

    private static LoaderSettings settings(int workers) {
        return new LoaderSettings(BATCH, workers, 2, 42, Double.NaN);
    }

    @Test
    void bothModesMakeTheSameBatches() throws IOException {
        bothModesMakeTheSameBatches(VIEW, SAMPLER);
    }

    @Test
    void oneViewOfAMaskedAutoencoder() throws IOException {
        bothModesMakeTheSameBatches(ViewSettings.mae(16, 12, 3, 1), FrameSampler.distant(1));
    }

    @Test
    void clipsOfSeveralFrames() throws IOException {
        bothModesMakeTheSameBatches(VIEW.withFrames(3), SAMPLER.withClips(3, 2));
    }

    private void bothModesMakeTheSameBatches(ViewSettings view, FrameSampler sampler) throws IOException {
        Dataset data = data();
        float[][] first = null;
        for (int workers : new int[] {1, 3}) {
            float[][] found = new float[STEPS][];
            try (BatchLoader finished = new BatchLoader(data, view, sampler, settings(workers));
                    BatchLoader packed = new BatchLoader(
                            data, view, sampler, settings(workers).withDeviceViews(true));
                    Device device = Device.open("cpu");
                    DeviceViews views = new DeviceViews(device, view, BATCH);
                    Arena arena = new Arena("images")) {
                Tensor images = arena.floats(
                        "images", view.views() * BATCH, view.channels(), view.frames(), view.height(), view.width());
                arena.allocate(device);
                Kernels kernels = Kernels.onNewStream(device);
                for (int step = 0; step < STEPS; step++) {
                    Batch expected = finished.next();
                    Batch batch = packed.next();
                    assertEquals(Rest.of(expected), Rest.of(batch));
                    views.load(batch.frames());
                    batch.release();
                    views.upload(kernels.stream());
                    views.make(kernels, images);
                    found[step] = kernels.stream().read(images);
                    assertSame(view, expected, found[step]);
                    expected.release();
                }
                kernels.stream().close();
            }
            first = first == null ? found : first;
            for (int step = 0; step < STEPS; step++) {
                assertArrayEquals(first[step], found[step], "another number of workers, other views");
            }
        }
    }

    private static void assertSame(ViewSettings view, Batch expected, float[] found) {
        int plane = view.frames() * view.height() * view.width();
        float[] deviation = view.deviation();
        assertEquals(expected.views().capacity(), found.length);
        for (int i = 0; i < found.length; i++) {
            float unit = deviation[i / plane % view.channels()];
            assertEquals(expected.views().get(i) * unit, found[i] * unit, 1.0 / 255 + 1e-5, "value " + i);
        }
    }

    @Test
    void aBatchSaysWhichModeItIsOf() throws IOException {
        Dataset data = data();
        try (BatchLoader finished = new BatchLoader(data, VIEW, SAMPLER, settings(1));
                BatchLoader packed =
                        new BatchLoader(data, VIEW, SAMPLER, settings(1).withDeviceViews(true))) {
            IllegalStateException noFrames = assertThrows(
                    IllegalStateException.class, () -> finished.next().frames());
            assertEquals(
                    "This batch has finished views and no frames: LoaderSettings.deviceViews is not set.",
                    noFrames.getMessage());
            assertThrows(IllegalStateException.class, () -> packed.next().views());
        }
    }
}
