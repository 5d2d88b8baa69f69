package io.github.vicmae.eval;

import java.time.Duration;

/**
 * How single requests are put together. Each method returns changed options and leaves these as they are.
 *
 * @param encoder computes the batches; it stays the caller's, and open as long as the front is
 * @param most images of a batch
 * @param delay how long the first request of a batch waits for others at most, unless {@code most} are there before
 * @param queue requests that may be accepted and not yet computed; each takes the memory of a view
 * @param whenFull what happens to a request when there are so many
 * @param workers batches that are computed at the same time
 */
public record BatchingOptions(Encoder encoder, int most, Duration delay, int queue, WhenFull whenFull, int workers) {
    static final int QUEUED_BATCHES = 4;
    private static final Duration DELAY = Duration.ofMillis(2);

    /** What happens to a request when the queue is full. */
    public enum WhenFull {
        /** The submitting thread waits until there is room. */
        BLOCK,
        /** Its future fails at once with a {@link java.util.concurrent.RejectedExecutionException}. */
        REJECT
    }

    /** @throws IllegalArgumentException if a number is none that can be used */
    public BatchingOptions {
        if (most < 1 || queue < 1 || workers < 1) {
            throw new IllegalArgumentException("A batch, a queue and the number of workers are 1 or more, not " + most
                    + ", " + queue + " and " + workers);
        }
        if (queue < most) {
            throw new IllegalArgumentException(
                    "Batches of " + most + " cannot come together in a queue of " + queue + "; make it longer");
        }
        if (delay.isNegative()) {
            throw new IllegalArgumentException("Requests wait 0 or more microseconds for others, not " + delay);
        }
    }

    /** Batches of the encoder's size, 2 ms, a queue of four batches that blocks, and one worker. */
    static BatchingOptions of(Encoder encoder) {
        int batch = encoder.batch();
        return new BatchingOptions(encoder, batch, DELAY, Math.multiplyExact(QUEUED_BATCHES, batch), WhenFull.BLOCK, 1);
    }

    public BatchingOptions most(int images) {
        return new BatchingOptions(encoder, images, delay, Math.max(queue, images), whenFull, workers);
    }

    public BatchingOptions delay(Duration time) {
        return new BatchingOptions(encoder, most, time, queue, whenFull, workers);
    }

    public BatchingOptions queue(int requests) {
        return new BatchingOptions(encoder, most, delay, requests, whenFull, workers);
    }

    public BatchingOptions whenFull(WhenFull what) {
        return new BatchingOptions(encoder, most, delay, queue, what, workers);
    }

    public BatchingOptions workers(int count) {
        return new BatchingOptions(encoder, most, delay, queue, whenFull, count);
    }

    /** Starts the workers. */
    public BatchingEncoder start() {
        return new BatchingEncoder(this);
    }
}
