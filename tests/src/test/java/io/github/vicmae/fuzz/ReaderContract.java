package io.github.vicmae.fuzz;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;

/**
 * What every reader promises of any bytes: they are read, or refused with an {@link IOException} that has a message; within ten seconds, and with no
 * more memory than twice the file and 64 MB. The memory is all that the reading thread allocates on the heap, which is more than lives at a time.
 */
final class ReaderContract {
    private static final long MOST_SECONDS = 10;
    private static final long MOST_BYTES = 64L << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final Path FOLDER = folder();

    private ReaderContract() {}

    /** Reads a file, as thoroughly as its users do. */
    @FunctionalInterface
    interface Reading {
        void of(Path file) throws IOException;
    }

    private static Path folder() {
        try {
            Path folder = Files.createTempDirectory("vicmae-fuzz");
            folder.toFile().deleteOnExit();
            return folder;
        } catch (IOException e) {
            throw new AssertionError("no folder for the files to read", e);
        }
    }

    static void assertHolds(byte[] bytes, String name, Reading reading) {
        assertHolds(bytes, name, 0, reading);
    }

    /** @param moreBytes that the reading may allocate, since the file's format lets a short file stand for much */
    static void assertHolds(byte[] bytes, String name, long moreBytes, Reading reading) {
        Path file = FOLDER.resolve(name);
        try {
            file.toFile().deleteOnExit();
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new AssertionError("the file to read cannot be written", e);
        }
        long most = 2L * bytes.length + MOST_BYTES + moreBytes;
        if (allocated(file, reading) > most) {
            // Jazzer instruments classes as they are loaded, on the thread that needs them. The second reading loads
            // none.
            long again = allocated(file, reading);
            assertTrue(again <= most, () -> again + " bytes were allocated for a file of " + bytes.length);
        }
    }

    private static long allocated(Path file, Reading reading) {
        long thread = Thread.currentThread().getId();
        long before = THREADS.getThreadAllocatedBytes(thread);
        long start = System.nanoTime();
        try {
            reading.of(file);
        } catch (IOException e) {
            assertNotNull(e.getMessage(), () -> "refused without a message: " + e);
        }
        long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
        assertTrue(seconds < MOST_SECONDS, () -> "it took " + seconds + " seconds");
        return THREADS.getThreadAllocatedBytes(thread) - before;
    }

    /** For {@code @MethodSource}: the bytes of a file that is made in a folder of its own. */
    static byte[] made(Maker maker) throws IOException {
        Path folder = Files.createTempDirectory("vicmae-seed");
        try {
            Path file = maker.in(folder);
            return Files.readAllBytes(file);
        } finally {
            try (var files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Makes a file in a folder. */
    @FunctionalInterface
    interface Maker {
        Path in(Path folder) throws IOException;
    }
}
