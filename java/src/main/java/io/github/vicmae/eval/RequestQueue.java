package io.github.vicmae.eval;

import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The requests of a batching front that are accepted and not yet computed, and its figures. For any number of threads. */
final class RequestQueue {
    /** A request, its result, and the memory of its view. */
    static final class Request extends CompletableFuture<float[]> {
        /** Null when the request is done: futures may be kept for long. */
        private FloatBuffer view;

        private long since;

        Request(FloatBuffer view) {
            this.view = view;
        }

        FloatBuffer view() {
            return view;
        }
    }

    private final BatchingOptions options;
    private final int viewSize;
    private final ReentrantLock lock = new ReentrantLock();
    /** There is room, or the front is closed. */
    private final Condition room = lock.newCondition();
    /** A request has come in, or the front is closed. */
    private final Condition arrived = lock.newCondition();
    /** The batch that comes together is complete, or the front is closed. */
    private final Condition complete = lock.newCondition();

    private final ArrayDeque<Request> waiting = new ArrayDeque<>();
    private final ArrayDeque<FloatBuffer> free = new ArrayDeque<>();
    /** Requests whose view is being made, that wait, or that are being computed. */
    private int open;
    /** Whether a worker waits for a batch to come together: no other one takes a part of it. */
    private boolean collecting;

    private boolean closed;
    private long requests;
    private long rejected;
    private long completed;
    private long cancelled;
    private long failed;
    private long batches;
    private int longest;

    RequestQueue(BatchingOptions options, int viewSize) {
        this.options = options;
        this.viewSize = viewSize;
    }

    /**
     * Room for a request, which is to be {@linkplain #add added} or {@linkplain #drop dropped}.
     *
     * @throws RejectedExecutionException if there is none, and requests do not wait for it or the thread is interrupted
     * @throws IllegalStateException if the front is closed
     */
    Request reserve() {
        lock.lock();
        try {
            while (true) {
                refuseIfClosed();
                if (open < options.queue()) {
                    open++;
                    break;
                }
                if (options.whenFull() == BatchingOptions.WhenFull.REJECT) {
                    rejected++;
                    throw new RejectedExecutionException(
                            options.queue() + " images are waiting, as many as may; try again later");
                }
                room.await();
            }
            FloatBuffer view = free.poll();
            if (view != null) {
                return new Request(view);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            rejected++;
            throw new RejectedExecutionException("Interrupted while waiting for room in the queue", e);
        } finally {
            lock.unlock();
        }
        try {
            return new Request(DirectBuffers.floats(viewSize));
        } catch (OutOfMemoryError e) {
            lock.lock();
            try {
                open--;
                rejected++;
                room.signal();
            } finally {
                lock.unlock();
            }
            throw new RejectedExecutionException(
                    "There is not enough memory for another request's view; make the queue shorter, or raise -XX:MaxDirectMemorySize",
                    e);
        }
    }

    private void refuseIfClosed() {
        if (closed) {
            rejected++;
            throw new IllegalStateException("An image was submitted to a batching encoder that is closed");
        }
    }

    /** Gives back the room of a request whose image cannot be read. */
    void drop(Request request) {
        lock.lock();
        try {
            requests++;
            failed++;
            giveBack(request);
        } finally {
            lock.unlock();
        }
    }

    /** Accepts a request whose view is there; after {@link #close} it fails. */
    void add(Request request) {
        IllegalStateException refusal;
        lock.lock();
        try {
            refuseIfClosed();
            requests++;
            request.since = System.nanoTime();
            waiting.add(request);
            longest = Math.max(longest, waiting.size());
            if (!collecting) {
                arrived.signal();
            } else if (waiting.size() >= options.most()) {
                complete.signal();
            }
            return;
        } catch (IllegalStateException e) {
            giveBack(request);
            refusal = e;
        } finally {
            lock.unlock();
        }
        request.completeExceptionally(refusal); // not under the lock: continuations are foreign code
    }

    /**
     * Waits for a batch.
     *
     * @param batch is cleared and given the requests, at least one
     * @return false if the front is closed and all requests are taken
     */
    boolean take(List<Request> batch) {
        batch.clear();
        lock.lock();
        try {
            while (batch.isEmpty()) {
                while (!closed && (waiting.isEmpty() || collecting)) {
                    arrived.awaitUninterruptibly();
                }
                if (waiting.isEmpty()) {
                    return false;
                }
                collect();
                while (batch.size() < options.most() && !waiting.isEmpty()) {
                    Request request = waiting.poll();
                    if (request.isDone()) {
                        cancelled++;
                        giveBack(request);
                    } else {
                        batch.add(request);
                    }
                }
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Lets others join the first request until its time is up. */
    private void collect() {
        collecting = true;
        try {
            while (!closed && !waiting.isEmpty() && waiting.size() < options.most()) {
                long left = options.delay().toNanos() - (System.nanoTime() - waiting.peek().since);
                if (left <= 0) {
                    break;
                }
                complete.await(left, TimeUnit.NANOSECONDS);
            }
        } catch (InterruptedException e) {
            // Nobody but the front knows its workers; whoever interrupts one gets a smaller batch.
        } finally {
            collecting = false;
            arrived.signal(); // another worker may collect what is left, or what comes next
        }
    }

    void done(List<Request> batch, float[][] features) {
        finish(batch, null);
        for (int i = 0; i < features.length; i++) {
            batch.get(i).complete(features[i]);
        }
    }

    void fail(List<Request> batch, Throwable failure) {
        finish(batch, failure);
        for (Request request : batch) {
            request.completeExceptionally(failure);
        }
    }

    private void finish(List<Request> batch, Throwable failure) {
        lock.lock();
        try {
            if (failure == null) {
                batches++;
                completed += batch.size();
            } else {
                failed += batch.size();
            }
            batch.forEach(this::giveBack);
        } finally {
            lock.unlock();
        }
    }

    private void giveBack(Request request) {
        free.push(request.view);
        request.view = null;
        open--;
        room.signal();
    }

    void close() {
        lock.lock();
        try {
            closed = true;
            room.signalAll();
            arrived.signalAll();
            complete.signal();
        } finally {
            lock.unlock();
        }
    }

    BatchingEncoder.Counts counts() {
        lock.lock();
        try {
            return new BatchingEncoder.Counts(
                    requests, completed, batches, cancelled, failed, rejected, waiting.size(), longest);
        } finally {
            lock.unlock();
        }
    }
}
