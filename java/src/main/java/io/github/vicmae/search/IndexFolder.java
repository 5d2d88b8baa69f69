package io.github.vicmae.search;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.EmbeddingStore;
import io.github.vicmae.embed.EmbeddingTable;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.JsonText;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.Stream;

/**
 * An index's folder while it is written: {@code index.json} names the generation that is in use, a folder of the vectors, the files and, of many rows, the
 * graph. A new generation is written beside it, and is in use from the moment when {@code index.json} names it: an interrupted command leaves the former
 * one, and what it has embedded in {@code part}. Held by one process at a time.
 */
public final class IndexFolder implements AutoCloseable {
    static final String INDEX = "index.json";
    private static final String LOCK = "lock";
    private static final String PART = "part";
    private static final String GRAPH = "hnsw";
    private static final String GENERATION = "generation";
    private static final String DATA = "data";
    /** Up to so many rows are compared one by one, which is exact, and takes milliseconds. */
    public static final int MOST_EXACT = 20_000;

    private final Path folder;
    private final FileChannel lock;
    private final State former;
    private final int mostExact;

    /**
     * What {@code index.json} says.
     *
     * @param data the folders and files that were given, as absolute paths
     */
    record State(long generation, EmbeddingSettings settings, List<String> data) {
        Path folder(Path index) {
            return index.resolve(GENERATION + "-" + generation);
        }

        /** @throws IOException if the folder is no index, or it is damaged */
        static State read(Path index) throws IOException {
            Path file = index.resolve(INDEX);
            try {
                JsonNode tree = new ObjectMapper().readTree(Files.readAllBytes(file));
                List<String> data = new ArrayList<>();
                tree.path(DATA).forEach(path -> data.add(path.asText()));
                return new State(
                        tree.path(GENERATION).asLong(), EmbeddingSettings.of(tree, file.toString()), List.copyOf(data));
            } catch (JsonProcessingException e) {
                throw new IOException(file + " is damaged: " + e.getOriginalMessage(), e);
            }
        }

        void write(Path index) throws IOException {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put(GENERATION, generation);
            tree.put(DATA, data);
            tree.putAll(settings.tree());
            AtomicFile.write(index.resolve(INDEX), (JsonText.indented(tree) + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    private IndexFolder(Path folder, FileChannel lock, State former, int mostExact) {
        this.folder = folder;
        this.lock = lock;
        this.former = former;
        this.mostExact = mostExact;
    }

    /** Whether a folder is an index. */
    public static boolean exists(Path folder) {
        return Files.exists(folder.resolve(INDEX));
    }

    /** Whether a folder holds the beginning of an index, which was interrupted before it could be searched. */
    public static boolean isUnfinished(Path folder) {
        return !exists(folder) && EmbeddingStore.exists(folder.resolve(PART));
    }

    /**
     * Opens an index to write, and makes its folder if there is none.
     *
     * @throws IOException if it cannot be written, holds other things than an index, or is being written by another process
     */
    public static IndexFolder open(Path folder) throws IOException {
        return open(folder, MOST_EXACT);
    }

    /** The same with a graph from fewer rows on. */
    static IndexFolder open(Path folder, int mostExact) throws IOException {
        check(folder);
        FileChannel lock;
        try {
            Files.createDirectories(folder);
            lock = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw FileErrors.cannot("write", folder, e);
        }
        try {
            boolean isHeld = false;
            try {
                isHeld = lock.tryLock() == null;
            } catch (OverlappingFileLockException e) {
                isHeld = true;
            }
            if (isHeld) {
                throw new IOException(folder + " is being written by another process; wait for its end");
            }
            return new IndexFolder(folder, lock, exists(folder) ? State.read(folder) : null, mostExact);
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /**
     * Checks whether an index can be made or extended here, and changes nothing.
     *
     * @throws IOException if it cannot be written, or holds other things than an index
     */
    public static void check(Path folder) throws IOException {
        if (Files.isDirectory(folder) && !exists(folder) && !Files.exists(folder.resolve(LOCK))) {
            try (Stream<Path> files = Files.list(folder)) {
                if (files.findAny().isPresent()) {
                    throw new IOException(folder + " holds other files than an index; name a new folder");
                }
            }
        }
        Path existing = folder.toAbsolutePath().normalize();
        while (!Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            throw new IOException("Cannot write " + folder + ": " + existing + " is a file, not a folder");
        }
        AtomicFile.checkWritable(existing.resolve(INDEX));
    }

    /** The settings of what is there, or null if it is new. */
    public EmbeddingSettings formerSettings() {
        return former == null ? null : former.settings;
    }

    /** What was given before, as absolute paths. */
    public List<String> formerData() {
        return former == null ? List.of() : former.data;
    }

    /** The rows that are there, or null if it is new; the caller closes it. */
    public EmbeddingTable formerTable() throws IOException {
        return former == null ? null : EmbeddingStore.read(former.folder(folder));
    }

    /** Where what is new is embedded into. */
    public Path part() {
        return folder.resolve(PART);
    }

    /**
     * Puts a table in the place of what is there.
     *
     * @param data what was given, as absolute paths
     * @param graphed told how many rows are in the graph, if there is one
     */
    public void replace(EmbeddingTable table, List<String> data, IntConsumer graphed) throws IOException {
        State next = new State(former == null ? 1 : former.generation + 1, table.settings(), data);
        if (table.rows() > mostExact) {
            requireLucene();
        }
        Path place = next.folder(folder);
        delete(place); // what a killed process left
        EmbeddingStore.write(place, table);
        if (table.rows() > mostExact) {
            try (EmbeddingTable written = EmbeddingStore.read(place)) {
                HnswGraph.build(place.resolve(GRAPH), written, graphed);
            }
        }
        next.write(folder);
        EmbeddingStore.delete(part());
        if (former != null) {
            delete(former.folder(folder));
        }
    }

    /** The graph of a generation, or null if it has none. */
    static HnswGraph graph(Path generation) throws IOException {
        Path graph = generation.resolve(GRAPH);
        if (!Files.isDirectory(graph)) {
            return null;
        }
        requireLucene();
        return HnswGraph.open(graph);
    }

    /** Whether collections can be searched by a graph here. */
    public static boolean hasLucene() {
        try {
            Class.forName("org.apache.lucene.index.IndexWriter", false, IndexFolder.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    private static void requireLucene() throws IOException {
        if (!hasLucene()) {
            throw new IOException(
                    "A collection of more than " + MOST_EXACT + " rows is searched by Lucene, which is not here"
                            + " (the small archive leaves it out; otherwise put org.apache.lucene:lucene-core on the class path)");
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
