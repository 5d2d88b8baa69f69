package io.github.vicmae.embed;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.eval.FeatureStream.Places;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.JsonText;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A folder that embeddings are added to, file after file: the vectors, and a line for each file once all of its vectors are there. A process that is
 * killed, or a full disk, loses the file that it was at and none before it.
 */
public final class EmbeddingStore implements EmbeddingTable {
    private static final String SETTINGS = "settings.json";
    private static final String VECTORS = "vectors.f32";
    private static final String FILES = "files.jsonl";
    private static final String LOCK = "lock";
    private static final String IMAGE_PLACE = "image_place";
    private static final String CLIP_PLACE = "clip_place";

    private final Path folder;
    private final EmbeddingSettings settings;
    private final FileChannel lockFile;
    private final List<EmbeddedFile> files = new ArrayList<>();
    private Places places = Places.FIRST;
    private FileChannel vectors;
    private JsonLines lines;
    private VectorFile reader;
    /** Rows of the files that are done, and of the one that is being added. */
    private long rows;

    private int added;

    private EmbeddingStore(Path folder, EmbeddingSettings settings, FileChannel lockFile) {
        this.folder = folder;
        this.settings = settings;
        this.lockFile = lockFile;
    }

    /** Whether a folder holds a store. */
    public static boolean exists(Path folder) {
        return Files.exists(folder.resolve(SETTINGS));
    }

    /**
     * Opens a store to add to, and makes it if there is none.
     *
     * @throws IOException if it cannot be read or written, another process adds to it, or it is of other settings, which the message names
     */
    public static EmbeddingStore open(Path folder, EmbeddingSettings settings) throws IOException {
        Path file = folder.resolve(SETTINGS);
        Files.createDirectories(folder);
        FileChannel lockFile =
                FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            lock(lockFile, folder);
            if (Files.exists(file)) {
                EmbeddingSettings former = settings(file);
                requireSame(folder, settings.differences(former));
            } else {
                writeSettings(folder, settings);
            }
            EmbeddingStore store = new EmbeddingStore(folder, settings, lockFile);
            try {
                store.load();
            } catch (IOException | RuntimeException e) {
                store.close();
                throw e;
            }
            return store;
        } catch (IOException | RuntimeException e) {
            lockFile.close();
            throw e;
        }
    }

    /**
     * Opens a store that is not added to any more, for reading.
     *
     * @throws IOException if it cannot be read
     */
    public static EmbeddingTable read(Path folder) throws IOException {
        EmbeddingSettings settings = settings(folder.resolve(SETTINGS));
        List<EmbeddedFile> files = new ArrayList<>();
        JsonLines.read(folder.resolve(FILES), line -> files.add(EmbeddedFile.of(line)));
        return new RowFiles.Table(
                settings, files, new VectorFile(folder.resolve(VECTORS), settings.width(), Map.of(0L, 0L)));
    }

    /** Writes a table as a store into a new folder. */
    public static void write(Path folder, EmbeddingTable table) throws IOException {
        Files.createDirectories(folder);
        AtomicFile.write(folder.resolve(VECTORS), out -> VectorFile.copy(table, out));
        Files.deleteIfExists(folder.resolve(FILES));
        try (JsonLines files = JsonLines.open(folder.resolve(FILES))) {
            for (EmbeddedFile file : table.files()) {
                files.write(file.tree());
            }
        }
        writeSettings(folder, table.settings());
    }

    private static void writeSettings(Path folder, EmbeddingSettings settings) throws IOException {
        String text = JsonText.indented(settings.tree()) + "\n";
        AtomicFile.write(folder.resolve(SETTINGS), text.getBytes(StandardCharsets.UTF_8));
    }

    private static void lock(FileChannel lockFile, Path folder) throws IOException {
        FileLock lock = null;
        try {
            lock = lockFile.tryLock();
        } catch (OverlappingFileLockException e) {
            // this process has it; said below
        }
        if (lock == null) {
            throw new IOException(folder + " is being written by another process; wait for its end");
        }
    }

    private static EmbeddingSettings settings(Path file) throws IOException {
        try {
            return EmbeddingSettings.of(new ObjectMapper().readTree(Files.readAllBytes(file)), file.toString());
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is damaged: " + e.getOriginalMessage(), e);
        }
    }

    private static void requireSame(Path folder, List<String> differences) throws IOException {
        if (!differences.isEmpty()) {
            throw new IOException("What an interrupted command left in " + folder + " is of other settings: "
                    + String.join("; ", differences) + ". Give the same ones, or delete that folder");
        }
    }

    /** Reads the lines, and cuts off what no line speaks of. */
    private void load() throws IOException {
        vectors = FileChannel.open(
                folder.resolve(VECTORS), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        long there = vectors.size() / rowBytes();
        if (Files.exists(folder.resolve(FILES))) {
            AtomicInteger seen = new AtomicInteger();
            JsonLines.read(folder.resolve(FILES), line -> {
                EmbeddedFile file = EmbeddedFile.of(line);
                if (seen.getAndIncrement() == files.size() && rows + file.rows() <= there) {
                    files.add(file);
                    rows += file.rows();
                    places = new Places(
                            line.path(IMAGE_PLACE).asInt(),
                            line.path(CLIP_PLACE).asInt());
                }
            });
            if (seen.get() > files.size()) { // a power cut took vectors that lines speak of
                keepLines(files.size());
            }
        }
        vectors.truncate(rows * rowBytes());
        vectors.position(rows * rowBytes());
        lines = JsonLines.open(folder.resolve(FILES));
        reader = new VectorFile(folder.resolve(VECTORS), settings.width(), Map.of(0L, 0L));
    }

    private void keepLines(int count) throws IOException {
        Path file = folder.resolve(FILES);
        AtomicFile.write(file, out -> {
            try (BufferedReader reader = Files.newBufferedReader(file)) {
                for (int i = 0; i < count; i++) {
                    ByteBuffer line = StandardCharsets.UTF_8.encode(reader.readLine() + "\n");
                    while (line.hasRemaining()) {
                        out.write(line);
                    }
                }
            }
        });
    }

    private long rowBytes() {
        return (long) settings.width() * Float.BYTES;
    }

    /** Where the next view goes for the same bits as without an interruption. */
    public Places places() {
        return places;
    }

    /** Adds a row of the file that {@link #done} ends. */
    void row(float[] row) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(row.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(row);
        try {
            while (bytes.hasRemaining()) {
                vectors.write(bytes);
            }
        } catch (IOException e) {
            throw FileErrors.cannot("write", folder.resolve(VECTORS), e);
        }
        added++;
    }

    /** Rows of the file that is being added. */
    int added() {
        return added;
    }

    /** Takes back the rows of the file that is being added. */
    void drop() throws IOException {
        added = 0;
        vectors.truncate(rows * rowBytes());
        vectors.position(rows * rowBytes());
    }

    /** Keeps a file, whose rows have been added. */
    void done(EmbeddedFile file, Places next) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>(file.tree());
        line.put(IMAGE_PLACE, next.image());
        line.put(CLIP_PLACE, next.clip());
        lines.write(line);
        files.add(file);
        rows += added;
        added = 0;
        places = next;
    }

    @Override
    public EmbeddingSettings settings() {
        return settings;
    }

    @Override
    public List<EmbeddedFile> files() {
        return Collections.unmodifiableList(files);
    }

    @Override
    public void read(long first, int count, FloatBuffer out) throws IOException {
        reader.read(first, count, out);
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public void close() throws IOException {
        try {
            if (reader != null) {
                reader.close();
            }
            if (lines != null) {
                lines.close();
            }
            if (vectors != null) {
                vectors.close();
            }
        } finally {
            lockFile.close(); // and with it the lock
        }
    }

    /** Deletes a store; that of a folder that is none is left alone. */
    public static void delete(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        for (String name : List.of(FILES, VECTORS, SETTINGS, LOCK)) {
            Files.deleteIfExists(folder.resolve(name));
        }
        try (DirectoryStream<Path> rest = Files.newDirectoryStream(folder)) {
            if (!rest.iterator().hasNext()) {
                Files.delete(folder);
            }
        }
    }
}
