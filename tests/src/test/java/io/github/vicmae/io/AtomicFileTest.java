package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    Path folder;

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private Path target(String content) throws IOException {
        Path target = folder.resolve("last.bin");
        AtomicFile.write(target, content.getBytes());
        return target;
    }

    @Test
    void replacesTheOldFileAndLeavesNothingElse() throws IOException {
        Path target = target("old");
        target("new");
        assertEquals("new", Files.readString(target));
        assertEquals(List.of("last.bin"), files());
    }

    @Test
    void whetherAFileCanBeWrittenIsFoundOutWithoutATrace() throws IOException {
        Path target = target("old");
        AtomicFile.checkWritable(target);
        AtomicFile.checkWritable(folder.resolve("new.bin"));
        assertEquals("old", Files.readString(target));
        assertEquals(List.of("last.bin"), files());
        for (Path wrong : List.of(folder, folder.resolve("none/new.bin"), target.resolve("new.bin"))) {
            IOException checked = assertThrows(IOException.class, () -> AtomicFile.checkWritable(wrong));
            IOException written = assertThrows(IOException.class, () -> AtomicFile.write(wrong, new byte[1]));
            assertTrue(checked.getMessage().startsWith(wrong + ": cannot be written: "), checked.getMessage());
            assertTrue(written.getMessage().startsWith(wrong + ": cannot be written: "), written.getMessage());
        }
        assertEquals(List.of("last.bin"), files());
    }

    @Test
    void theOldFileIsThereUntilTheBodyHasEnded() throws IOException {
        Path target = target("old");
        AtomicFile.write(target, out -> {
            out.write(ByteBuffer.wrap("half".getBytes()));
            assertEquals("old", Files.readString(target));
        });
        assertEquals("half", Files.readString(target));
    }

    @Test
    void aFailingBodyKeepsTheOldFile() throws IOException {
        Path target = target("old");
        IOException thrown = assertThrows(
                IOException.class,
                () -> AtomicFile.write(target, out -> {
                    out.write(ByteBuffer.wrap("half".getBytes()));
                    throw new IOException("the source broke");
                }));
        assertTrue(thrown.getMessage().contains(target.toString()), thrown.getMessage());
        assertTrue(thrown.getMessage().contains("the source broke"), thrown.getMessage());
        assertThrows(
                IllegalStateException.class,
                () -> AtomicFile.write(target, out -> {
                    throw new IllegalStateException();
                }));
        assertEquals("old", Files.readString(target));
        assertEquals(List.of("last.bin"), files());
    }

    @Test
    void aFullDiskIsNamedWithItsFreeSpace() throws IOException {
        Path target = target("old");
        IOException thrown = assertThrows(
                IOException.class,
                () -> AtomicFile.write(target, out -> {
                    throw new IOException("No space left on device");
                }));
        assertTrue(thrown.getMessage().matches(".*last\\.bin.*\\d+\\.\\d MiB free in .*"), thrown.getMessage());
        assertEquals("old", Files.readString(target));
    }

    @Test
    void anInterruptKeepsTheOldFile() throws IOException {
        Path target = target("old");
        Thread.currentThread().interrupt();
        IOException thrown;
        try {
            thrown = assertThrows(IOException.class, () -> AtomicFile.write(target, "new".getBytes()));
        } finally {
            assertTrue(Thread.interrupted(), "the interrupt has to stay visible to the caller");
        }
        assertTrue(thrown.getMessage().contains("interrupted"), thrown.getMessage());
        assertEquals("old", Files.readString(target));
        assertEquals(List.of("last.bin"), files());
    }

    @Test
    void leftoversOfEndedProcessesAreRemovedAndOthersStay() throws IOException, InterruptedException {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        long alive = ProcessHandle.current().parent().orElseThrow().pid();
        Path stale = Files.writeString(folder.resolve("last.bin.tmp-" + ended.pid()), "half");
        Path ownStale = Files.writeString(
                folder.resolve("last.bin.tmp-" + ProcessHandle.current().pid()), "half");
        Path inUse = Files.writeString(folder.resolve("last.bin.tmp-" + alive + "-3"), "half");
        Path ofAnotherTarget = Files.writeString(folder.resolve("best.bin.tmp-" + ended.pid()), "half");
        target("new");
        assertFalse(Files.exists(stale));
        assertFalse(Files.exists(ownStale));
        assertTrue(Files.exists(inUse));
        assertTrue(Files.exists(ofAnotherTarget));
    }

    @Test
    void aLinkStaysALink() throws IOException {
        Path target = target("old");
        Path link = Files.createSymbolicLink(folder.resolve("link"), target);
        AtomicFile.write(link, "new".getBytes());
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new", Files.readString(target));
    }

    @Test
    void impossibleTargetsAreNamed() {
        Path missing = folder.resolve("no-such-folder").resolve("a.bin");
        IOException thrown = assertThrows(IOException.class, () -> AtomicFile.write(missing, new byte[1]));
        assertTrue(thrown.getMessage().contains(missing + ": cannot be written: there is no such"), thrown.toString());
        thrown = assertThrows(IOException.class, () -> AtomicFile.write(folder, new byte[1]));
        assertTrue(thrown.getMessage().contains("it is a folder"), thrown.getMessage());
    }

    @Test
    void whatIsUnfinishedWhenAProgramEndsIsRemoved() throws IOException {
        Path target = target("old");
        assertThrows(
                IOException.class,
                () -> AtomicFile.write(target, out -> {
                    out.write(ByteBuffer.allocate(100));
                    assertEquals(2, files().size());
                    AtomicFile.removeUnfinished();
                    assertEquals(List.of("last.bin"), files());
                }));
        assertEquals("old", Files.readString(target));
    }
}
