package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchLoaderTest {
    private static final ViewSettings VIEW = ViewSettings.release(8, 12, 3);
    private static final FrameSampler SAMPLER = FrameSampler.distant(2);

    @TempDir
    static Path dir;

    private static Dataset data;

    @BeforeAll
    static void makeData() throws IOException {
        for (int i = 0; i < 10; i++) {
            Path path = dir.resolve("good/c" + i % 2 + "/image" + i + ".png");
            Pictures.write(path, Pictures.buffered(Pictures.random(20, 16, 3, i)), "png");
        }
        for (int i = 0; i < 5; i++) {
            Pictures.countingVideo(dir.resolve("good/c" + i % 2 + "/video" + i + ".mp4"), 32, 24, 10, 30 + 10 * i);
        }
        data = Dataset.scan(List.of(dir.resolve("good")));
    }

    private static LoaderSettings settings(int batch, int workers, double fraction) {
        return new LoaderSettings(batch, workers, 2, 42, fraction);
    }

    @Test
    void batchesHaveTheShapesAndLabelsTheyShould() throws IOException {
        try (BatchLoader loader = new BatchLoader(data, VIEW, SAMPLER, settings(4, 2, Double.NaN))) {
            assertEquals(3, loader.stepsPerEpoch());
            Batch batch = loader.next();
            assertEquals(2 * 4 * 3 * 8 * 12, batch.views().capacity());
            assertEquals(2 * 4 * Philox.KEY_WORDS, batch.noiseKeys().capacity());
            assertTrue(batch.views().isDirect());
            assertSame(ByteOrder.nativeOrder(), batch.views().order());
            for (int i = 0; i < 4; i++) {
                Sample sample = data.samples().get(batch.sampleIndex()[i]);
                assertEquals(sample.label(), batch.labels()[i]);
                assertEquals(sample.isVideo(), batch.isVideo()[i]);
            }
            for (int i = 0; i < 8; i++) {
                int[] key =
                        Arrays.copyOfRange(batch.noiseKeys().array(), i * Philox.KEY_WORDS, (i + 1) * Philox.KEY_WORDS);
                assertArrayEquals(new int[] {42, 0, batch.sampleIndex()[i % 4], 0}, Arrays.copyOf(key, 4));
                assertEquals(i / 4, key[4] & 0xFF); // the view
            }
            batch.release();
            assertEquals(0, loader.skipped());
        }
    }

    @Test
    void oneAndFourWorkersMakeTheSameBatches() throws IOException {
        for (double fraction : new double[] {Double.NaN, 0.5}) {
            List<BatchContent> one = BatchContent.take(data, VIEW, SAMPLER, settings(4, 1, fraction), 0, 0, 8);
            List<BatchContent> four = BatchContent.take(data, VIEW, SAMPLER, settings(4, 4, fraction), 0, 0, 8);
            for (int i = 0; i < 8; i++) {
                one.get(i).assertSameAs(four.get(i));
            }
        }
    }

    @Test
    void aLoaderStartedInTheMiddleGoesOnTheSame() throws IOException {
        List<BatchContent> whole = BatchContent.take(data, VIEW, SAMPLER, settings(4, 2, Double.NaN), 0, 0, 7);
        List<BatchContent> rest = BatchContent.take(data, VIEW, SAMPLER, settings(4, 2, Double.NaN), 1, 2, 2);
        assertEquals(1, whole.get(5).epoch());
        assertEquals(2, whole.get(5).step());
        rest.get(0).assertSameAs(whole.get(5));
        rest.get(1).assertSameAs(whole.get(6));
    }

    @Test
    void anEpochHoldsEverySampleAtMostOnceAndTheNextIsAnotherOrder() throws IOException {
        List<BatchContent> batches = BatchContent.take(data, VIEW, SAMPLER, settings(5, 2, Double.NaN), 0, 0, 6);
        List<Integer> first = new ArrayList<>();
        List<Integer> second = new ArrayList<>();
        for (BatchContent batch : batches) {
            for (int sample : batch.samples()) {
                (batch.epoch() == 0 ? first : second).add(sample);
            }
        }
        assertEquals(15, new HashSet<>(first).size());
        assertEquals(15, new HashSet<>(second).size());
        assertFalse(first.equals(second));
    }

    @Test
    void theShareOfVideosIsHeld() throws IOException {
        for (double fraction : new double[] {0, 0.3, 0.5, 1}) {
            List<BatchContent> batches = BatchContent.take(data, VIEW, SAMPLER, settings(5, 2, fraction), 0, 0, 6);
            int videos = 0;
            for (BatchContent batch : batches.subList(0, 3)) {
                int count = 0;
                for (boolean video : batch.video()) {
                    count += video ? 1 : 0;
                }
                assertEquals(5 * fraction, count, 1);
                videos += count;
            }
            assertEquals(15 * fraction, videos, 0.51);
        }
        Dataset images = data.only(Kind.IMAGE);
        assertThrows(IllegalArgumentException.class, () -> new BatchLoader(images, VIEW, SAMPLER, settings(2, 1, 0.5)));
    }

    @Test
    void batchesOfOneKindHoldOneKindAndKeepTheShare() throws IOException {
        for (double fraction : new double[] {Double.NaN, 0.4}) {
            LoaderSettings settings = settings(3, 2, fraction).withMixed(false);
            List<BatchContent> batches = BatchContent.take(data, VIEW, SAMPLER, settings, 0, 0, 10);
            for (int epoch = 0; epoch < 2; epoch++) {
                int videos = 0;
                Set<Integer> seen = new HashSet<>();
                for (BatchContent batch : batches.subList(5 * epoch, 5 * epoch + 5)) {
                    assertTrue(batch.modality() != Modality.MIXED);
                    for (int i = 0; i < 3; i++) {
                        assertEquals(batch.modality() == Modality.VIDEOS, batch.video()[i]);
                        seen.add(batch.samples()[i]);
                    }
                    videos += batch.modality() == Modality.VIDEOS ? 1 : 0;
                }
                assertEquals(2, videos);
                // Three batches of ten images hold nine of them; two of five videos begin these again.
                assertEquals(14, seen.size());
            }
        }
        assertEquals(
                Modality.MIXED,
                BatchContent.take(data, VIEW, SAMPLER, settings(15, 1, Double.NaN), 0, 0, 1)
                        .get(0)
                        .modality());
    }

    /** A data set smaller than the batch is gone through again; the second use of a sample has views of its own. */
    @Test
    void aSmallDataSetFillsABatchByRepetition() throws IOException {
        Path folder = dir.resolve("small");
        Pictures.write(folder.resolve("a.png"), Pictures.buffered(Pictures.random(20, 20, 3, 1)), "png");
        Pictures.write(folder.resolve("b.png"), Pictures.buffered(Pictures.random(20, 20, 3, 2)), "png");
        BatchContent batch = BatchContent.take(
                        Dataset.scan(List.of(folder)), VIEW, SAMPLER, settings(4, 1, Double.NaN), 0, 0, 1)
                .get(0);
        Set<List<Float>> views = new HashSet<>();
        Set<List<Integer>> noises = new HashSet<>();
        int size = VIEW.viewSize();
        for (int i = 0; i < 8; i++) {
            views.add(list(Arrays.copyOfRange(batch.views(), i * size, (i + 1) * size)));
            noises.add(Arrays.stream(batch.noiseKeys(), i * Philox.KEY_WORDS, (i + 1) * Philox.KEY_WORDS)
                    .boxed()
                    .toList());
        }
        assertEquals(8, views.size());
        assertEquals(8, noises.size());
        assertArrayEquals(
                new int[] {0, 0, 1, 1}, Arrays.stream(batch.samples()).sorted().toArray());
    }

    @Test
    void everyPassOverASmallDataSetHasItsOwnOrder() {
        EpochOrder order = new EpochOrder(data, settings(45, 1, Double.NaN));
        int[][] passes = new int[3][15];
        EpochOrder.Slot[] slots = order.batch(2, 0);
        for (int i = 0; i < 45; i++) {
            assertEquals(i / 15, slots[i].repeat());
            passes[i / 15][i % 15] = slots[i].sample();
        }
        assertFalse(Arrays.equals(passes[0], passes[1]));
        assertFalse(Arrays.equals(passes[1], passes[2]));
        for (int[] pass : passes) {
            assertEquals(15, Arrays.stream(pass).distinct().count());
        }
    }

    private static List<Float> list(float[] values) {
        List<Float> list = new ArrayList<>();
        for (float value : values) {
            list.add(value);
        }
        return list;
    }

    @Test
    void closingStopsTheWorkersAtAnyTime() throws Exception {
        for (int taken = 0; taken < 3; taken++) {
            BatchLoader loader = new BatchLoader(data, VIEW, SAMPLER, settings(4, 3, Double.NaN));
            for (int i = 0; i < taken; i++) {
                loader.next();
            }
            loader.close();
            loader.close();
            assertThrows(IllegalStateException.class, loader::next);
        }
        assertEquals(
                0,
                Thread.getAllStackTraces().keySet().stream()
                        .filter(t -> t.getName().startsWith("vicmae-data-") && t.isAlive())
                        .count());
    }

    @Test
    void memoryIsUsedAgainAndHoardingIsAnError() throws IOException {
        try (BatchLoader loader = new BatchLoader(data, VIEW, SAMPLER, settings(3, 2, Double.NaN))) {
            Set<Object> buffers = java.util.Collections.newSetFromMap(new java.util.IdentityHashMap<>());
            for (int i = 0; i < 20; i++) {
                Batch batch = loader.next();
                buffers.add(batch.views());
                batch.release();
                batch.release();
            }
            assertTrue(buffers.size() <= 3, "buffers: " + buffers.size());
            for (int i = 0; i < 3; i++) {
                loader.next();
            }
            assertThrows(IllegalStateException.class, loader::next);
        }
    }

    @Test
    void waitingIsCounted() throws Exception {
        Path folder = dir.resolve("slow");
        for (int i = 0; i < 2; i++) {
            Pictures.write(folder.resolve(i + ".png"), Pictures.buffered(Pictures.random(600, 600, 3, i)), "png");
        }
        try (BatchLoader loader =
                new BatchLoader(Dataset.scan(List.of(folder)), VIEW, SAMPLER, settings(2, 1, Double.NaN))) {
            assertEquals(0, loader.waitNanos());
            long start = System.nanoTime();
            loader.next().release();
            long elapsed = System.nanoTime() - start;
            long first = loader.waitNanos();
            assertTrue(first > 0 && first <= elapsed, first + " of " + elapsed);
            loader.next().release();
            assertTrue(loader.waitNanos() >= first);
        }
    }

    @Test
    void wrongSettingsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> settings(0, 1, 0.5));
        assertThrows(IllegalArgumentException.class, () -> settings(1, 0, 0.5));
        assertThrows(IllegalArgumentException.class, () -> settings(1, 1, 1.5));
        assertThrows(
                IllegalArgumentException.class,
                () -> new BatchLoader(data, VIEW, FrameSampler.distant(3), settings(2, 1, Double.NaN)));
        assertThrows(
                IllegalArgumentException.class,
                () -> new BatchLoader(data, VIEW, SAMPLER, settings(4, 1, Double.NaN), 0, 3, f -> {}));
        ViewSettings huge = ViewSettings.release(2048, 2048, 3);
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class,
                () -> new BatchLoader(data, huge, SAMPLER, settings(64, 1, Double.NaN)));
        assertTrue(e.getMessage().contains("smaller"), e.getMessage());
    }

    @Test
    void fixedDistanceZeroGivesTheSameFrameTwice() throws IOException {
        ViewSettings still = ViewSettings.paper(8, 8, 3).with(false, false);
        LoaderSettings videos = settings(5, 2, 1);
        try (BatchLoader same = new BatchLoader(data, still, FrameSampler.fixed(2, 0), videos);
                BatchLoader apart = new BatchLoader(data, still, FrameSampler.fixed(2, 4), videos)) {
            assertEquals(0, differences(same.next()));
            assertEquals(5, differences(apart.next()));
        }
    }

    /** Frames that should differ and do not are counted; a still picture, or a distance of 0, has none. */
    @Test
    void repeatedFramesAreCounted() throws IOException {
        Path folder = dir.resolve("short");
        Pictures.countingVideo(folder.resolve("one.mp4"), 32, 24, 10, 1);
        Pictures.write(folder.resolve("still.png"), Pictures.buffered(Pictures.random(20, 20, 3, 1)), "png");
        Dataset shortOnes = Dataset.scan(List.of(folder));
        for (FrameSampler sampler : List.of(SAMPLER, FrameSampler.fixed(2, 4))) {
            assertTrue(repeatedInOneBatch(shortOnes, sampler, Double.NaN) >= 1, sampler.toString());
        }
        assertEquals(0, repeatedInOneBatch(shortOnes, FrameSampler.fixed(2, 0), Double.NaN));
        assertEquals(0, repeatedInOneBatch(data, FrameSampler.fixed(2, 4), 1));
    }

    /** Batches ahead may be counted too. */
    private static long repeatedInOneBatch(Dataset from, FrameSampler sampler, double fraction) throws IOException {
        try (BatchLoader loader = new BatchLoader(from, VIEW, sampler, settings(2, 1, fraction))) {
            loader.next();
            return loader.repeatedFrames();
        }
    }

    /** Samples whose two views differ. */
    private static int differences(Batch batch) {
        int size = 3 * 8 * 8;
        int count = 0;
        for (int i = 0; i < batch.size(); i++) {
            float first = batch.views().get(i * size);
            float second = batch.views().get((batch.size() + i) * size);
            count += first == second ? 0 : 1;
        }
        return count;
    }
}
