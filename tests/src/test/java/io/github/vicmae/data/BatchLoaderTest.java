package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
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

    /** A copy of a batch's content. */
    private record Content(
            int epoch,
            int step,
            float[] views,
            int[] noiseKeys,
            int[] labels,
            int[] samples,
            boolean[] video,
            Modality modality) {
        static Content of(Batch batch) {
            float[] views = new float[batch.views().capacity()];
            batch.views().get(0, views);
            return new Content(
                    batch.epoch(),
                    batch.step(),
                    views,
                    batch.noiseKeys().array().clone(),
                    batch.labels().clone(),
                    batch.sampleIndex().clone(),
                    batch.isVideo().clone(),
                    batch.modality());
        }

        void assertSameAs(Content other) {
            assertEquals(epoch, other.epoch);
            assertEquals(step, other.step);
            assertArrayEquals(samples, other.samples);
            assertArrayEquals(labels, other.labels);
            assertArrayEquals(video, other.video);
            assertArrayEquals(noiseKeys, other.noiseKeys);
            assertArrayEquals(views, other.views);
        }
    }

    private static LoaderSettings settings(int batch, int workers, double fraction) {
        return new LoaderSettings(batch, workers, 2, 42, fraction);
    }

    private static List<Content> take(Dataset from, LoaderSettings settings, int epoch, int step, int count)
            throws IOException {
        List<Content> batches = new ArrayList<>();
        try (BatchLoader loader = new BatchLoader(from, VIEW, SAMPLER, settings, epoch, step, f -> {})) {
            for (int i = 0; i < count; i++) {
                Batch batch = loader.next();
                batches.add(Content.of(batch));
                batch.release();
            }
        }
        return batches;
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
            List<Content> one = take(data, settings(4, 1, fraction), 0, 0, 8);
            List<Content> four = take(data, settings(4, 4, fraction), 0, 0, 8);
            for (int i = 0; i < 8; i++) {
                one.get(i).assertSameAs(four.get(i));
            }
        }
    }

    @Test
    void aLoaderStartedInTheMiddleGoesOnTheSame() throws IOException {
        List<Content> whole = take(data, settings(4, 2, Double.NaN), 0, 0, 7);
        List<Content> rest = take(data, settings(4, 2, Double.NaN), 1, 2, 2);
        assertEquals(1, whole.get(5).epoch());
        assertEquals(2, whole.get(5).step());
        rest.get(0).assertSameAs(whole.get(5));
        rest.get(1).assertSameAs(whole.get(6));
    }

    @Test
    void anEpochHoldsEverySampleAtMostOnceAndTheNextIsAnotherOrder() throws IOException {
        List<Content> batches = take(data, settings(5, 2, Double.NaN), 0, 0, 6);
        List<Integer> first = new ArrayList<>();
        List<Integer> second = new ArrayList<>();
        for (Content batch : batches) {
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
            List<Content> batches = take(data, settings(5, 2, fraction), 0, 0, 6);
            int videos = 0;
            for (Content batch : batches.subList(0, 3)) {
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
            List<Content> batches = take(data, settings, 0, 0, 10);
            for (int epoch = 0; epoch < 2; epoch++) {
                int videos = 0;
                Set<Integer> seen = new HashSet<>();
                for (Content batch : batches.subList(5 * epoch, 5 * epoch + 5)) {
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
                take(data, settings(15, 1, Double.NaN), 0, 0, 1).get(0).modality());
    }

    /** A data set smaller than the batch is gone through again; the second use of a sample has views of its own. */
    @Test
    void aSmallDataSetFillsABatchByRepetition() throws IOException {
        Path folder = dir.resolve("small");
        Pictures.write(folder.resolve("a.png"), Pictures.buffered(Pictures.random(20, 20, 3, 1)), "png");
        Pictures.write(folder.resolve("b.png"), Pictures.buffered(Pictures.random(20, 20, 3, 2)), "png");
        Content batch = take(Dataset.scan(List.of(folder)), settings(4, 1, Double.NaN), 0, 0, 1)
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
    void unreadableFilesAreReplacedAndReportedOnce() throws IOException {
        Path folder = dir.resolve("mixed");
        Set<String> bad = Set.of("empty.png", "text.jpg", "empty.mp4", "text.mkv", "cut.mp4");
        for (int i = 0; i < 6; i++) {
            Pictures.write(folder.resolve("a/" + i + ".png"), Pictures.buffered(Pictures.random(9, 9, 3, i)), "png");
        }
        Path video = Pictures.countingVideo(folder.resolve("a/v.mp4"), 32, 32, 10, 20);
        byte[] whole = Files.readAllBytes(video);
        Files.write(folder.resolve("a/cut.mp4"), Arrays.copyOf(whole, whole.length / 2));
        Files.write(folder.resolve("a/empty.png"), new byte[0]);
        Files.write(folder.resolve("a/empty.mp4"), new byte[0]);
        Files.writeString(folder.resolve("a/text.jpg"), "no picture");
        Files.writeString(folder.resolve("a/text.mkv"), "no video");
        Dataset mixed = Dataset.scan(List.of(folder));
        assertEquals(12, mixed.size());
        List<Content> reference = null;
        for (int workers : new int[] {1, 4}) {
            ConcurrentLinkedQueue<SkippedFile> reports = new ConcurrentLinkedQueue<>();
            List<Content> batches = new ArrayList<>();
            try (BatchLoader loader =
                    new BatchLoader(mixed, VIEW, SAMPLER, settings(6, workers, Double.NaN), 0, 0, reports::add)) {
                for (int i = 0; i < 8; i++) {
                    Batch batch = loader.next();
                    batches.add(Content.of(batch));
                    batch.release();
                }
                assertEquals(bad.size(), loader.skipped());
            }
            assertEquals(bad.size(), reports.size());
            assertEquals(
                    bad,
                    reports.stream()
                            .map(r -> r.name().substring(r.name().lastIndexOf('/') + 1))
                            .collect(Collectors.toSet()));
            for (SkippedFile report : reports) {
                assertTrue(report.reason().contains(report.name()), report.reason());
            }
            for (Content batch : batches) {
                for (int sample : batch.samples()) {
                    assertFalse(bad.contains(mixed.samples().get(sample).shortName()));
                }
            }
            if (reference != null) {
                for (int i = 0; i < batches.size(); i++) {
                    reference.get(i).assertSameAs(batches.get(i));
                }
            }
            reference = batches;
        }
    }

    /** A clip with noise in its middle gives the same frames whatever was read before. */
    @Test
    void aDamagedClipGivesTheSameBatchesToo() throws IOException {
        Path folder = dir.resolve("damaged");
        Path clip = Pictures.countingVideo(folder.resolve("v.avi"), 48, 48, 10, 120);
        byte[] bytes = Files.readAllBytes(clip);
        byte[] noise = new byte[bytes.length / 4];
        new java.util.Random(8).nextBytes(noise);
        System.arraycopy(noise, 0, bytes, bytes.length / 3, noise.length);
        Files.write(clip, bytes);
        Pictures.write(folder.resolve("a.png"), Pictures.buffered(Pictures.gradient(9, 9)), "png");
        Dataset damaged = Dataset.scan(List.of(folder));
        List<Content> one = take(damaged, settings(4, 1, 0.5), 0, 0, 12);
        List<Content> four = take(damaged, settings(4, 4, 0.5), 0, 0, 12);
        List<Content> resumed = take(damaged, settings(4, 2, 0.5), 7, 0, 5);
        for (int i = 0; i < 12; i++) {
            one.get(i).assertSameAs(four.get(i));
            if (i >= 7) {
                one.get(i).assertSameAs(resumed.get(i - 7));
            }
        }
    }

    @Test
    void nothingReadableIsAnErrorThatNamesFiles() throws IOException {
        Path folder = dir.resolve("bad");
        Files.createDirectories(folder);
        for (int i = 0; i < 40; i++) {
            Files.writeString(folder.resolve("bad" + i + (i % 2 == 0 ? ".png" : ".mp4")), "nothing");
        }
        Dataset bad = Dataset.scan(List.of(folder));
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            try (BatchLoader loader = new BatchLoader(bad, VIEW, SAMPLER, settings(8, 3, Double.NaN))) {
                IOException e = assertThrows(IOException.class, loader::next);
                assertTrue(e.getMessage().contains("None of 40 files"), e.getMessage());
                assertTrue(e.getMessage().contains(folder.resolve("bad").toString()), e.getMessage());
                assertEquals(40, loader.skipped());
                assertThrows(IOException.class, loader::next);
            }
        });
    }

    @Test
    void aFailingListenerSurfacesInNext() throws IOException {
        Path folder = dir.resolve("onebad");
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("bad.png"), "nothing");
        Pictures.write(folder.resolve("good.png"), Pictures.buffered(Pictures.gradient(8, 8)), "png");
        Dataset half = Dataset.scan(List.of(folder));
        try (BatchLoader loader = new BatchLoader(half, VIEW, SAMPLER, settings(2, 1, Double.NaN), 0, 0, f -> {
            throw new IllegalStateException("full");
        })) {
            IllegalStateException e = assertThrows(IllegalStateException.class, loader::next);
            assertTrue(e.getMessage().contains("full"), e.getMessage());
        }
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
