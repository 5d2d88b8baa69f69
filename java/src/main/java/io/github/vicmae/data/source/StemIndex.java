package io.github.vicmae.data.source;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The files of a folder and of the folders in it by their names without extensions, and these folders by their names. Of several with one name the first
 * one counts, that which lies less deep.
 */
final class StemIndex {
    private final Map<String, Path> byStem = new HashMap<>();
    private final Set<Kind> kinds;

    /**
     * Looks through a folder.
     *
     * @param kinds of files
     * @param levels of folders in it that are looked through as well
     */
    StemIndex(Path folder, Set<Kind> kinds, int levels) throws IOException {
        this.kinds = kinds;
        add(folder, levels);
    }

    /** The file or folder with a name, or null if there is none. */
    Path get(String name) {
        return byStem.get(name);
    }

    private void add(Path folder, int levels) throws IOException {
        List<Path> folders = new ArrayList<>();
        for (Path entry : sorted(folder)) {
            String name = FileNames.text(entry.getFileName());
            Kind kind = Kind.of(entry);
            if (kind != null && kinds.contains(kind)) {
                byStem.putIfAbsent(name.substring(0, name.lastIndexOf('.')), entry);
            } else if (kind == null && Files.isDirectory(entry)) {
                byStem.putIfAbsent(name, entry);
                folders.add(entry);
            }
        }
        for (Path inner : levels > 0 ? folders : List.<Path>of()) {
            add(inner, levels - 1);
        }
    }

    private static List<Path> sorted(Path folder) throws IOException {
        try (Stream<Path> listed = Files.list(folder)) {
            return listed.sorted().toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }
}
