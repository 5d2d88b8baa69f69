package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.model.ViewBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** Supplies one of the batches of views of every step: which samples it takes, and how they become views. */
final class Feed implements AutoCloseable {
    private final Kind kind;
    private final Dataset data;
    private final ViewSettings views;
    private final FrameSampler sampler;
    private final LoaderSettings settings;
    private final int batchesPerEpoch;
    private final List<DeviceViews> deviceViews = new ArrayList<>();
    private BatchLoader loader;

    /**
     * @param all the run's data, of which this takes what it can
     * @param index of the batch of views
     * @throws IOException if there is nothing that it can take
     * @throws IllegalArgumentException if the settings do not fit the data
     */
    Feed(TrainSettings run, Dataset all, ViewBatch batch, int index) throws IOException {
        kind = run.model().objective().kind(run.model().trunk(), index);
        data = kind == null ? all : all.only(kind);
        if (data.size() == 0) {
            throw new IOException("The " + run.model().objective().described()
                    + (kind == Kind.VIDEO
                            ? " needs videos, and there are none among the data's images"
                            : " needs images, and there are none among the data's videos"));
        }
        views = run.viewSettings(index);
        sampler = run.sampler(index);
        settings = run.loader(batch.batch());
        batchesPerEpoch = settings.stepsPerEpoch(data);
    }

    /** Whether it takes samples of a kind. */
    boolean takes(Kind other) {
        return kind == null || kind == other;
    }

    /** What it takes of the run's data. */
    Dataset data() {
        return data;
    }

    ViewSettings views() {
        return views;
    }

    /** Batches of one pass over its samples. */
    int batchesPerEpoch() {
        return batchesPerEpoch;
    }

    /** Plans views to be made on the device, for so many steps in flight; all of them share the first one's workspace. */
    void makeDeviceViews(Device device, int steps) {
        for (int i = 0; i < steps; i++) {
            deviceViews.add(
                    i == 0
                            ? new DeviceViews(device, views, settings.batchSize())
                            : new DeviceViews(device, views, settings.batchSize(), deviceViews.get(0)));
        }
    }

    /** One for each step in flight; empty where views are made on the host. */
    List<DeviceViews> deviceViews() {
        return deviceViews;
    }

    /**
     * Starts the workers.
     *
     * @param done batches that were consumed before
     */
    void open(long done, Consumer<SkippedFile> onSkip) throws IOException {
        loader = new BatchLoader(
                data,
                views,
                sampler,
                settings,
                Math.toIntExact(done / batchesPerEpoch),
                (int) (done % batchesPerEpoch),
                onSkip);
    }

    /**
     * Reads the first samples of the run's order, as finished views.
     *
     * @param count how many
     * @param use what to do with them
     */
    <T> T first(int count, Function<Batch, T> use) throws IOException {
        LoaderSettings few = new LoaderSettings(count, 1, 1, settings.seed(), settings.videoFraction(), false)
                .withMixed(settings.mixed())
                .withShuffle(settings.shuffle(), settings.shuffleBuffer())
                .withScaledDecode(settings.scaledDecode());
        try (BatchLoader some = new BatchLoader(data, views, sampler, few)) {
            Batch batch = some.next();
            try {
                return use.apply(batch);
            } finally {
                batch.release();
            }
        }
    }

    /**
     * Another loader of the same batches, as views that are made on the host, beside the run's own.
     *
     * @param done batches before the first one that is wanted
     */
    BatchLoader aside(long done) throws IOException {
        LoaderSettings onHost = new LoaderSettings(
                        settings.batchSize(), settings.workers(), 1, settings.seed(), settings.videoFraction(), false)
                .withMixed(settings.mixed())
                .withShuffle(settings.shuffle(), settings.shuffleBuffer())
                .withScaledDecode(settings.scaledDecode());
        return new BatchLoader(
                data,
                views,
                sampler,
                onHost,
                Math.toIntExact(done / batchesPerEpoch),
                (int) (done % batchesPerEpoch),
                file -> {});
    }

    Batch next() throws IOException {
        return loader.next();
    }

    long waitNanos() {
        return loader.waitNanos();
    }

    int skipped() {
        return loader.skipped();
    }

    long repeatedFrames() {
        return loader.repeatedFrames();
    }

    /** Stops the workers. */
    void stop() {
        if (loader != null) {
            loader.close();
        }
    }

    @Override
    public void close() {
        stop();
        // Those that share a workspace are closed before its owner.
        List<DeviceViews> reversed = new ArrayList<>(deviceViews);
        Collections.reverse(reversed);
        Closing.all(reversed.toArray(AutoCloseable[]::new));
    }
}
