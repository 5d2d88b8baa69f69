package io.github.vicmae.eval;

import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The views of samples, decoded by worker threads ahead of the caller and handed out in the samples' order; how many a sample has need not be known
 * before it is read. The views that wait take a bounded amount of memory: a worker waits when it is used up, except for the sample whose turn it is,
 * of which there may always be one view more. {@link #next} and {@link #release} are for one thread.
 */
final class DecodedViews implements AutoCloseable {
    private static final long CLOSE_MILLIS = 10_000;
    /** Samples that are read ahead at most; those that cannot be read take no views. */
    private static final int AHEAD = 4096;

    private final List<Sample> samples;
    private final long most;

    private final Object lock = new Object();
    private final List<Thread> workers = new ArrayList<>();
    private final Map<Integer, Deque<View>> waiting = new HashMap<>();
    private final Map<Integer, String> ended = new HashMap<>();
    private final Map<Integer, Deque<FloatBuffer>> free = new HashMap<>();
    /** Values of the views that wait or that the caller has. */
    private long used;

    private int nextSample;
    private int head;
    private boolean closed;
    private Throwable failure;
    private long waited;

    /**
     * One view, or the end of a sample.
     *
     * @param values normalised, [C, H, W] or [C, T, H, W]; null at the end of a sample
     * @param seconds its time in the video, NaN where it is not asked for
     * @param isClip whether it is a clip
     * @param failure at the end: why the sample cannot be read, or null
     */
    record View(FloatBuffer values, double seconds, boolean isClip, String failure) {
        boolean isEnd() {
            return values == null;
        }
    }

    /** Writes the views of a sample, one after the other. */
    interface Reader {
        /** @throws IOException if the sample cannot be read; the message has its name and the reason */
        void read(Sample sample, Room room) throws IOException, InterruptedException;
    }

    /** Takes the views that a reader makes. */
    interface Room {
        /** Waits for memory for so many values. */
        FloatBuffer take(int size) throws InterruptedException;

        /** Hands a view of {@link #take} on. */
        void put(FloatBuffer values, double seconds, boolean isClip);
    }

    /**
     * Starts the workers.
     *
     * @param readers makes one for each worker
     * @param most values of views that may wait
     */
    DecodedViews(List<Sample> samples, Supplier<Reader> readers, long most, int workerCount) {
        this.samples = samples;
        this.most = most;
        try {
            for (int i = 0; i < workerCount; i++) {
                Thread worker = new Thread(() -> work(readers.get()), "vicmae-views-" + i);
                worker.setDaemon(true);
                worker.start();
                workers.add(worker);
            }
        } catch (RuntimeException | Error e) { // the system may refuse more threads
            close();
            throw e;
        }
    }

    /**
     * The next view of the sample whose turn it is, or its end, after which it is the next one's turn. {@link #release} it.
     *
     * @throws IOException if the thread is interrupted
     * @throws IllegalStateException if a worker failed
     */
    View next() throws IOException {
        synchronized (lock) {
            long start = System.nanoTime();
            try {
                while (true) {
                    if (failure != null) {
                        throw new IllegalStateException("A data worker failed: " + failure, failure);
                    }
                    Deque<View> views = waiting.get(head);
                    if (views != null && !views.isEmpty()) {
                        return views.poll();
                    }
                    if (ended.containsKey(head)) {
                        View end = new View(null, Double.NaN, false, ended.remove(head));
                        waiting.remove(head++);
                        lock.notifyAll();
                        return end;
                    }
                    lock.wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("Interrupted while waiting for views");
            } finally {
                waited += System.nanoTime() - start;
            }
        }
    }

    /** Gives a view's memory back. */
    void release(View view) {
        synchronized (lock) {
            used -= view.values.capacity();
            free.computeIfAbsent(view.values.capacity(), size -> new ArrayDeque<>())
                    .push(view.values);
            lock.notifyAll();
        }
    }

    /** Nanoseconds that {@link #next} has waited. */
    long waitNanos() {
        return waited;
    }

    private void work(Reader reader) {
        try {
            for (int i = claim(); i < samples.size(); i = claim()) {
                int sample = i;
                String reason = null;
                try {
                    reader.read(samples.get(i), new Room() {
                        @Override
                        public FloatBuffer take(int size) throws InterruptedException {
                            return memory(sample, size);
                        }

                        @Override
                        public void put(FloatBuffer values, double seconds, boolean isClip) {
                            synchronized (lock) {
                                waiting.get(sample).add(new View(values, seconds, isClip, null));
                                lock.notifyAll();
                            }
                        }
                    });
                } catch (IOException e) {
                    reason = String.valueOf(e.getMessage());
                }
                synchronized (lock) {
                    ended.put(i, reason);
                    lock.notifyAll();
                }
            }
        } catch (InterruptedException e) {
            return; // closed
        } catch (Throwable e) {
            synchronized (lock) {
                failure = failure == null ? e : failure;
                lock.notifyAll();
            }
        }
    }

    private int claim() throws InterruptedException {
        synchronized (lock) {
            while (!closed && nextSample < samples.size() && (nextSample >= head + AHEAD || isFull(nextSample))) {
                lock.wait();
            }
            if (closed || nextSample == samples.size()) {
                return samples.size();
            }
            waiting.put(nextSample, new ArrayDeque<>());
            return nextSample++;
        }
    }

    private boolean isFull(int sample) {
        return used >= most && sample != head;
    }

    private FloatBuffer memory(int sample, int size) throws InterruptedException {
        synchronized (lock) {
            while (!closed
                    && used + size > most
                    && !(sample == head && waiting.get(sample).isEmpty())) {
                lock.wait();
            }
            if (closed) {
                throw new InterruptedException("closed");
            }
            used += size;
            Deque<FloatBuffer> some = free.get(size);
            if (some != null && !some.isEmpty()) {
                return some.pop();
            }
        }
        return DirectBuffers.floats(size);
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
