package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.SampleSource.Found;
import io.github.vicmae.data.source.SampleSource.Scan;
import io.github.vicmae.data.source.ScanReport;
import io.github.vicmae.train.TrainSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Orders of an epoch that go from shard to shard. */
class ShardShuffleTest {
    private static final int SHARDS = 200;
    private static final int PER_SHARD = 100;
    private static final int SAMPLES = SHARDS * PER_SHARD;
    private static final int BUFFER = 1000;
    private static final int WINDOW = 1000;

    /** Samples in folders, of which every fifth is a video where there are to be some. */
    private static Dataset data(int shards, int perShard, boolean videos) throws IOException {
        List<Found> found = new ArrayList<>();
        for (int i = 0; i < shards * perShard; i++) {
            Path file = Path.of("shard" + i / perShard, i + (videos && i % 5 == 0 ? ".mp4" : ".jpg"));
            found.add(new Found(file.toString(), Content.of(file), Kind.of(file), null));
        }
        return Dataset.of(List.of(() -> new Scan(found, false, new ScanReport())));
    }

    private static LoaderSettings settings(int batch, double videoShare, int buffer) {
        return new LoaderSettings(batch, 1, 1, 7, videoShare).withShuffle(Shuffle.SHARDS, buffer);
    }

    private static int[] epoch(EpochOrder order, int epoch) {
        return IntStream.range(0, order.stepsPerEpoch())
                .flatMap(step -> Arrays.stream(samples(order, epoch, step)))
                .toArray();
    }

    private static int[] samples(EpochOrder order, int epoch, int step) {
        return Arrays.stream(order.batch(epoch, step))
                .mapToInt(EpochOrder.Slot::sample)
                .toArray();
    }

    @Test
    void everySampleOnceInAnEpochAndAnotherOrderInTheNext() throws IOException {
        EpochOrder order = new EpochOrder(data(SHARDS, PER_SHARD, false), settings(10, Double.NaN, BUFFER));
        int[] first = epoch(order, 0);
        int[] second = epoch(order, 1);
        assertArrayEquals(
                IntStream.range(0, SAMPLES).toArray(),
                Arrays.stream(first).sorted().toArray());
        assertArrayEquals(
                IntStream.range(0, SAMPLES).toArray(),
                Arrays.stream(second).sorted().toArray());
        assertFalse(Arrays.equals(first, second));
    }

    /** Whatever was asked for before, in every way to fill batches. */
    @Test
    void aBatchIsAFunctionOfSeedEpochAndStep() throws IOException {
        Dataset data = data(20, 30, true);
        for (double share : new double[] {Double.NaN, 0.5}) {
            for (boolean mixed : new boolean[] {true, false}) {
                LoaderSettings settings = settings(12, share, 50).withMixed(mixed);
                EpochOrder through = new EpochOrder(data, settings);
                for (int epoch = 0; epoch < 2; epoch++) {
                    for (int step = 0; step < through.stepsPerEpoch(); step++) {
                        assertArrayEquals(
                                samples(new EpochOrder(data, settings), epoch, step), samples(through, epoch, step));
                    }
                }
                boolean all = Double.isNaN(share) && mixed;
                long different = Arrays.stream(epoch(through, 0)).distinct().count();
                assertTrue(!all || different == data.size(), "samples: " + different);
            }
        }
    }

    /** What the buffer implies: a sample comes at most {@code BUFFER} places early, and rarely more than five times as many late. */
    @Test
    void aSampleStaysNearItsPlaceInTheStream() throws IOException {
        Dataset data = data(SHARDS, PER_SHARD, false);
        int[] order = epoch(new EpochOrder(data, settings(10, Double.NaN, BUFFER)), 0);
        int[] stream = epoch(new EpochOrder(data, settings(10, Double.NaN, 1)), 0);
        int[] place = new int[SAMPLES];
        for (int i = 0; i < SAMPLES; i++) {
            place[stream[i]] = i;
        }
        int late = 0;
        for (int i = 0; i < SAMPLES; i++) {
            assertTrue(place[order[i]] < i + BUFFER, "a sample that the buffer did not hold yet");
            late += i - place[order[i]] > 4 * BUFFER ? 1 : 0;
        }
        assertEquals(Math.exp(-5), (double) late / SAMPLES, 0.005);
        for (int start = 0; start + PER_SHARD <= SAMPLES; start += PER_SHARD) {
            assertEquals(1, shards(stream, start, PER_SHARD), "without a buffer, one shard after the other");
        }
    }

    /** A thousand samples in a row come from the window's own shards and those that the buffer holds, not from all. */
    @Test
    void fewShardsAreReadAtATime() throws IOException {
        Dataset data = data(SHARDS, PER_SHARD, false);
        int[] near = epoch(new EpochOrder(data, settings(10, Double.NaN, BUFFER)), 0);
        int[] anywhere = epoch(new EpochOrder(data, new LoaderSettings(10, 1, 1, 7, Double.NaN)), 0);
        int implied = (WINDOW + 8 * BUFFER) / PER_SHARD;
        for (int start = 0; start + WINDOW <= SAMPLES; start += WINDOW) {
            int found = shards(near, start, WINDOW);
            assertTrue(found <= implied, found + " shards");
            assertTrue(shards(anywhere, start, WINDOW) > 0.97 * SHARDS);
        }
    }

    private static int shards(int[] order, int start, int count) {
        return (int) Arrays.stream(order, start, start + count)
                .map(sample -> sample / PER_SHARD)
                .distinct()
                .count();
    }

    /** With a buffer for all, every sample comes to every place as often as to any other. */
    @Test
    void aBufferAsLargeAsTheDataShufflesAll() throws IOException {
        int samples = 12;
        int epochs = 6000;
        EpochOrder order = new EpochOrder(data(3, 4, false), settings(samples, Double.NaN, 100));
        int[][] counts = new int[samples][samples];
        int together = 0;
        for (int epoch = 0; epoch < epochs; epoch++) {
            int[] one = epoch(order, epoch);
            for (int i = 0; i < samples; i++) {
                counts[i][one[i]]++;
                together += i > 0 && one[i] / 4 == one[i - 1] / 4 ? 1 : 0;
            }
        }
        double expected = (double) epochs / samples;
        double chiSquare = 0;
        for (int[] row : counts) {
            chiSquare += Arrays.stream(row)
                    .mapToDouble(count -> (count - expected) * (count - expected) / expected)
                    .sum();
        }
        int degrees = (samples - 1) * (samples - 1);
        assertEquals(degrees, chiSquare, 4 * Math.sqrt(2.0 * degrees));
        // Of a sample's 11 companions 3 are of its own shard.
        assertEquals(3.0 / 11, (double) together / epochs / (samples - 1), 0.01);
    }

    @Test
    void aBufferWithoutShardsIsRefused() {
        TrainSettings.Loading plain = TrainSettings.Loading.of(1);
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> new TrainSettings.Loading(1, 2, false, Shuffle.SAMPLES, plain.shuffleBuffer() + 1, true));
        assertEquals("--shuffle-buffer does not apply to --shuffle samples, which has no buffer", e.getMessage());
    }
}
