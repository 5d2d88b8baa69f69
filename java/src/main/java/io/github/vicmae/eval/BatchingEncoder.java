package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A front for servers, over an {@link Encoder} that many threads share: single images are put together to batches, which the device does in less time
 * than one after another.
 *
 * <pre>{@code
 * try (BatchingEncoder front = encoder.batching(32, Duration.ofMillis(2))) {
 *     CompletableFuture<float[]> features = front.submit(image);
 * }
 * }</pre>
 *
 * <p>A batch starts when there are as many images as it may have, or when the first has waited for the given time. While a batch is computed the next
 * one gathers. Where images come faster than the device does them, {@link #submit} waits, or with {@link #rejecting()} refuses, as soon as four batches
 * are waiting.
 *
 * <p>Safe for any number of threads, virtual ones too: nobody waits inside of a monitor.
 */
public final class BatchingEncoder implements AutoCloseable {
    private static final int WAITING_BATCHES = 4;

    private final Encoder encoder;
    private final int most;
    private final long waitNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrived = lock.newCondition();
    private final Condition taken = lock.newCondition();
    private final ArrayDeque<Request> queue = new ArrayDeque<>();
    private final Thread worker;
    private boolean rejects;
    private boolean closed;
    private long requests;
    private long batches;
    private long encoded;
    private int longest;

    /** An image and where its features go. */
    private record Request(Image image, CompletableFuture<float[]> features, long since) {}

    /**
     * What was done so far.
     *
     * @param requests images that were accepted
     * @param encoded images whose features were computed
     * @param batches in which that was done
     * @param longestQueue the most images that waited at a time
     */
    public record Counts(long requests, long encoded, long batches, int longestQueue) {}

    BatchingEncoder(Encoder encoder, int most, Duration wait) {
        if (most < 1 || wait.isNegative()) {
            throw new IllegalArgumentException(
                    "A batch has at least one image and waits for 0 s or more, not " + most + " and " + wait);
        }
        this.encoder = encoder;
        this.most = most;
        waitNanos = wait.toNanos();
        worker = new Thread(this::work, "vicmae-batching");
        worker.setDaemon(true);
        worker.start();
    }

    /** From now on {@link #submit} throws where it would wait. */
    public BatchingEncoder rejecting() {
        lock.lock();
        try {
            rejects = true;
            return this;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Asks for an image's features. Cancelling the future before its batch has started spares the work.
     *
     * @return completed with [D], or with the exception that the encoder threw
     * @throws RejectedExecutionException if too many images wait, and this {@linkplain #rejecting() rejects}; or the thread was interrupted while it
     *     waited
     * @throws IllegalStateException after {@link #close}
     */
    public CompletableFuture<float[]> submit(Image image) {
        Request request = new Request(image, new CompletableFuture<>(), System.nanoTime());
        lock.lock();
        try {
            while (!closed && queue.size() >= WAITING_BATCHES * (long) most) {
                if (rejects) {
                    throw new RejectedExecutionException(
                            queue.size() + " images are waiting, more than the encoder can do now; try again later");
                }
                taken.await();
            }
            if (closed) {
                throw new IllegalStateException("An image was submitted to a batching encoder that is closed");
            }
            queue.add(request);
            requests++;
            longest = Math.max(longest, queue.size());
            arrived.signal();
            return request.features;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RejectedExecutionException("Interrupted while other images were waiting", e);
        } finally {
            lock.unlock();
        }
    }

    /** The same for another kind of image. */
    public CompletableFuture<float[]> submit(BufferedImage image) {
        return submit(Image.of(image));
    }

    /** The same for a file, decoded by the calling thread; one that cannot be read fails its own future alone. */
    public CompletableFuture<float[]> submit(Path file) {
        try {
            return submit(Frames.middle(file));
        } catch (IOException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** What was done so far. */
    public Counts counts() {
        lock.lock();
        try {
            return new Counts(requests, encoded, batches, longest);
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        for (List<Request> batch = next(); batch != null; batch = next()) {
            encode(batch);
        }
    }

    /** The next batch, without what was cancelled; null when this is closed and everything is done. */
    private List<Request> next() {
        lock.lock();
        try {
            while (true) {
                queue.removeIf(request -> request.features.isDone());
                if (queue.isEmpty() && closed) {
                    return null;
                }
                long left = queue.isEmpty() ? Long.MAX_VALUE : waitNanos - (System.nanoTime() - queue.peek().since);
                if (!queue.isEmpty() && (closed || queue.size() >= most || left <= 0)) {
                    break;
                }
                arrived.awaitNanos(left);
            }
            List<Request> batch = new ArrayList<>();
            while (batch.size() < most && !queue.isEmpty()) {
                batch.add(queue.poll());
            }
            batches++;
            encoded += batch.size();
            taken.signalAll();
            return batch;
        } catch (InterruptedException e) { // nobody has this thread but this class
            throw new IllegalStateException(e);
        } finally {
            lock.unlock();
        }
    }

    /** What a batch throws, all of its images get. */
    private void encode(List<Request> batch) {
        try {
            float[][] features =
                    encoder.embed(batch.stream().map(Request::image).toList());
            for (int i = 0; i < features.length; i++) {
                batch.get(i).features.complete(features[i]);
            }
        } catch (RuntimeException | Error e) {
            batch.forEach(request -> request.features.completeExceptionally(e));
        }
    }

    /**
     * Refuses further images, and returns when those that were accepted are done. The encoder stays open. An interrupt does not end the wait; it is
     * kept for the caller.
     */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            arrived.signalAll();
            taken.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (worker.isAlive() && Thread.currentThread() != worker) { // a future's callback may close it
            try {
                worker.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
