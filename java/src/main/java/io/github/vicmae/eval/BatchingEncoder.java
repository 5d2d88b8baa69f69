package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;

/**
 * An encoder for servers: requests of single images, from any number of threads, are put together to batches.
 *
 * <pre>{@code
 * try (BatchingEncoder front = encoder.batching().most(32).delay(Duration.ofMillis(2)).start()) {
 *     CompletableFuture<float[]> features = front.submit(uploadedBytes);
 * }
 * }</pre>
 *
 * <p>The submitting thread, which may be a virtual one, decodes and resizes its image; a worker takes what has come in, up to
 * {@link BatchingOptions#most()} requests, once the first of them has waited for {@link BatchingOptions#delay()}, or at once if they are there. While
 * batches are computed, others come together by themselves. Requests are taken in the order in which they came in.
 *
 * <p>A request's failure is its future's alone. One that is cancelled before its batch begins is not computed. Futures are completed by the
 * workers: what depends on one and takes long belongs into {@link CompletableFuture#thenApplyAsync}.
 */
public final class BatchingEncoder implements AutoCloseable {
    private final Encoder encoder;
    private final RequestQueue queue;
    private final List<Thread> workers = new ArrayList<>();
    private final int width;
    private final int viewSize;

    BatchingEncoder(BatchingOptions options) {
        encoder = options.encoder();
        width = encoder.width();
        viewSize = encoder.views().viewSize();
        queue = new RequestQueue(options, viewSize);
        try {
            for (int i = 0; i < options.workers(); i++) {
                Thread worker = new Thread(() -> work(options.most()), "vicmae-batching-" + i);
                worker.setDaemon(true);
                worker.start();
                workers.add(worker);
            }
        } catch (RuntimeException | Error e) { // the system may refuse more threads
            close();
            throw e;
        }
    }

    /** Reads the image of a request. */
    private interface Source {
        Image read() throws IOException;
    }

    /**
     * Asks for the features of an image, [D]. Cancelling the future before its batch has started spares the work.
     *
     * @throws RejectedExecutionException if the queue is full and requests are {@linkplain BatchingOptions.WhenFull#REJECT rejected} then, or the thread is
     *     interrupted while it waits for room
     * @throws IllegalStateException after {@link #close()}
     */
    public CompletableFuture<float[]> submit(Image image) {
        Objects.requireNonNull(image, "There is no image");
        return submit(() -> image);
    }

    /** The same for another kind of image. */
    public CompletableFuture<float[]> submit(BufferedImage image) {
        Objects.requireNonNull(image, "There is no image");
        return submit(() -> Image.of(image));
    }

    /** The same for a file, of a video its middle frame; one that cannot be read fails its own future alone. */
    public CompletableFuture<float[]> submit(Path file) {
        Objects.requireNonNull(file, "There is no file");
        return submit(() -> Frames.middle(file));
    }

    /** The same for a file's bytes, such as an upload. */
    public CompletableFuture<float[]> submit(byte[] file) {
        Objects.requireNonNull(file, "There are no bytes");
        return submit(() -> Frames.middle(
                Content.of("the file in memory", file), ImageReader.isPicture(file) ? Kind.IMAGE : Kind.VIDEO));
    }

    /**
     * Accepts a request. One whose image cannot be read fails its own future alone.
     *
     * @throws RejectedExecutionException if the queue is full, or the thread is interrupted while it waits for room
     * @throws IllegalStateException after {@link #close()}
     */
    private CompletableFuture<float[]> submit(Source source) {
        RequestQueue.Request request = queue.reserve();
        try {
            encoder.view(source.read(), request.view());
        } catch (Throwable e) { // also an OutOfMemoryError: the room is given back, and the caller is told
            queue.drop(request);
            request.completeExceptionally(e);
            return request;
        }
        queue.add(request);
        return request;
    }

    private void work(int most) {
        FloatBuffer views = null;
        FloatBuffer features = null;
        List<RequestQueue.Request> batch = new ArrayList<>();
        while (queue.take(batch)) {
            float[][] rows;
            try {
                if (views == null) {
                    views = DirectBuffers.floats(Math.multiplyExact(most, viewSize));
                    features = DirectBuffers.floats(Math.multiplyExact(most, width));
                }
                for (int i = 0; i < batch.size(); i++) {
                    views.put(i * viewSize, batch.get(i).view(), 0, viewSize);
                }
                encoder.embed(views, features, batch.size());
                rows = new float[batch.size()][width];
                for (int i = 0; i < rows.length; i++) {
                    features.get(i * width, rows[i]);
                }
            } catch (Throwable e) { // whatever it is, nobody waits for ever
                queue.fail(batch, e);
                continue;
            }
            queue.done(batch, rows);
        }
    }

    /** What was done so far. */
    public Counts counts() {
        return queue.counts();
    }

    /**
     * What was done so far.
     *
     * @param requests images that were accepted
     * @param encoded images whose features were computed
     * @param batches in which that was done
     * @param cancelled images whose future was done before they were computed
     * @param failed images that could not be read, or that the encoder failed at
     * @param rejected images that were not accepted
     * @param queued images that wait now
     * @param longestQueue the most images that waited at a time
     */
    public record Counts(
            long requests,
            long encoded,
            long batches,
            long cancelled,
            long failed,
            long rejected,
            int queued,
            int longestQueue) {
        /** Images of a batch on average; 0 before the first. */
        public double meanBatch() {
            return batches == 0 ? 0 : (double) encoded / batches;
        }
    }

    /**
     * Refuses further requests, and waits until those that were accepted are computed. Closing it again does nothing. From a future's continuation
     * that runs in a worker it does not wait for that worker.
     */
    @Override
    public void close() {
        queue.close();
        boolean interrupted = false;
        for (Thread worker : workers) {
            while (worker != Thread.currentThread() && worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true; // what was accepted is finished all the same
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
