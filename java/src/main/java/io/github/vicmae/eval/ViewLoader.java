package io.github.vicmae.eval;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Prepares the evaluation views of samples in worker threads, ahead of the device and in the samples' order. Every view has its place in a batch
 * before it is decoded, so that a batch does not depend on the number of workers, nor on a file that cannot be read: its places then hold nothing
 * of use. {@link #next} is for one thread.
 */
final class ViewLoader implements AutoCloseable {
    private static final long CLOSE_MILLIS = 10_000;

    private final List<Sample> samples;
    private final Supplier<SampleViews> views;
    private final int viewSize;
    private final int batch;
    /** The place of each sample's first view among all of them, and behind the last one their number. */
    private final int[] first;

    private final List<FloatBuffer> buffers = new ArrayList<>();
    private final List<Thread> workers = new ArrayList<>();

    private final Object lock = new Object();
    /** Views of each buffer's batch that are not there yet. */
    private final int[] missing;

    private final Map<Integer, String> failed = new HashMap<>();
    private int nextSample;
    /** Batches that the caller has finished with, and the number of the one that it has, or waits for. */
    private int released;

    private boolean closed;
    private Throwable failure;
    private long waited;

    /**
     * Starts the workers.
     *
     * @param views makes a reader for each worker
     * @param viewSize values of a view
     * @param batch views of a batch, at least 1
     * @throws IOException if there is not enough memory
     */
    ViewLoader(List<Sample> samples, Supplier<SampleViews> views, int viewSize, int batch, int workerCount)
            throws IOException {
        this.samples = samples;
        this.views = views;
        this.viewSize = viewSize;
        this.batch = batch;
        SampleViews counts = views.get();
        first = new int[samples.size() + 1];
        int most = 1;
        for (int i = 0; i < samples.size(); i++) {
            int count = counts.count(samples.get(i));
            most = Math.max(most, count);
            first[i + 1] = Math.addExact(first[i], count);
        }
        // One with the device, one that is being filled, and as many as the views of one sample can reach into.
        int count = 2 + (most + batch - 1) / batch;
        missing = new int[count];
        for (int b = 0; b < count; b++) {
            missing[b] = size(b);
        }
        allocate(count);
        try {
            for (int i = 0; i < workerCount; i++) {
                Thread worker = new Thread(this::work, "vicmae-views-" + i);
                worker.setDaemon(true);
                worker.start();
                workers.add(worker);
            }
        } catch (RuntimeException | Error e) { // the system may refuse more threads
            close();
            throw e;
        }
    }

    private void allocate(int count) throws IOException {
        long bytes = (long) Float.BYTES * batch * viewSize;
        try {
            for (int b = 0; b < count; b++) {
                buffers.add(ByteBuffer.allocateDirect(Math.toIntExact(bytes))
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer());
            }
        } catch (OutOfMemoryError | ArithmeticException e) {
            throw new IOException(
                    "There is not enough memory for " + count + " batches of " + batch + " views, " + count * bytes
                            + " bytes; use a smaller batch, or raise -XX:MaxDirectMemorySize",
                    e);
        }
    }

    /** Views of a batch: the last one may be smaller. */
    private int size(int number) {
        long before = (long) number * batch;
        return (int) Math.max(0, Math.min(batch, first[samples.size()] - before));
    }

    /** The place of a sample's first view among all views. */
    int first(int sample) {
        return first[sample];
    }

    /** All views. */
    int views() {
        return first[samples.size()];
    }

    /** Nanoseconds that {@link #next} has waited for views. */
    long waitNanos() {
        return waited;
    }

    /** Why a sample of a batch that was returned could not be read; null if it was. */
    String failure(int sample) {
        synchronized (lock) {
            return failed.get(sample);
        }
    }

    /**
     * The views of the next batch, once all are there. {@link #release} them before asking for more.
     *
     * @throws IOException if the thread is interrupted
     * @throws IllegalStateException if a worker failed
     */
    FloatBuffer next() throws IOException {
        synchronized (lock) {
            int place = released % buffers.size();
            long start = System.nanoTime();
            try {
                while (missing[place] > 0 && failure == null) {
                    lock.wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("Interrupted while waiting for views");
            }
            waited += System.nanoTime() - start;
            if (failure != null) {
                throw new IllegalStateException("A data worker failed: " + failure, failure);
            }
            return buffers.get(place);
        }
    }

    /** Gives the batch back. */
    void release() {
        synchronized (lock) {
            missing[released % buffers.size()] = size(released + buffers.size());
            released++;
            lock.notifyAll();
        }
    }

    private void work() {
        try {
            SampleViews reader = views.get();
            for (int i = claim(); i < samples.size(); i = claim()) {
                String reason = prepare(reader, i);
                synchronized (lock) {
                    if (reason != null) {
                        failed.put(i, reason);
                    }
                    for (int row = first[i]; row < first[i + 1]; row++) {
                        missing[row / batch % buffers.size()]--;
                    }
                    lock.notifyAll();
                }
            }
        } catch (Throwable e) {
            synchronized (lock) {
                failure = failure == null ? e : failure;
                lock.notifyAll();
            }
        }
    }

    /** The next sample, once there is room for its views; their number if there is none. */
    private int claim() throws InterruptedException {
        synchronized (lock) {
            while (!closed
                    && nextSample < samples.size()
                    && (first[nextSample + 1] - 1) / batch >= released + buffers.size()) {
                lock.wait();
            }
            return closed || nextSample == samples.size() ? samples.size() : nextSample++;
        }
    }

    /** Writes the views of a sample to their places, or returns why it cannot be read. */
    private String prepare(SampleViews reader, int i) {
        Sample sample = samples.get(i);
        try {
            List<Image> frames = reader.read(sample);
            for (int row = first[i]; row < first[i + 1]; row++) {
                FloatBuffer buffer = buffers.get(row / batch % buffers.size());
                reader.write(sample, frames, row - first[i], buffer, row % batch * viewSize);
            }
            return null;
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Stops the workers. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
        boolean interrupted = false;
        for (Thread worker : workers) {
            try {
                worker.join(CLOSE_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
