package io.github.vicmae.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes a file so that a reader, a crash or a full disk sees either the old content or the new, never a part: the body
 * goes to a temporary file in the same folder, which is synced to disk and then renamed.
 */
public final class AtomicFile {
    private static final long PID = ProcessHandle.current().pid();
    private static final AtomicInteger COUNTER = new AtomicInteger();
    private static final Set<Path> IN_PROGRESS = ConcurrentHashMap.newKeySet();

    private AtomicFile() {}

    /** Writes a file's content. */
    @FunctionalInterface
    public interface Body {
        /** Writes to the channel, which is positioned at the start of an empty file. */
        void write(FileChannel out) throws IOException;
    }

    /**
     * Writes or replaces a file. If the target is a symbolic link, the file that it points to is replaced.
     *
     * @throws IOException if the body throws one, the thread is interrupted, or the file cannot be written; the old file
     *     is then as it was and the temporary one is gone
     */
    public static void write(Path path, Body body) throws IOException {
        try {
            Path target = target(path);
            removeLeftovers(target);
            replace(target, body);
        } catch (IOException e) {
            throw FileErrors.cannot("write", path, e);
        }
    }

    /**
     * Finds out whether a file could be written now, and leaves everything as it is. For programs that work long before they write.
     *
     * @throws IOException as {@link #write(Path, Body)} would: there is no such folder, it is not writable, or the disk is full
     */
    public static void checkWritable(Path path) throws IOException {
        try {
            Path temporary = temporary(target(path));
            try (FileChannel out =
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                out.write(ByteBuffer.wrap(new byte[1]));
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw FileErrors.cannot("write", path, e);
        }
    }

    /**
     * Removes the temporary files of all writing in progress, which then fails; what it was to replace stays. For programs that are ended in its
     * midst.
     */
    public static void removeUnfinished() {
        for (Path temporary : IN_PROGRESS) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException e) {
                // The next writing to the same file removes it.
                continue;
            }
        }
    }

    /** The file to replace. */
    private static Path target(Path path) throws IOException {
        Path target = Files.isSymbolicLink(path) && Files.exists(path) ? path.toRealPath() : path.toAbsolutePath();
        if (Files.isDirectory(target)) {
            throw new IOException("it is a folder");
        }
        return target;
    }

    private static Path temporary(Path target) {
        return target.resolveSibling(target.getFileName() + ".tmp-" + PID + "-" + COUNTER.incrementAndGet());
    }

    /** Writes or replaces a file with the given bytes; see {@link #write(Path, Body)}. */
    public static void write(Path path, byte[] content) throws IOException {
        write(path, out -> {
            ByteBuffer rest = ByteBuffer.wrap(content);
            while (rest.hasRemaining()) {
                out.write(rest);
            }
        });
    }

    private static void replace(Path target, Body body) throws IOException {
        Path temporary = temporary(target);
        IN_PROGRESS.add(temporary);
        try {
            try (FileChannel out =
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                body.write(out);
                out.force(true);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            // After the rename there is nothing left to delete.
            Files.deleteIfExists(temporary);
            IN_PROGRESS.remove(temporary);
        }
        syncFolder(target.getParent());
    }

    /** Makes the rename itself durable. Systems that cannot open a folder (Windows) do without. */
    private static void syncFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // The new file is complete and in place; only its survival of a power cut is less certain.
            return;
        }
    }

    /** Deletes temporary files of the same target whose process has ended. */
    private static void removeLeftovers(Path target) throws IOException {
        Pattern name = Pattern.compile(Pattern.quote(target.getFileName().toString()) + "\\.tmp-(\\d{1,18})(-\\d+)?");
        try (DirectoryStream<Path> files = Files.newDirectoryStream(target.getParent())) {
            for (Path file : files) {
                Matcher matcher = name.matcher(file.getFileName().toString());
                if (matcher.matches() && !inUse(file, Long.parseLong(matcher.group(1)))) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    /** Our own number can also be that of an earlier process: in a container it is often 1. */
    private static boolean inUse(Path file, long pid) {
        return pid == PID
                ? IN_PROGRESS.contains(file)
                : ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }
}
