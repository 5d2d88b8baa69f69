package io.github.vicmae.data;

import io.github.vicmae.data.source.Sample;
import io.github.vicmae.kernel.Philox;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Orders that read few shards at a time, as WebDataset shuffles: the shards in random order are one stream of samples; a buffer takes them as they
 * come, and gives one drawn at random for each that it takes. A sample is never given before the stream has brought it, and stays in the buffer for as
 * many others as it holds on average, more than {@code k} times as many with a probability of {@code exp(-k)}.
 *
 * <p>Only indices move, so that a whole order is computed at once and there is no state to be saved. Immutable.
 */
final class ShardShuffle {
    /** The shard of each sample, numbered as they first appear: where the data lie does not count. */
    private final int[] shardOf;

    private final int shards;
    private final int buffer;

    /** @param buffer samples that the buffer holds */
    ShardShuffle(List<Sample> samples, int buffer) {
        this.buffer = buffer;
        Map<Path, Integer> numbers = new HashMap<>();
        shardOf = new int[samples.size()];
        for (int i = 0; i < shardOf.length; i++) {
            shardOf[i] = numbers.computeIfAbsent(samples.get(i).content().shard(), path -> numbers.size());
        }
        shards = numbers.size();
    }

    /**
     * Draws an order.
     *
     * @param group the samples, each once, in the order in which they are stored
     */
    int[] order(int[] group, Philox random) {
        int[] order = stream(group, random);
        // The buffer is the front of what has not been given yet: what is drawn changes places with its first sample,
        // which stays in it.
        for (int given = 0; given < order.length - 1; given++) {
            int held = Math.min(buffer, order.length - given);
            swap(order, given, given + random.nextInt(held));
        }
        return order;
    }

    /** The samples shard by shard, the shards in random order. */
    private int[] stream(int[] group, Philox random) {
        int[] sequence = new int[shards];
        for (int i = 0; i < shards; i++) {
            sequence[i] = i;
        }
        permute(sequence, random);
        int[] count = new int[shards];
        for (int sample : group) {
            count[shardOf[sample]]++;
        }
        int[] next = new int[shards];
        int start = 0;
        for (int shard : sequence) {
            next[shard] = start;
            start += count[shard];
        }
        int[] stream = new int[group.length];
        for (int sample : group) {
            stream[next[shardOf[sample]]++] = sample;
        }
        return stream;
    }

    /** Fisher-Yates shuffle, in place. */
    static void permute(int[] values, Philox random) {
        for (int i = values.length - 1; i > 0; i--) {
            swap(values, i, random.nextInt(i + 1));
        }
    }

    private static void swap(int[] values, int i, int j) {
        int swapped = values[i];
        values[i] = values[j];
        values[j] = swapped;
    }
}
