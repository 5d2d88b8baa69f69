package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class BatchingEncoderTest {
    private static final Duration LONG = Duration.ofMinutes(5);

    @TempDir
    Path dir;

    private Device device;
    private Encoder encoder;

    @BeforeEach
    void open() throws IOException {
        Path file = dir.resolve("model.safetensors");
        device = Device.open("cpu");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        try (Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        encoder = Encoder.load(file, device, 8);
    }

    @AfterEach
    void close() {
        encoder.close();
        device.close();
    }

    private static Image picture(int seed) {
        byte[] pixels = new byte[20 * 18 * 3];
        new Random(seed).nextBytes(pixels);
        return new Image(20, 18, 3, pixels);
    }

    @Test
    void manyThreadsGetTheFeaturesOfTheirOwnImageFromSharedBatches() throws Exception {
        float[][] expected = new float[50][];
        for (int i = 0; i < 50; i++) {
            expected[i] = encoder.embed(picture(i));
        }
        ExecutorService threads = Executors.newFixedThreadPool(16);
        try (BatchingEncoder front = encoder.batching(8, Duration.ofMillis(5))) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 16; t++) {
                int first = t;
                all.add(threads.submit(() -> {
                    for (int i = 0; i < 20; i++) {
                        int which = (first * 7 + i) % 50;
                        assertArrayEquals(
                                expected[which], front.submit(picture(which)).get(), 1e-5f);
                    }
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
            BatchingEncoder.Counts counts = front.counts();
            assertEquals(320, counts.requests());
            assertEquals(320, counts.encoded());
            assertTrue(counts.batches() < 320, counts.toString());
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void aFullBatchDoesNotWait() throws Exception {
        try (BatchingEncoder front = encoder.batching(3, LONG)) {
            List<CompletableFuture<float[]>> three =
                    List.of(front.submit(picture(1)), front.submit(picture(2)), front.submit(picture(3)));
            for (CompletableFuture<float[]> one : three) {
                assertEquals(32, one.get(30, TimeUnit.SECONDS).length);
            }
            assertEquals(3, front.counts().encoded());
            assertEquals(1, front.counts().batches());
        }
    }

    @Test
    void whatIsCancelledIsNotComputedAndClosingFinishesTheRest() throws Exception {
        CompletableFuture<float[]> kept;
        BatchingEncoder front = encoder.batching(3, LONG);
        try (front) {
            kept = front.submit(picture(1));
            assertTrue(front.submit(picture(2)).cancel(false));
        }
        assertArrayEquals(encoder.embed(picture(1)), kept.get(), 1e-5f);
        assertEquals(1, front.counts().encoded());
        String message = assertThrows(IllegalStateException.class, () -> front.submit(picture(3)))
                .getMessage();
        assertTrue(message.contains("closed"), message);
    }

    @Test
    void aFullQueueRejectsOrWaits() throws Exception {
        BatchingEncoder rejecting = encoder.batching()
                .most(1000)
                .queue(4000)
                .delay(LONG)
                .whenFull(BatchingOptions.WhenFull.REJECT)
                .start();
        try (rejecting) {
            // The encoder is kept busy by nobody: a queue of four batches fills up only while none is due.
            Image image = picture(1);
            int accepted = 0;
            try {
                for (; accepted < 100_000; accepted++) {
                    rejecting.submit(image);
                }
            } catch (RejectedExecutionException e) {
                assertTrue(e.getMessage().contains("waiting"), e.getMessage());
            }
            assertTrue(accepted >= 4000 && accepted < 100_000, accepted + " were accepted");
        }
        try (BatchingEncoder waiting = encoder.batching(2, Duration.ZERO)) {
            List<CompletableFuture<float[]>> all = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                all.add(waiting.submit(picture(i)));
            }
            for (CompletableFuture<float[]> one : all) {
                one.get();
            }
            assertTrue(waiting.counts().longestQueue() <= 8, waiting.counts().toString());
        }
    }

    @Test
    void aFileThatCannotBeReadFailsAloneAndAClosedEncoderFailsItsBatch() throws Exception {
        Path broken = Files.writeString(dir.resolve("broken.jpg"), "no picture");
        try (BatchingEncoder front = encoder.batching(2, Duration.ZERO)) {
            CompletableFuture<float[]> bad = front.submit(broken);
            CompletableFuture<float[]> good = front.submit(picture(1));
            assertInstanceOf(
                    IOException.class,
                    assertThrows(ExecutionException.class, bad::get).getCause());
            assertEquals(32, good.get().length);
            encoder.close();
            CompletableFuture<float[]> late = front.submit(picture(1));
            Throwable cause = assertThrows(ExecutionException.class, late::get).getCause();
            assertTrue(
                    cause instanceof IllegalStateException && cause.getMessage().contains("closed"), "" + cause);
        }
        assertThrows(IllegalArgumentException.class, () -> encoder.batching(0, Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> encoder.batching(1, Duration.ofMillis(-1)));
    }
}
