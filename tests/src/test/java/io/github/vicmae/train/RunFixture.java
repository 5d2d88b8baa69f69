package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.device.Device;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.optim.AdamW;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Short runs of a small model on the CPU. */
abstract class RunFixture {
    /** What a run says, and when it is to be stopped. */
    static final class Log implements Progress {
        final List<String> warnings = new ArrayList<>();
        final List<String> advice = new ArrayList<>();
        final List<Double> losses = new ArrayList<>();
        long stopAfter = Long.MAX_VALUE;
        Runnable afterStep8 = () -> {};
        Trainer trainer;

        @Override
        public void started(String message) {}

        @Override
        public void step(Update update) {
            losses.add(update.losses().total());
            if (update.step() == 8) {
                afterStep8.run();
            }
            if (update.step() >= stopAfter) {
                trainer.requestStop();
            }
        }

        @Override
        public void advice(String message) {
            advice.add(message); // most runs of these tests are too short to learn anything
        }

        @Override
        public void warning(String message) {
            synchronized (warnings) {
                warnings.add(message);
            }
        }
    }

    static TrainSettings settings(Path data, Variant variant, int epochs, int workers, double rate) {
        ModelConfig model = new ModelConfig(
                new TrunkConfig(32, 16, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(variant, 0.5, Pooling.MEAN, 24, 8, 0.1));
        return new TrainSettings(
                model,
                List.of(data.toString()),
                TrainSettings.Views.DEFAULT,
                new Schedule(epochs, 4, 1, rate, 1),
                AdamW.Settings.DEFAULT,
                TrainSettings.Loading.of(workers),
                TrainSettings.Compute.DEFAULT,
                7,
                CheckpointSettings.every(1),
                null,
                false);
    }

    Log train(TrainSettings settings, Path out, boolean resume, long stopAfter) throws IOException {
        return train(settings, out, resume, stopAfter, new Log());
    }

    Log train(TrainSettings settings, Path out, boolean resume, long stopAfter, Log log) throws IOException {
        return train(Device.open("cpu"), settings, out, resume, stopAfter, log);
    }

    Log train(Device device, TrainSettings settings, Path out, boolean resume, long stopAfter, Log log)
            throws IOException {
        return train(device, settings, out, resume ? Resume.NEWEST : Resume.NEW, stopAfter, log);
    }

    Log train(Device device, TrainSettings settings, Path out, Resume resume, long stopAfter, Log log)
            throws IOException {
        log.stopAfter = stopAfter;
        try (device;
                Trainer trainer = new Trainer(device, settings, out, resume, log)) {
            log.trainer = trainer;
            boolean finished = trainer.run();
            assertEquals(trainer.step() >= trainer.totalSteps(), finished);
        } finally {
            assertEquals(0, device.liveBytes(), "device memory left by the run");
        }
        return log;
    }

    static void assertSameCheckpoint(Path a, Path b) throws IOException {
        try (Safetensors first = Safetensors.open(a.resolve("checkpoint.safetensors"));
                Safetensors second = Safetensors.open(b.resolve("checkpoint.safetensors"))) {
            assertEquals(first.names(), second.names());
            for (String name : first.names()) {
                if (first.info(name).dtype().isFloat()) {
                    assertArrayEquals(first.floats(name), second.floats(name), name);
                } else {
                    assertArrayEquals(first.longs(name), second.longs(name), name);
                }
            }
        }
    }
}
