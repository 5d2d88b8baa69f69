package io.github.vicmae.data;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Prepares batches in worker threads ahead of the training step, epoch after epoch, without end.
 *
 * <p>What a batch holds is a pure function of the seed, the epoch, the sample and the view: it does not depend on the number of workers, nor
 * on where the loader was started. A file that cannot be read is reported once, counted and replaced by another sample drawn from
 * (seed, epoch, slot, attempt). The memory of released batches is reused.
 *
 * <p>{@link #next} must be called from one thread; everything else may be called from any.
 */
public final class BatchLoader implements AutoCloseable {
    /** Number of random replacements for an unreadable sample; after them, all samples are tried in order. */
    private static final int RANDOM_ATTEMPTS = 32;

    private static final int NAMED_IN_ERROR = 5;
    private static final long CLOSE_MILLIS = 10_000;

    private final Dataset data;
    private final ViewSettings view;
    private final FrameSampler sampler;
    private final LoaderSettings settings;
    private final Consumer<SkippedFile> onSkip;
    private final EpochOrder order;
    private final List<Thread> workers = new ArrayList<>();

    private final Object lock = new Object();
    private final ArrayDeque<Batch> free = new ArrayDeque<>();
    /** Batches in preparation or ready, in order; workers take their samples from the last one. */
    private final ArrayDeque<Batch> pending = new ArrayDeque<>();

    private final Map<String, String> skipped = new LinkedHashMap<>();
    private int epoch;
    private int step;
    private boolean closed;
    private Throwable failure;
    private long waited;
    private long repeated;

    /** A loader that starts at the first step of epoch 0 and does not report skipped files. */
    public BatchLoader(Dataset data, ViewSettings view, FrameSampler sampler, LoaderSettings settings)
            throws IOException {
        this(data, view, sampler, settings, 0, 0, file -> {});
    }

    /**
     * Starts the workers.
     *
     * @param sampler must draw as many views, of as many frames, as {@code view} has
     * @param startEpoch epoch of the first batch
     * @param startStep its step within the epoch
     * @param onSkip called once for every unreadable file, from a worker thread, one call at a time
     * @throws IllegalArgumentException if the settings do not fit each other or the data
     * @throws IOException if there is not enough memory for the batches
     */
    public BatchLoader(
            Dataset data,
            ViewSettings view,
            FrameSampler sampler,
            LoaderSettings settings,
            int startEpoch,
            int startStep,
            Consumer<SkippedFile> onSkip)
            throws IOException {
        this.data = data;
        this.view = view;
        this.sampler = sampler;
        this.settings = settings;
        this.onSkip = onSkip;
        order = new EpochOrder(data, settings);
        if (sampler.allViews() != view.views() || sampler.frames() != view.frames()) {
            throw new IllegalArgumentException(
                    "A sample has " + view.views() + " views of " + view.frames() + " frames, but " + sampler.allViews()
                            + " times " + sampler.frames() + " would be drawn from a video.");
        }
        if (startEpoch < 0 || startStep < 0 || startStep >= order.stepsPerEpoch()) {
            throw new IllegalArgumentException("Cannot start at epoch " + startEpoch + ", step " + startStep
                    + ": epochs count from 0 and have " + order.stepsPerEpoch() + " steps.");
        }
        epoch = startEpoch;
        step = startStep;
        allocate();
        try {
            for (int i = 0; i < settings.workers(); i++) {
                Thread worker = new Thread(this::work, "vicmae-data-" + i);
                worker.setDaemon(true);
                worker.start();
                workers.add(worker);
            }
        } catch (RuntimeException | Error e) { // the system may refuse more threads
            close();
            throw e;
        }
    }

    private void allocate() throws IOException {
        int count = settings.prefetch() + 1;
        try {
            for (int i = 0; i < count; i++) {
                free.add(new Batch(this, settings, view));
            }
        } catch (OutOfMemoryError e) {
            throw new IOException(
                    "There is not enough memory for " + count + " batches of " + settings.batchSize()
                            + " samples ("
                            + 4L * count * settings.batchSize() * view.views() * view.viewSize()
                            + " bytes); make the batch or the number of prefetched batches smaller, or raise -XX:MaxDirectMemorySize.",
                    e);
        }
    }

    /** Steps of one epoch: whole batches only, but at least one. */
    public int stepsPerEpoch() {
        return order.stepsPerEpoch();
    }

    /** Number of files skipped so far because they could not be read. */
    public int skipped() {
        synchronized (lock) {
            return skipped.size();
        }
    }

    /**
     * How often so far two frames drawn from a video should have differed but were the same frame: the video has too few frames, or its
     * header gives a wrong length.
     */
    public long repeatedFrames() {
        synchronized (lock) {
            return repeated;
        }
    }

    /** Nanoseconds that {@link #next} has spent waiting for a batch to become ready. */
    public long waitNanos() {
        synchronized (lock) {
            return waited;
        }
    }

    /**
     * The next batch, waiting until it is ready. Release it when the step is done.
     *
     * @throws IOException if no sample can be read (the first few paths and reasons are named), or the thread is interrupted
     * @throws IllegalStateException if the loader is closed, a worker failed, or the caller holds every batch unreleased
     */
    public Batch next() throws IOException {
        synchronized (lock) {
            long start = System.nanoTime();
            try {
                while (!isReady()) {
                    lock.wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("Interrupted while waiting for a batch.");
            } finally {
                waited += System.nanoTime() - start;
            }
            Batch batch = pending.removeFirst();
            batch.lent = true;
            return batch;
        }
    }

    private boolean isReady() throws IOException {
        if (closed) {
            throw new IllegalStateException("The batch loader is closed.");
        }
        Batch head = pending.peekFirst();
        if (head != null && head.filled == head.size()) {
            return true;
        }
        if (failure instanceof IOException) {
            throw new IOException(failure.getMessage(), failure);
        }
        if (failure != null) {
            throw new IllegalStateException("A data worker failed: " + failure, failure);
        }
        if (head == null && free.isEmpty()) {
            throw new IllegalStateException("All " + (settings.prefetch() + 1)
                    + " batches are with the caller; release one before asking for the next.");
        }
        return false;
    }

    void release(Batch batch) {
        synchronized (lock) {
            if (batch.lent) {
                batch.lent = false;
                free.add(batch);
                lock.notifyAll();
            }
        }
    }

    /** One sample of one batch that is to be prepared. */
    private record Task(Batch batch, int slot) {}

    private void work() {
        try (SampleDecoder decoder = new SampleDecoder(data, view, sampler, settings)) {
            for (Task task = take(); task != null; task = take()) {
                fill(task.batch(), task.slot(), decoder);
                synchronized (lock) {
                    if (++task.batch().filled == task.batch().size()) {
                        lock.notifyAll();
                    }
                }
            }
        } catch (Throwable e) {
            synchronized (lock) {
                if (!closed && failure == null) {
                    failure = e;
                }
                lock.notifyAll();
            }
        }
    }

    /** The next sample to prepare, or null when the loader is closed or has failed. */
    private Task take() throws InterruptedException {
        synchronized (lock) {
            while (!closed && failure == null) {
                Batch last = pending.peekLast();
                if (last != null && last.taken < last.size()) {
                    return new Task(last, last.taken++);
                }
                if (free.isEmpty()) {
                    lock.wait();
                } else {
                    begin(free.removeFirst());
                }
            }
            return null;
        }
    }

    private void begin(Batch batch) {
        batch.begin(epoch, step, order.batch(epoch, step));
        pending.addLast(batch);
        lock.notifyAll();
        if (++step == order.stepsPerEpoch()) {
            step = 0;
            epoch++;
        }
    }

    /** Decodes the planned sample, or a replacement if it cannot be read. */
    private void fill(Batch batch, int slot, SampleDecoder decoder) throws IOException {
        EpochOrder.Slot planned = batch.slots[slot];
        Sample sample = data.samples().get(planned.sample());
        if (decode(sample, planned.repeat(), batch, slot, decoder)) {
            return;
        }
        int[] group = planned.group();
        int position = batch.step * batch.size() + slot;
        Philox random = Draw.REPLACEMENT.stream(settings.seed(), batch.epoch, position, 0, 0);
        // The views must differ from those that the same sample gets at its own place in the epoch.
        int repeat = Draw.REPLACED | position & Draw.REPLACED - 1;
        int at = 0;
        for (int attempt = 0; attempt < RANDOM_ATTEMPTS + group.length; attempt++) {
            at = attempt <= RANDOM_ATTEMPTS ? random.nextInt(group.length) : (at + 1) % group.length;
            if (decode(data.samples().get(group[at]), repeat, batch, slot, decoder)) {
                return;
            }
        }
        throw nothingReadable(group.length);
    }

    private boolean decode(Sample sample, int repeat, Batch batch, int slot, SampleDecoder decoder) throws IOException {
        synchronized (lock) {
            if (closed) {
                throw new InterruptedIOException("closed");
            }
            if (skipped.containsKey(sample.name())) {
                return false;
            }
        }
        try {
            boolean sameFrame = decoder.decode(sample, repeat, batch, slot);
            synchronized (lock) {
                repeated += sameFrame ? 1 : 0;
            }
            return true;
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException e) {
            skip(sample.name(), e.getMessage());
            return false;
        }
    }

    private void skip(String name, String reason) {
        synchronized (lock) {
            // Closing interrupts the workers, so that readable files fail too.
            if (!closed && skipped.putIfAbsent(name, reason) == null) {
                onSkip.accept(new SkippedFile(name, reason));
            }
        }
    }

    private IOException nothingReadable(int tried) {
        StringBuilder text = new StringBuilder("None of " + tried + " files could be read. The first:");
        synchronized (lock) {
            skipped.values().stream().limit(NAMED_IN_ERROR).forEach(reason -> text.append("\n  ")
                    .append(reason));
        }
        return new IOException(text.toString());
    }

    /** Stops the workers and waits until their files are closed. Batches that were handed out stay valid. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
        workers.forEach(Thread::interrupt);
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
