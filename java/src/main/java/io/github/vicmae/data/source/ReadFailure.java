package io.github.vicmae.data.source;

import io.github.vicmae.io.GitLfsPointer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** Reasons why a file cannot be read, worded as the end of a sentence that names the file. */
public final class ReadFailure {
    private ReadFailure() {}

    /** @throws IOException if the path is not a readable, non-empty regular file: opening a pipe, for example, would block */
    public static void requireFile(Path path) throws IOException {
        // All at once: each question is a request of its own on a network file system.
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        if (attributes.isDirectory()) {
            throw new IOException("it is a folder");
        }
        if (!attributes.isRegularFile()) {
            throw new IOException("it is a pipe or a device, not a file");
        }
        if (attributes.size() == 0) {
            throw new IOException("the file is empty");
        }
        if (!Files.isReadable(path)) {
            throw new IOException("there is no permission to read it");
        }
    }

    /** Why a content could not be read or decoded. */
    public static String reason(Content content, Throwable e) {
        String pointer = gitLfsPointer(content);
        return pointer == null ? reason(e) : "it is " + pointer;
    }

    /** What to say of a content that is a Git LFS pointer, or null if it is none or cannot be opened. */
    static String gitLfsPointer(Content content) {
        try (InputStream in = Channels.newInputStream(content.open())) {
            return GitLfsPointer.reason(in);
        } catch (IOException e) {
            return null;
        }
    }

    /** The cause, without the path that is the entire message of some JDK exceptions. */
    public static String reason(Throwable e) {
        if (e instanceof NoSuchFileException) {
            return "there is no such file";
        }
        if (e instanceof AccessDeniedException) {
            return "there is no permission to read it";
        }
        String message = e.getMessage();
        if (message == null || !(e instanceof IOException)) {
            return "its decoder failed with " + e.getClass().getSimpleName()
                    + (message == null ? "" : " (" + message + ")");
        }
        return message.endsWith(".") ? message.substring(0, message.length() - 1) : message;
    }
}
