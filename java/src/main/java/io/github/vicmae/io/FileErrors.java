package io.github.vicmae.io;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;

/** Turns the JDK's terse file exceptions into sentences that name the file and the cause. */
public final class FileErrors {
    private FileErrors() {}

    /** Returns an exception that says: PATH: cannot be VERB: why, with the free space if the disk is full. */
    public static IOException cannot(String verb, Path path, IOException cause) {
        String participle = verb.equals("read") ? "read" : "written";
        String message = path + ": cannot be " + participle + ": " + reason(cause);
        if (diskFull(cause)) {
            message += " (" + freeSpace(path) + ")";
        }
        return new IOException(message + ".", cause);
    }

    private static String reason(IOException cause) {
        if (cause instanceof NoSuchFileException) {
            return "there is no such file or folder";
        }
        if (cause instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (cause instanceof FileAlreadyExistsException) {
            return "there is a file in its place";
        }
        if (cause instanceof ClosedByInterruptException) {
            return "interrupted";
        }
        String text = cause instanceof FileSystemException f ? f.getReason() : cause.getMessage();
        return text == null ? cause.getClass().getSimpleName() : text.replaceAll("\\.$", "");
    }

    private static boolean diskFull(IOException cause) {
        String text = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
        return text.contains("no space left") || text.contains("not enough space") || text.contains("quota exceeded");
    }

    private static String freeSpace(Path path) {
        Path folder = path.toAbsolutePath().getParent();
        // File asks the system; a FileStore looks for the mount first, which is not there to be seen in every chroot.
        double mebibytes = folder.toFile().getUsableSpace() / (double) (1 << 20);
        return String.format(Locale.ROOT, "%.1f MiB free in %s", mebibytes, folder);
    }
}
