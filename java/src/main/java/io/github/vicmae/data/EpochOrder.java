package io.github.vicmae.data;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.kernel.Philox;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The order of the samples: a permutation of the data set for each epoch, a pure function of (seed, epoch). The last samples that fill no whole
 * batch are dropped; a data set smaller than a batch is repeated in another order. Where batches are of one kind, videos and
 * images are permuted apart, and the order of the batches is drawn too. The permutation is one of all samples, or goes {@linkplain ShardShuffle from
 * shard to shard}. Not thread-safe.
 */
final class EpochOrder {
    /** A sample in a batch; {@code repeat} distinguishes several uses of it in one epoch. */
    record Slot(int sample, int repeat, int[] group) {}

    /** Key of the order of the batches in {@link #orders}, and its group in the random streams. */
    private static final int BATCH_ORDER = -1;

    private static final int BATCH_GROUP = 3;

    private final int batchSize;
    private final int stepsPerEpoch;
    private final long seed;
    private final double videoFraction;
    private final boolean mixed;
    /** Null where all samples are permuted. */
    private final ShardShuffle shards;

    private final int[] all;
    private final int[] videos;
    private final int[] images;
    private final Map<Integer, int[]> orders = new HashMap<>();
    private int epoch = -1;

    /** @throws IllegalArgumentException if a share of videos or images is asked for and there are none */
    EpochOrder(Dataset data, LoaderSettings settings) {
        batchSize = settings.batchSize();
        stepsPerEpoch = settings.stepsPerEpoch(data);
        seed = settings.seed();
        videoFraction = settings.videoFraction();
        mixed = settings.mixed();
        shards = settings.shuffle() == Shuffle.SHARDS
                ? new ShardShuffle(data.samples(), settings.shuffleBuffer())
                : null;
        all = data.samples().stream().mapToInt(Sample::index).toArray();
        videos = data.samples().stream()
                .filter(Sample::isVideo)
                .mapToInt(Sample::index)
                .toArray();
        images = data.samples().stream()
                .filter(s -> !s.isVideo())
                .mapToInt(Sample::index)
                .toArray();
        if (videoFraction > 0 && videos.length == 0) {
            throw new IllegalArgumentException(
                    "A share of " + videoFraction + " videos was asked for, but the data has none.");
        }
        if (videoFraction < 1 && images.length == 0) {
            throw new IllegalArgumentException(
                    "A share of " + (1 - videoFraction) + " images was asked for, but the data has none.");
        }
    }

    int stepsPerEpoch() {
        return stepsPerEpoch;
    }

    /** The samples of one batch. */
    Slot[] batch(int newEpoch, int step) {
        if (newEpoch != epoch) {
            orders.clear();
            epoch = newEpoch;
        }
        if (!mixed && videos.length > 0 && images.length > 0) {
            return batchOfOneKind(step);
        }
        Slot[] slots = new Slot[batchSize];
        long start = (long) step * batchSize;
        if (Double.isNaN(videoFraction)) {
            fill(slots, 0, batchSize, all, 0, start);
            return slots;
        }
        // Rounding the running total keeps the share right over many steps even where a single batch cannot.
        long before = Math.round(start * videoFraction);
        int count = (int) (Math.round((start + batchSize) * videoFraction) - before);
        fill(slots, 0, count, videos, 1, before);
        fill(slots, count, batchSize, images, 2, start - before);
        return slots;
    }

    /** Videos alone or images alone; the batches of videos are spread over the epoch at random. */
    private Slot[] batchOfOneKind(int step) {
        double share = Double.isNaN(videoFraction) ? (double) videos.length / all.length : videoFraction;
        int ofVideos = (int) Math.round(stepsPerEpoch * share);
        int[] places = orders.computeIfAbsent(BATCH_ORDER, key -> {
            int[] steps = new int[stepsPerEpoch];
            Arrays.setAll(steps, i -> i);
            return order(steps, 0, BATCH_GROUP);
        });
        int place = places[step];
        Slot[] slots = new Slot[batchSize];
        if (place < ofVideos) {
            fill(slots, 0, batchSize, videos, 1, (long) place * batchSize);
        } else {
            fill(slots, 0, batchSize, images, 2, (long) (place - ofVideos) * batchSize);
        }
        return slots;
    }

    private void fill(Slot[] slots, int from, int to, int[] group, int groupNumber, long position) {
        for (int i = from; i < to; i++, position++) {
            int cycle = (int) (position / group.length);
            int[] order = orders.computeIfAbsent(cycle * 3 + groupNumber, key -> order(group, cycle, groupNumber));
            slots[i] = new Slot(order[(int) (position % group.length)], cycle, group);
        }
    }

    private int[] order(int[] group, int cycle, int groupNumber) {
        Philox random = Draw.ORDER.stream(seed, epoch, cycle, 0, groupNumber);
        if (shards != null && groupNumber != BATCH_GROUP) {
            return shards.order(group, random);
        }
        int[] order = group.clone();
        ShardShuffle.permute(order, random);
        return order;
    }
}
