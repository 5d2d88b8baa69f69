package io.github.vicmae.eval;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DeviceMemoryException;
import io.github.vicmae.model.FeatureExtractor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The execution contexts of one model: extractors of the same weights, made as they are needed, up to a bound. For any number of threads. */
final class EncoderContexts implements AutoCloseable {
    private final FeatureExtractor first;
    private final ReentrantLock lock = new ReentrantLock();
    /** One context is free, or the encoder is closing. */
    private final Condition free = lock.newCondition();
    /** No context is taken, or the encoder is closed. */
    private final Condition drained = lock.newCondition();

    private final ArrayDeque<FeatureExtractor> idle = new ArrayDeque<>();
    private final List<FeatureExtractor> others = new ArrayList<>();
    /** Contexts that may be; falls to what there is when the device's memory is used up. */
    private int most;
    /** Those that there are, and those that are being made. */
    private int count = 1;

    private int taken;
    private boolean closing;
    private boolean closed;

    /** @param first owns the weights */
    EncoderContexts(FeatureExtractor first, int most) {
        this.first = first;
        this.most = most;
        idle.push(first);
    }

    /** The one that owns the weights. */
    FeatureExtractor first() {
        return first;
    }

    /** Contexts that there are. */
    int size() {
        lock.lock();
        try {
            return count;
        } finally {
            lock.unlock();
        }
    }

    /**
     * A context for the caller alone, to be {@linkplain #giveBack given back}; waits for one if all are in use.
     *
     * @throws IllegalStateException if the encoder is closed
     */
    FeatureExtractor take() {
        lock.lock();
        try {
            while (true) {
                if (closing) {
                    throw new IllegalStateException("The encoder is used after it was closed");
                }
                FeatureExtractor context = idle.poll();
                if (context != null) {
                    taken++;
                    return context;
                }
                if (count < most) {
                    count++;
                    taken++; // closing waits for what is being made
                    break;
                }
                free.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        return grow();
    }

    private FeatureExtractor grow() {
        FeatureExtractor made = null;
        try {
            made = first.another();
            return made;
        } catch (DeviceMemoryException e) {
            lock.lock();
            try {
                most = count - 1; // there is at least one, for which the caller waits
            } finally {
                lock.unlock();
            }
        } finally {
            lock.lock();
            try {
                if (made != null) {
                    others.add(made);
                } else {
                    count--;
                    released();
                }
            } finally {
                lock.unlock();
            }
        }
        return take();
    }

    void giveBack(FeatureExtractor context) {
        lock.lock();
        try {
            idle.push(context);
            released();
        } finally {
            lock.unlock();
        }
    }

    private void released() {
        taken--;
        free.signal();
        if (taken == 0) {
            drained.signalAll();
        }
    }

    /** Waits until all contexts are given back, and frees their memory. */
    @Override
    public void close() {
        lock.lock();
        try {
            boolean another = closing;
            closing = true;
            free.signalAll();
            while (taken > 0 || another && !closed) {
                drained.awaitUninterruptibly();
            }
            if (another) {
                return;
            }
        } finally {
            lock.unlock();
        }
        try {
            Closing.all(() -> Closing.all(others.toArray(AutoCloseable[]::new)), first); // the weights last
        } finally {
            lock.lock();
            try {
                closed = true;
                drained.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }
}
