package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Eight threads on one encoder for as long as it is told to: {@code mvn -pl java,tests test -Dtest=EncoderSoakTest -Dvicmae.soak.seconds=600}. Memory has to
 * be flat once the first fifth of the time has passed; {@code -Dvicmae.soak.out=FILE} keeps what was measured, as tab-separated lines.
 */
class EncoderSoakTest {
    private static final int THREADS = 8;
    private static final int SAMPLES = 30;
    /** Of the resident memory: what the JVM's own heap may move by. */
    private static final double GROWTH = 1.1;

    @TempDir
    Path dir;

    private Path checkpoint(Device device) throws IOException {
        Path file = dir.resolve("model.safetensors");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(64, 64, 3, 8, 192, 12, 3, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        try (Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        return file;
    }

    @Test
    void memoryIsFlatUnderLoad() throws Exception {
        int seconds = Integer.getInteger("vicmae.soak.seconds", 0);
        assumeTrue(seconds >= SAMPLES, "for -Dvicmae.soak.seconds of at least " + SAMPLES);
        List<String> lines = new ArrayList<>(List.of("seconds\tresident MiB\tdevice bytes\timages\tp50 ms\tp99 ms"));
        long[] resident = new long[SAMPLES];
        long[] live = new long[SAMPLES];
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.options().batch(16).load(checkpoint(device), device);
                BatchingEncoder front = encoder.batching(16, Duration.ofMillis(2))) {
            long end = System.nanoTime() + seconds * 1_000_000_000L;
            long[][] latencies = new long[THREADS][1 << 16];
            int[] counts = new int[THREADS];
            List<Future<?>> work = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int thread = t;
                work.add(threads.submit(() -> {
                    Random random = new Random(thread);
                    while (System.nanoTime() < end) {
                        int width = 60 + random.nextInt(100);
                        int height = 60 + random.nextInt(100);
                        byte[] pixels = new byte[3 * width * height];
                        random.nextBytes(pixels);
                        Image image = new Image(width, height, 3, pixels);
                        long start = System.nanoTime();
                        front.submit(image).get();
                        latencies[thread][counts[thread]++ % latencies[thread].length] = System.nanoTime() - start;
                    }
                    return null;
                }));
            }
            for (int i = 0; i < SAMPLES; i++) {
                Thread.sleep(seconds * 1000L / SAMPLES - 5);
                resident[i] = resident();
                live[i] = device.liveBytes();
                long[] all = new long[THREADS * latencies[0].length];
                int found = 0;
                for (int t = 0; t < THREADS; t++) {
                    for (int j = 0; j < Math.min(counts[t], latencies[t].length); j++) {
                        all[found++] = latencies[t][j];
                    }
                }
                Arrays.sort(all, 0, found);
                lines.add(String.format(
                        Locale.ROOT,
                        "%d\t%.1f\t%d\t%d\t%.2f\t%.2f",
                        (i + 1) * seconds / SAMPLES,
                        resident[i] / 1048576.0,
                        live[i],
                        front.counts().encoded(),
                        all[found / 2] / 1e6,
                        all[(int) (found * 99L / 100)] / 1e6));
            }
            for (Future<?> one : work) {
                one.get();
            }
        } finally {
            threads.shutdown();
            String out = System.getProperty("vicmae.soak.out");
            if (out != null) {
                Files.write(Path.of(out), lines);
            }
        }
        int warm = SAMPLES / 5;
        for (int i = warm; i < SAMPLES; i++) {
            assertEquals(live[warm], live[i], "device memory\n" + String.join("\n", lines));
            assertTrue(resident[i] <= GROWTH * resident[warm], "resident memory\n" + String.join("\n", lines));
        }
    }

    private static long resident() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("/proc/self/status has no VmRSS");
    }
}
