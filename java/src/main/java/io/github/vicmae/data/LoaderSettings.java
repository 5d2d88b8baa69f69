package io.github.vicmae.data;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.view.DeviceViews;

/**
 * How batches are made.
 *
 * @param batchSize samples per batch
 * @param workers decoding threads
 * @param prefetch batches prepared ahead of the step
 * @param seed of all random numbers
 * @param videoFraction share of the samples that are videos, in [0, 1], held in every batch where batches are mixed and over the batches
 *     otherwise; NaN keeps the proportions of the data set
 * @param mixed whether one batch may hold videos and images; if not, each batch is of one kind
 * @param deviceViews whether batches hold crops and draws for {@link DeviceViews} in place of finished views
 * @param shuffle how the order of an epoch is drawn
 * @param shuffleBuffer samples that the shuffle buffer holds where shards are shuffled
 * @param scaledDecode whether large JPEGs are decoded at a fraction of their size where their views shrink them further anyway
 */
public record LoaderSettings(
        int batchSize,
        int workers,
        int prefetch,
        long seed,
        double videoFraction,
        boolean mixed,
        boolean deviceViews,
        Shuffle shuffle,
        int shuffleBuffer,
        boolean scaledDecode) {
    /** Samples of a shuffle buffer: ten shards of WebDataset's usual size. */
    public static final int SHUFFLE_BUFFER = 10_000;

    public LoaderSettings {
        if (batchSize < 1 || workers < 1 || prefetch < 1) {
            throw new IllegalArgumentException("Batch size, workers and prefetched batches must be positive, not "
                    + batchSize + ", " + workers + " and " + prefetch + ".");
        }
        if (videoFraction < 0 || videoFraction > 1) {
            throw new IllegalArgumentException("The share of videos must be 0 to 1, not " + videoFraction + ".");
        }
        if (shuffleBuffer < 1) {
            throw new IllegalArgumentException(
                    "The shuffle buffer must hold a sample at least, not " + shuffleBuffer + ".");
        }
    }

    /** Mixed batches, all samples shuffled. */
    public LoaderSettings(
            int batchSize, int workers, int prefetch, long seed, double videoFraction, boolean deviceViews) {
        this(
                batchSize,
                workers,
                prefetch,
                seed,
                videoFraction,
                true,
                deviceViews,
                Shuffle.SAMPLES,
                SHUFFLE_BUFFER,
                true);
    }

    /** Mixed batches of finished views. */
    public LoaderSettings(int batchSize, int workers, int prefetch, long seed, double videoFraction) {
        this(batchSize, workers, prefetch, seed, videoFraction, false);
    }

    /** The same with videos and images in one batch, or each batch of one kind. */
    public LoaderSettings withMixed(boolean on) {
        return new LoaderSettings(
                batchSize,
                workers,
                prefetch,
                seed,
                videoFraction,
                on,
                deviceViews,
                shuffle,
                shuffleBuffer,
                scaledDecode);
    }

    /** The same with views made on a device, or on the host. */
    public LoaderSettings withDeviceViews(boolean on) {
        return new LoaderSettings(
                batchSize, workers, prefetch, seed, videoFraction, mixed, on, shuffle, shuffleBuffer, scaledDecode);
    }

    /** The same with epochs in another order. */
    public LoaderSettings withShuffle(Shuffle newShuffle, int newBuffer) {
        return new LoaderSettings(
                batchSize,
                workers,
                prefetch,
                seed,
                videoFraction,
                mixed,
                deviceViews,
                newShuffle,
                newBuffer,
                scaledDecode);
    }

    /** The same with large JPEGs decoded at a fraction of their size, or always whole. */
    public LoaderSettings withScaledDecode(boolean on) {
        return new LoaderSettings(
                batchSize, workers, prefetch, seed, videoFraction, mixed, deviceViews, shuffle, shuffleBuffer, on);
    }

    /** Batches of one epoch: whole ones only, but at least one. */
    public int stepsPerEpoch(Dataset data) {
        return Math.max(1, data.size() / batchSize);
    }

    /** Videos and images in the proportions of the data set, two batches ahead. */
    public static LoaderSettings of(int batchSize, int workers, long seed) {
        return new LoaderSettings(batchSize, workers, 2, seed, Double.NaN);
    }
}
