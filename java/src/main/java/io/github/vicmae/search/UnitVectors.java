package io.github.vicmae.search;

import io.github.vicmae.embed.EmbeddingTable;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.stream.IntStream;

/** Vectors of length one in memory, and the exact search among them. */
final class UnitVectors {
    /** Rows whose similarities are computed by one task. */
    private static final int BLOCK = 1024;

    private static final Comparator<Neighbour> NEAREST_FIRST =
            Comparator.comparingDouble(Neighbour::similarity).reversed().thenComparingLong(Neighbour::row);

    private final float[][] rows;

    UnitVectors(float[][] rows) {
        this.rows = rows;
    }

    /** The rows of a table, divided by their lengths. */
    static UnitVectors of(EmbeddingTable table) throws IOException {
        float[][] rows = new float[Math.toIntExact(table.rows())][];
        FloatBuffer some = FloatBuffer.allocate(table.settings().width());
        for (int i = 0; i < rows.length; i++) {
            table.read(i, 1, some);
            rows[i] = unit(some.array().clone());
        }
        return new UnitVectors(rows);
    }

    /** Divides a vector by its length, in its place; one of zeros stays. */
    static float[] unit(float[] vector) {
        double sum = 0;
        for (float v : vector) {
            sum += (double) v * v;
        }
        double length = sum > 0 ? Math.sqrt(sum) : 1;
        for (int d = 0; d < vector.length; d++) {
            vector[d] = (float) (vector[d] / length);
        }
        return vector;
    }

    int count() {
        return rows.length;
    }

    float[] row(int i) {
        return rows[i];
    }

    /** The nearest rows by their cosine, the nearest first; of equal ones the first. */
    List<Neighbour> nearest(float[] query, int k) {
        float[] similarities = similarities(query);
        PriorityQueue<Neighbour> best = new PriorityQueue<>(NEAREST_FIRST.reversed());
        for (int i = 0; i < similarities.length; i++) {
            if (best.size() < k) {
                best.add(new Neighbour(i, similarities[i]));
            } else if (similarities[i] > best.peek().similarity()) {
                best.poll();
                best.add(new Neighbour(i, similarities[i]));
            }
        }
        return best.stream().sorted(NEAREST_FIRST).toList();
    }

    /** The cosines of all rows with a vector of length one. */
    float[] similarities(float[] query) {
        float[] found = new float[rows.length];
        IntStream.range(0, (rows.length + BLOCK - 1) / BLOCK).parallel().forEach(block -> {
            int end = Math.min(rows.length, (block + 1) * BLOCK);
            for (int i = block * BLOCK; i < end; i++) {
                found[i] = dot(rows[i], query);
            }
        });
        return found;
    }

    /** In four sums, which do not wait for one another. */
    static float dot(float[] a, float[] b) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int d = 0;
        for (; d + 4 <= a.length; d += 4) {
            s0 += a[d] * b[d];
            s1 += a[d + 1] * b[d + 1];
            s2 += a[d + 2] * b[d + 2];
            s3 += a[d + 3] * b[d + 3];
        }
        for (; d < a.length; d++) {
            s0 += a[d] * b[d];
        }
        return s0 + s1 + (s2 + s3);
    }

    /** The mean of some rows, of length one. */
    float[] mean(int first, int count) {
        float[] mean = new float[rows[first].length];
        for (int i = first; i < first + count; i++) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += rows[i][d] / count;
            }
        }
        return unit(mean);
    }
}
