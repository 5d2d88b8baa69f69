package io.github.vicmae.embed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.eval.FeatureStream.Places;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddingStoreTest {
    private static final EmbeddingSettings SETTINGS =
            new EmbeddingSettings("m", "01".repeat(32), "pooled", 8, 0, false, "fp32", 1, 2);

    @TempDir
    Path dir;

    private static EmbeddedFile file(String path) {
        return new EmbeddedFile(path, 5, 0, false, null, null, 1, null);
    }

    private static void add(EmbeddingStore store, String path, float value) throws IOException {
        store.row(new float[] {value, -value});
        store.done(file(path), new Places((int) value, 0));
    }

    private static List<String> paths(EmbeddingTable table) {
        return table.files().stream().map(EmbeddedFile::path).toList();
    }

    private static float value(EmbeddingTable table, int row) throws IOException {
        FloatBuffer values = FloatBuffer.allocate(2);
        table.read(row, 1, values);
        assertEquals(-values.get(0), values.get(1));
        return values.get(0);
    }

    @BeforeEach
    void threeFiles() throws IOException {
        try (EmbeddingStore store = EmbeddingStore.open(dir.resolve("s"), SETTINGS)) {
            add(store, "a", 1);
            add(store, "b", 2);
            add(store, FileNames.decode(new byte[] {'c', (byte) 0xFF}), 3);
            store.row(new float[] {9, 9}); // of a file that is not done
        }
    }

    @Test
    void whatIsNotDoneIsForgotten() throws IOException {
        try (EmbeddingStore store = EmbeddingStore.open(dir.resolve("s"), SETTINGS)) {
            assertEquals(List.of("a", "b", "c\uDCFF"), paths(store));
            assertEquals(3, store.rows());
            assertEquals(new Places(3, 0), store.places());
            add(store, "d", 4);
            assertEquals(4, value(store, 3));
        }
    }

    @Test
    void linesWhoseVectorsArePartlyLostGoAndDoNotComeBack() throws IOException {
        Path vectors = dir.resolve("s/vectors.f32");
        try (FileChannel channel = FileChannel.open(vectors, StandardOpenOption.WRITE)) {
            channel.truncate(12); // one row and a half
        }
        for (String next : new String[] {"x", "y"}) {
            try (EmbeddingStore store = EmbeddingStore.open(dir.resolve("s"), SETTINGS)) {
                add(store, next, 7);
            }
        }
        try (EmbeddingStore store = EmbeddingStore.open(dir.resolve("s"), SETTINGS)) {
            assertEquals(List.of("a", "x", "y"), paths(store));
            assertEquals(1, value(store, 0));
            assertEquals(7, value(store, 2));
        }
    }

    @Test
    void otherSettingsAndASecondWriterAreRefused() throws IOException {
        EmbeddingSettings other = new EmbeddingSettings("m", "02".repeat(32), "cls", 4, 0, true, "fp32", 1, 2);
        IOException e = assertThrows(IOException.class, () -> EmbeddingStore.open(dir.resolve("s"), other));
        for (String what : new String[] {"the model was", "--tokens was pooled", "--frames was 8", "--normalize"}) {
            assertTrue(e.getMessage().contains(what), e.getMessage());
        }
        try (EmbeddingStore store = EmbeddingStore.open(dir.resolve("s"), SETTINGS)) {
            e = assertThrows(IOException.class, () -> EmbeddingStore.open(dir.resolve("s"), SETTINGS));
            assertTrue(e.getMessage().contains("another process"), e.getMessage());
            assertEquals(3, store.rows());
        }
    }

    @Test
    void deletingLeavesOtherFilesAlone() throws IOException {
        Path mine = Files.writeString(dir.resolve("s/mine"), "mine");
        EmbeddingStore.delete(dir.resolve("s"));
        assertTrue(Files.exists(mine) && !EmbeddingStore.exists(dir.resolve("s")));
        Files.delete(mine);
        EmbeddingStore.delete(dir.resolve("s"));
        assertFalse(Files.exists(dir.resolve("s")));
    }
}
