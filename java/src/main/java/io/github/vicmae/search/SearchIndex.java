package io.github.vicmae.search;

import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.EmbeddingStore;
import io.github.vicmae.embed.EmbeddingTable;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** An index that is searched. */
public final class SearchIndex implements AutoCloseable {
    /** Rows that a graph is asked for at most, where many of them are left out: it has to walk through all of them. */
    private static final int MOST_ASKED = 4096;

    private final IndexFolder.State state;
    private final EmbeddingTable table;
    /** Null where the search is exact. */
    private final HnswGraph graph;
    /** Null where it is not. */
    private final UnitVectors vectors;

    private final List<EmbeddedFile> files = new ArrayList<>();
    /** The first row of each of the files, and behind the last one their number. */
    private final long[] firstRow;

    /**
     * A picture or a moment of a video that was found.
     *
     * @param file which
     * @param seconds the moment; NaN for a picture
     * @param similarity the cosine of its features with the query's, from -1 to 1
     */
    public record Hit(EmbeddedFile file, double seconds, double similarity) {}

    /** What is left out of an answer. */
    public interface Filter {
        boolean leavesOut(EmbeddedFile file, double seconds);
    }

    private SearchIndex(IndexFolder.State state, EmbeddingTable table, HnswGraph graph) throws IOException {
        this.state = state;
        this.table = table;
        this.graph = graph;
        table.files().stream().filter(file -> file.rows() > 0).forEach(files::add);
        firstRow = new long[files.size() + 1];
        for (int i = 0; i < files.size(); i++) {
            firstRow[i + 1] = firstRow[i] + files.get(i).rows();
        }
        vectors = graph == null ? UnitVectors.of(table) : null;
    }

    /**
     * Opens an index.
     *
     * @throws IOException if the folder is no index or cannot be read
     */
    public static SearchIndex open(Path folder) throws IOException {
        if (!IndexFolder.exists(folder)) {
            throw new IOException(folder + " is no index: there is no " + IndexFolder.INDEX
                    + " in it. 'vicmae index MODEL DATA --out " + folder + "' makes one");
        }
        try {
            return openOnce(folder);
        } catch (NoSuchFileException e) {
            return openOnce(folder); // another process has just put a new generation in its place
        }
    }

    private static SearchIndex openOnce(Path folder) throws IOException {
        IndexFolder.State state = IndexFolder.State.read(folder);
        Path generation = state.folder(folder);
        EmbeddingTable table = EmbeddingStore.read(generation);
        try {
            return new SearchIndex(state, table, IndexFolder.graph(generation));
        } catch (IOException | RuntimeException e) {
            table.close();
            throw e;
        }
    }

    public EmbeddingSettings settings() {
        return state.settings();
    }

    /** The folders and files that it was made of, as absolute paths. */
    public List<String> data() {
        return state.data();
    }

    /** The files that have rows. */
    public List<EmbeddedFile> files() {
        return files;
    }

    public long rows() {
        return firstRow[files.size()];
    }

    /** Whether every row is compared. */
    public boolean isExact() {
        return graph == null;
    }

    /**
     * The nearest pictures and moments. Of moments of one video that are near to one another, the nearest stands for the others.
     *
     * @param query [D], of any length
     * @param k how many at most
     * @param perFile how many of one file at most
     * @param leftOut what is not wanted, such as the query itself
     */
    public List<Hit> search(float[] query, int k, int perFile, Filter leftOut) throws IOException {
        float[] unit = UnitVectors.unit(query.clone());
        List<Hit> hits = List.of();
        for (long asked = 16L * k; ; asked *= 4) {
            int count = (int) Math.min(asked, rows());
            hits = distinct(
                    graph == null ? vectors.nearest(unit, count) : graph.nearest(unit, count), k, perFile, leftOut);
            if (hits.size() == k || count == rows() || graph != null && count >= MOST_ASKED) {
                return hits;
            }
        }
    }

    private List<Hit> distinct(List<Neighbour> nearest, int k, int perFile, Filter leftOut) {
        double gap = 2 * settings().every();
        Map<String, List<Double>> taken = new HashMap<>();
        List<Hit> hits = new ArrayList<>();
        for (Neighbour one : nearest) {
            int at = file(one.row());
            EmbeddedFile file = files.get(at);
            double seconds = file.time((int) (one.row() - firstRow[at]));
            List<Double> others = taken.computeIfAbsent(file.path(), path -> new ArrayList<>());
            boolean isNear = others.stream().anyMatch(other -> !(Math.abs(other - seconds) > gap));
            if (others.size() < perFile && !isNear && !leftOut.leavesOut(file, seconds)) {
                others.add(seconds);
                hits.add(new Hit(file, seconds, one.similarity()));
                if (hits.size() == k) {
                    break;
                }
            }
        }
        return hits;
    }

    /** The files of the rows that are nearest to a vector of length one, each once. */
    List<Integer> nearestFiles(float[] unit, int count) throws IOException {
        int most = (int) Math.min(count, rows());
        return (graph == null ? vectors.nearest(unit, most) : graph.nearest(unit, most))
                .stream().map(one -> file(one.row())).distinct().toList();
    }

    /** The file of a row. */
    private int file(long row) {
        int found = Arrays.binarySearch(firstRow, row);
        return found >= 0 ? found : -found - 2;
    }

    /** The vector of a file, of length one: of a video the mean over its moments. */
    float[] vector(int file) throws IOException {
        int count = files.get(file).rows();
        int first = (int) firstRow[file];
        if (vectors != null) {
            return vectors.mean(first, count);
        }
        float[][] rows = new float[count][];
        FloatBuffer some = FloatBuffer.allocate(settings().width());
        for (int i = 0; i < count; i++) {
            table.read(first + i, 1, some);
            rows[i] = UnitVectors.unit(some.array().clone());
        }
        return new UnitVectors(rows).mean(0, count);
    }

    @Override
    public void close() throws IOException {
        try (table) {
            if (graph != null) {
                graph.close();
            }
        }
    }
}
