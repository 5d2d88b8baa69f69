package io.github.vicmae.device.build;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A folder in the cache that is gone when it is closed; what a process left behind that was killed goes when the next one makes its own. */
public final class WorkFolder implements AutoCloseable {
    private static final Pattern NAME = Pattern.compile("work-(\\d{1,18})-.*");

    private final Path path;

    private WorkFolder(Path path) {
        this.path = path;
    }

    /**
     * Makes one.
     *
     * @param cache the folder in which it is to be; made if it is not there
     */
    public static WorkFolder in(Path cache) throws IOException {
        Files.createDirectories(cache);
        removeLeftovers(cache);
        return new WorkFolder(Files.createTempDirectory(
                cache, "work-" + ProcessHandle.current().pid() + "-"));
    }

    private static void removeLeftovers(Path cache) throws IOException {
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(cache, "work-*")) {
            for (Path folder : folders) {
                Matcher matcher = NAME.matcher(folder.getFileName().toString());
                if (matcher.matches()
                        && ProcessHandle.of(Long.parseLong(matcher.group(1))).isEmpty()) {
                    delete(folder);
                }
            }
        }
    }

    public Path path() {
        return path;
    }

    /** Gives the folder, complete, its lasting name. Where another process was faster, its folder holds the same. */
    void becomes(Path lasting) throws IOException {
        try {
            Files.move(path, lasting, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            if (!Files.isDirectory(lasting)) {
                throw e;
            }
        }
    }

    @Override
    public void close() throws IOException {
        delete(path);
    }

    private static void delete(Path folder) throws IOException {
        List<Path> inside;
        try (Stream<Path> all = Files.walk(folder)) {
            inside = all.sorted(Comparator.reverseOrder()).toList();
        } catch (NoSuchFileException e) {
            return; // it has its lasting name
        }
        for (Path file : inside) {
            Files.deleteIfExists(file);
        }
    }
}
