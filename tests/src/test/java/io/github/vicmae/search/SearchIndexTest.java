package io.github.vicmae.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.TestSeed;
import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.EmbeddingTable;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SearchIndexTest {
    @TempDir
    Path dir;

    private record Table(EmbeddingSettings settings, List<EmbeddedFile> files, float[][] vectors)
            implements EmbeddingTable {
        @Override
        public void read(long first, int count, FloatBuffer out) {
            for (int i = 0; i < count; i++) {
                out.put(i * settings.width(), vectors[(int) first + i]);
            }
        }

        @Override
        public void close() {}
    }

    private static EmbeddingSettings settings(int dim) {
        return new EmbeddingSettings("m", "cd".repeat(32), "pooled", 1, 1, false, "fp32", 1, dim);
    }

    private static EmbeddedFile picture(int i) {
        return new EmbeddedFile("/p/" + i + ".png", 100 + i, 0, false, null, null, 1, null);
    }

    /** Vectors around centres, as features of pictures are. */
    private static float[][] clustered(Random random, int count, int dim) {
        float[][] centres = new float[Math.max(1, count / 20)][dim];
        for (float[] centre : centres) {
            for (int d = 0; d < dim; d++) {
                centre[d] = (float) random.nextGaussian();
            }
        }
        float[][] vectors = new float[count][];
        for (int i = 0; i < count; i++) {
            vectors[i] = centres[random.nextInt(centres.length)].clone();
            for (int d = 0; d < dim; d++) {
                vectors[i][d] += 0.5f * (float) random.nextGaussian();
            }
        }
        return vectors;
    }

    private static Table pictures(float[][] vectors) {
        List<EmbeddedFile> files = new ArrayList<>();
        for (int i = 0; i < vectors.length; i++) {
            files.add(picture(i));
        }
        return new Table(settings(vectors[0].length), files, vectors);
    }

    private void write(Path folder, EmbeddingTable table, int mostExact) throws IOException {
        try (IndexFolder index = IndexFolder.open(folder, mostExact)) {
            index.replace(table, List.of("/p"), done -> {});
        }
    }

    /** Also with more values than Lucene's own limit. */
    @Test
    void theGraphFindsNearlyAllThatTheExactSearchFinds() throws IOException {
        assumeTrue(IndexFolder.hasLucene(), "Lucene is not in this distribution");
        Random random = new Random(TestSeed.next());
        int count = KernelFixture.isThorough() ? 20_000 : 1200;
        for (int dim : new int[] {24, 1100}) {
            float[][] vectors = clustered(random, count, dim);
            Path exact = dir.resolve("exact" + dim);
            Path graph = dir.resolve("graph" + dim);
            write(exact, pictures(vectors), Integer.MAX_VALUE);
            write(graph, pictures(vectors), 10);
            try (SearchIndex a = SearchIndex.open(exact);
                    SearchIndex b = SearchIndex.open(graph)) {
                assertTrue(a.isExact() && !b.isExact());
                int found = 0;
                int queries = 40;
                for (int q = 0; q < queries; q++) {
                    float[] query = vectors[random.nextInt(count)].clone();
                    query[0] += 0.1f;
                    List<SearchIndex.Hit> expected = a.search(query, 10, 1, (file, seconds) -> false);
                    List<SearchIndex.Hit> near = b.search(query, 10, 1, (file, seconds) -> false);
                    assertEquals(
                            expected.get(0).file().path(), near.get(0).file().path());
                    assertEquals(expected.get(0).similarity(), near.get(0).similarity(), 1e-5);
                    Set<String> paths = new HashSet<>();
                    expected.forEach(hit -> paths.add(hit.file().path()));
                    found += (int) near.stream()
                            .filter(hit -> paths.contains(hit.file().path()))
                            .count();
                }
                assertTrue(found >= 0.95 * 10 * queries, found + " of " + 10 * queries);
            }
        }
    }

    /** By the definition. */
    @Test
    void theExactSearchOrdersByTheCosine() throws IOException {
        Random random = new Random(TestSeed.next());
        float[][] vectors = clustered(random, 200, 9);
        write(dir.resolve("i"), pictures(vectors), 1000);
        float[] query = vectors[17];
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            order.add(i);
        }
        order.sort((a, b) -> Double.compare(cosine(vectors[b], query), cosine(vectors[a], query)));
        try (SearchIndex index = SearchIndex.open(dir.resolve("i"))) {
            List<SearchIndex.Hit> hits = index.search(query, 5, 1, (file, seconds) -> false);
            for (int i = 0; i < 5; i++) {
                assertEquals(picture(order.get(i)).path(), hits.get(i).file().path());
                assertEquals(cosine(vectors[order.get(i)], query), hits.get(i).similarity(), 1e-6);
            }
            assertEquals(
                    200, index.search(query, 1000, 1, (file, seconds) -> false).size());
        }
    }

    private static double cosine(float[] a, float[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int d = 0; d < a.length; d++) {
            ab += (double) a[d] * b[d];
            aa += (double) a[d] * a[d];
            bb += (double) b[d] * b[d];
        }
        return ab / Math.sqrt(aa * bb);
    }

    @Test
    void ofMomentsNextToOneAnotherTheNearestIsShown() throws IOException {
        double[] times = new double[20];
        float[][] vectors = new float[21][2];
        for (int i = 0; i < 20; i++) {
            times[i] = i;
            double angle = Math.abs(i - 7.2) * 0.01;
            vectors[i] = new float[] {(float) Math.cos(angle), (float) Math.sin(angle)};
        }
        vectors[20] = new float[] {0, 1};
        List<EmbeddedFile> files = List.of(
                new EmbeddedFile("/p/v.mp4", 1, 0, true, null, times, 20, null),
                new EmbeddedFile("/p/broken.mp4", 1, 0, true, null, null, 0, "broken"),
                picture(1));
        write(dir.resolve("i"), new Table(settings(2), files, vectors), 100);
        try (SearchIndex index = SearchIndex.open(dir.resolve("i"))) {
            List<SearchIndex.Hit> hits = index.search(new float[] {3, 0}, 4, 3, (file, seconds) -> false);
            assertEquals(
                    List.of(7.0, 10.0, 4.0),
                    hits.stream().limit(3).map(SearchIndex.Hit::seconds).toList());
            assertEquals(picture(1).path(), hits.get(3).file().path());
            List<SearchIndex.Hit> others =
                    index.search(new float[] {3, 0}, 4, 3, (file, seconds) -> seconds >= 5 && seconds <= 9);
            assertEquals(10.0, others.get(0).seconds());
        }
    }

    @Test
    void aFolderOfOtherFilesIsLeftAlone() throws IOException {
        Path other = Files.createDirectories(dir.resolve("other"));
        Files.writeString(other.resolve("mine.txt"), "mine");
        assertThrows(IOException.class, () -> IndexFolder.open(other));
        assertThrows(IOException.class, () -> SearchIndex.open(other));
        Path file = Files.writeString(dir.resolve("file"), "mine");
        assertThrows(IOException.class, () -> IndexFolder.open(file));
        assertEquals(1, other.toFile().list().length);
    }

    @Test
    void oneProcessWritesAtATimeAndTheFormerStaysUntilTheNextIsWhole() throws IOException {
        Path folder = dir.resolve("i");
        write(folder, pictures(new float[][] {{1, 0}, {0, 1}}), 100);
        try (IndexFolder index = IndexFolder.open(folder)) {
            IOException e = assertThrows(IOException.class, () -> IndexFolder.open(folder));
            assertTrue(e.getMessage().contains("another process"), e.getMessage());
            Table broken = new Table(settings(2), List.of(picture(0), picture(1), picture(2)), new float[2][2]);
            assertThrows(RuntimeException.class, () -> index.replace(broken, List.of("/p"), done -> {}));
        }
        try (SearchIndex index = SearchIndex.open(folder)) {
            assertEquals(2, index.rows());
        }
        write(folder, pictures(new float[][] {{1, 0}, {0, 1}, {1, 1}}), 100);
        try (SearchIndex index = SearchIndex.open(folder)) {
            assertEquals(3, index.rows());
        }
        assertFalse(Files.exists(folder.resolve("generation-1")));
    }

    @Test
    void lookalikesAreGroupedAroundTheLargestFile() throws IOException {
        Random random = new Random(5);
        float[][] vectors = new float[30][16];
        for (float[] vector : vectors) {
            for (int d = 0; d < 16; d++) {
                vector[d] = 5 + (float) random.nextGaussian(); // all have much in common
            }
        }
        vectors[3] = vectors[20].clone();
        vectors[3][0] += 0.05f;
        vectors[11] = vectors[20].clone();
        vectors[11][1] += 0.05f;
        for (int most : IndexFolder.hasLucene() ? new int[] {100, 5} : new int[] {100}) { // by all, and by the graph
            write(dir.resolve("i" + most), pictures(vectors), most);
            try (SearchIndex index = SearchIndex.open(dir.resolve("i" + most))) {
                List<Duplicates.Group> groups = Duplicates.find(
                        index,
                        Map.of(index.files().get(11), List.of(index.files().get(12))),
                        0.98,
                        most,
                        done -> {});
                assertEquals(1, groups.size());
                assertEquals(picture(20).path(), groups.get(0).first().path());
                assertEquals(
                        Set.of(
                                picture(3).path(),
                                picture(11).path(),
                                picture(12).path()),
                        Set.copyOf(groups.get(0).others().stream()
                                .map(member -> member.file().path())
                                .toList()));
            }
        }
    }
}
