package io.github.vicmae.search;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.EmbeddingTable;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How much of the truth the graph finds, how fast, and how large it is: the table in docs/search.md. The property {@code vicmae.test.rows} takes sizes. */
class HnswRecallTest {
    private static final int QUERIES = 200;
    private static final int K = 10;

    @TempDir
    Path dir;

    /** Vectors around centres, made anew from their number, so that no table holds them twice. */
    private record Clusters(int count, int dim, float[][] centres) {
        static Clusters of(int count, int dim) {
            Random random = new Random(dim);
            float[][] centres = new float[count / 100][dim];
            for (float[] centre : centres) {
                for (int d = 0; d < dim; d++) {
                    centre[d] = (float) random.nextGaussian();
                }
            }
            return new Clusters(count, dim, centres);
        }

        float[] vector(int i) {
            Random random = new Random(0x9E3779B97F4A7C15L * (i + 1));
            float[] centre = centres[random.nextInt(centres.length)];
            float[] vector = new float[dim];
            for (int d = 0; d < dim; d++) {
                vector[d] = centre[d] + 0.8f * (float) random.nextGaussian();
            }
            return UnitVectors.unit(vector);
        }
    }

    private record Table(float[][] vectors) implements EmbeddingTable {
        @Override
        public EmbeddingSettings settings() {
            return new EmbeddingSettings("m", "ef".repeat(32), "pooled", 1, 1, true, "fp32", 1, vectors[0].length);
        }

        @Override
        public List<EmbeddedFile> files() {
            return List.of(new EmbeddedFile("v.mp4", 1, 0, true, null, null, vectors.length, null));
        }

        @Override
        public void read(long first, int count, FloatBuffer out) {
            for (int i = 0; i < count; i++) {
                out.put(i * vectors[0].length, vectors[(int) first + i]);
            }
        }

        @Override
        public void close() {}
    }

    @Test
    void atLeast95PercentOfTheTrueNeighboursAreFound() throws IOException {
        assumeTrue(KernelFixture.isThorough(), "Measures minutes long; -Pthorough runs it.");
        for (String size : System.getProperty("vicmae.test.rows", "50000x192").split(",")) {
            String[] parts = size.split("x");
            measure(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
        }
    }

    private void measure(int count, int dim) throws IOException {
        Clusters clusters = Clusters.of(count, dim);
        float[][] vectors = new float[count][];
        for (int i = 0; i < count; i++) {
            vectors[i] = clusters.vector(i);
        }
        float[][] queries = new float[QUERIES][];
        for (int q = 0; q < QUERIES; q++) {
            queries[q] = clusters.vector(count + q);
        }
        UnitVectors exact = new UnitVectors(vectors);
        Path folder = dir.resolve(count + "x" + dim);
        long start = System.nanoTime();
        HnswGraph.build(folder, new Table(vectors), done -> {});
        double building = (System.nanoTime() - start) / 1e9;
        long found = 0;
        double exactTime = 0;
        double graphTime = 0;
        try (HnswGraph graph = HnswGraph.open(folder)) {
            for (int pass = 0; pass < 2; pass++) { // the first warms up
                found = 0;
                exactTime = 0;
                graphTime = 0;
                for (float[] query : queries) {
                    long begin = System.nanoTime();
                    List<Neighbour> truth = exact.nearest(query, K);
                    long between = System.nanoTime();
                    List<Neighbour> near = graph.nearest(query, K);
                    graphTime += System.nanoTime() - between;
                    exactTime += between - begin;
                    Set<Long> rows = new HashSet<>();
                    truth.forEach(one -> rows.add(one.row()));
                    found += near.stream()
                            .filter(one -> rows.contains(one.row()))
                            .count();
                }
            }
        }
        double recall = found / (double) (K * QUERIES);
        System.out.printf(
                "| %,d | %d | %.1f | %.3f | %.2f | %.2f | %.0f | %.0f |%n",
                count,
                dim,
                building,
                recall,
                graphTime / QUERIES / 1e6,
                exactTime / QUERIES / 1e6,
                (double) count * dim * Float.BYTES / (1 << 20),
                size(folder) / (double) (1 << 20));
        assertTrue(recall >= 0.95, "recall at " + K + " among " + count + " of " + dim + ": " + recall);
    }

    private static long size(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }
}
