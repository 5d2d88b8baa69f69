package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that cannot be read, damaged ones, and a listener that fails. */
class LoaderFailuresTest {
    private static final ViewSettings VIEW = ViewSettings.release(8, 12, 3);
    private static final FrameSampler SAMPLER = FrameSampler.distant(2);

    @TempDir
    Path dir;

    private static LoaderSettings settings(int batch, int workers, double fraction) {
        return new LoaderSettings(batch, workers, 2, 42, fraction);
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
        List<BatchContent> reference = null;
        for (int workers : new int[] {1, 4}) {
            ConcurrentLinkedQueue<SkippedFile> reports = new ConcurrentLinkedQueue<>();
            List<BatchContent> batches = new ArrayList<>();
            try (BatchLoader loader =
                    new BatchLoader(mixed, VIEW, SAMPLER, settings(6, workers, Double.NaN), 0, 0, reports::add)) {
                for (int i = 0; i < 8; i++) {
                    Batch batch = loader.next();
                    batches.add(BatchContent.of(batch));
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
            for (BatchContent batch : batches) {
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
        List<BatchContent> one = BatchContent.take(damaged, VIEW, SAMPLER, settings(4, 1, 0.5), 0, 0, 12);
        List<BatchContent> four = BatchContent.take(damaged, VIEW, SAMPLER, settings(4, 4, 0.5), 0, 0, 12);
        List<BatchContent> resumed = BatchContent.take(damaged, VIEW, SAMPLER, settings(4, 2, 0.5), 7, 0, 5);
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
}
