package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 2, unit = TimeUnit.MINUTES)
/** A batching front at its limits: what is cancelled, refused, unreadable or late. */
class BatchingLimitsTest {
    private static final Duration LONG = Duration.ofMinutes(10);

    @TempDir
    Path dir;

    private Device device;
    private Encoder encoder;

    @BeforeEach
    void load() throws IOException {
        Path file = Checkpoints.write(dir.resolve("model.safetensors"), Checkpoints.small(), 3);
        device = Device.open("cpu");
        encoder = Encoder.options().contexts(2).batch(8).load(file, device);
    }

    @AfterEach
    void close() {
        encoder.close();
        device.close();
        assertEquals(0, device.liveBytes());
    }

    private static Image picture(int seed) {
        byte[] pixels = new byte[40 * 30 * 3];
        new Random(seed).nextBytes(pixels);
        return new Image(40, 30, 3, pixels);
    }

    private static Throwable failure(CompletableFuture<float[]> future) {
        return assertThrows(ExecutionException.class, () -> future.get(1, TimeUnit.MINUTES))
                .getCause();
    }

    @Test
    void requestsComeTogetherAndGetTheirOwnFeatures() throws Exception {
        try (BatchingEncoder front = encoder.batching().most(4).delay(LONG).start()) {
            List<CompletableFuture<float[]>> futures = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                futures.add(front.submit(picture(i)));
            }
            for (int i = 0; i < 12; i++) {
                assertArrayEquals(encoder.embed(picture(i)), futures.get(i).get(1, TimeUnit.MINUTES), 1e-5f);
            }
            BatchingEncoder.Counts found = front.counts();
            assertEquals(12, found.requests());
            assertEquals(12, found.encoded());
            assertEquals(3, found.batches());
            assertEquals(4, found.meanBatch());
            assertEquals(0, found.queued());
        }
    }

    @Test
    void aRequestThatStaysAloneIsComputedAfterItsDelay() throws Exception {
        try (BatchingEncoder front =
                encoder.batching().delay(Duration.ofMillis(5)).start()) {
            assertArrayEquals(
                    encoder.embed(picture(1)), front.submit(picture(1)).get(1, TimeUnit.MINUTES), 1e-5f);
            assertEquals(1, front.counts().batches());
        }
    }

    @Test
    void anImageThatCannotBeReadFailsAlone() throws Exception {
        try (BatchingEncoder front = encoder.batching().most(2).delay(LONG).start()) {
            CompletableFuture<float[]> good = front.submit(picture(1));
            CompletableFuture<float[]> bad = front.submit(new byte[] {9, 9, 9});
            CompletableFuture<float[]> missing = front.submit(dir.resolve("missing.png"));
            CompletableFuture<float[]> another = front.submit(picture(2));
            assertInstanceOf(IOException.class, failure(bad));
            assertTrue(failure(missing).getMessage().contains("missing.png"));
            assertEquals(encoder.width(), good.get(1, TimeUnit.MINUTES).length);
            assertEquals(encoder.width(), another.get(1, TimeUnit.MINUTES).length);
            assertEquals(2, front.counts().failed());
        }
    }

    @Test
    void whatIsCancelledIsNotComputed() throws Exception {
        try (BatchingEncoder front = encoder.batching().most(3).delay(LONG).start()) {
            CompletableFuture<float[]> first = front.submit(picture(1));
            assertTrue(first.cancel(false));
            assertEquals(1, front.counts().queued());
            CompletableFuture<float[]> second = front.submit(picture(2));
            front.submit(picture(3));
            assertEquals(encoder.width(), second.get(1, TimeUnit.MINUTES).length);
            assertEquals(1, front.counts().cancelled());
            assertEquals(2, front.counts().encoded());
        }
    }

    @Test
    void aFullQueueRejectsOrBlocks() throws Exception {
        BatchingOptions options = encoder.batching().most(2).queue(2).delay(LONG);
        // One that is being collected counts as well: the first waits for a second that never comes.
        CountDownLatch held = new CountDownLatch(1);
        try (BatchingEncoder front =
                options.whenFull(BatchingOptions.WhenFull.REJECT).start()) {
            CompletableFuture<float[]> first = front.submit(picture(0));
            CountDownLatch running = new CountDownLatch(1);
            first.thenRun(() -> {
                running.countDown();
                await(held);
            });
            front.submit(picture(1)); // the batch is complete, and its worker is held in the continuation
            running.await();
            front.submit(picture(2));
            front.submit(picture(3));
            String why = assertThrows(RejectedExecutionException.class, () -> front.submit(picture(4)))
                    .getMessage();
            assertTrue(why.contains("2 images are waiting"), why);
            assertEquals(1, front.counts().rejected());
            held.countDown();
        }
        try (BatchingEncoder front = options.start()) {
            List<CompletableFuture<float[]>> futures = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                futures.add(front.submit(picture(i))); // waits for room again and again
            }
            for (CompletableFuture<float[]> future : futures) {
                assertEquals(encoder.width(), future.get(1, TimeUnit.MINUTES).length);
            }
            assertEquals(0, front.counts().rejected());
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void anInterruptedWaitIsARejection() throws Exception {
        try (BatchingEncoder front =
                encoder.batching().most(2).queue(2).delay(LONG).start()) {
            CountDownLatch held = new CountDownLatch(1);
            CountDownLatch running = new CountDownLatch(1);
            front.submit(picture(0)).thenRun(() -> {
                running.countDown();
                await(held);
            });
            front.submit(picture(1));
            running.await();
            front.submit(picture(2));
            front.submit(picture(3));
            Thread.currentThread().interrupt();
            assertThrows(RejectedExecutionException.class, () -> front.submit(picture(4)));
            assertTrue(Thread.interrupted(), "the interrupt is kept for the caller");
            held.countDown();
        }
    }

    @Test
    void closingFinishesWhatWasAcceptedAndRefusesTheRest() throws Exception {
        BatchingEncoder front =
                encoder.batching().most(8).delay(LONG).workers(2).start();
        List<CompletableFuture<float[]>> futures = new ArrayList<>();
        for (int i = 0; i < 13; i++) {
            futures.add(front.submit(picture(i)));
        }
        front.close();
        for (CompletableFuture<float[]> future : futures) {
            assertTrue(future.isDone());
            assertEquals(encoder.width(), future.get().length);
        }
        String why = assertThrows(IllegalStateException.class, () -> front.submit(picture(1)))
                .getMessage();
        assertTrue(why.contains("closed"), why);
        front.close();
    }

    @Test
    void aFrontMayBeClosedByAContinuationAndAnEncoderBelowItToo() throws Exception {
        BatchingEncoder front = encoder.batching().most(1).start();
        front.submit(picture(1)).thenRun(front::close).get(1, TimeUnit.MINUTES);
        assertThrows(IllegalStateException.class, () -> front.submit(picture(1)));

        try (BatchingEncoder orphan = encoder.batching().most(1).start()) {
            encoder.close();
            Throwable why = failure(orphan.submit(picture(1)));
            assertTrue(why.getMessage().contains("encoder is used after it was closed"), why.getMessage());
        }
    }

    @Test
    void wrongOptionsAreRefusedInASentence() {
        BatchingOptions options = encoder.batching();
        assertEquals(8, options.most());
        for (Runnable wrong : List.<Runnable>of(
                () -> options.most(0),
                () -> options.queue(0),
                () -> options.workers(0),
                () -> options.queue(7),
                () -> options.delay(Duration.ofNanos(-1)))) {
            String message =
                    assertThrows(IllegalArgumentException.class, wrong::run).getMessage();
            assertTrue(message.contains("not ") || message.contains("longer"), message);
        }
    }
}
