package io.github.vicmae.data;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of sample files that may lie beside the repository. */
final class SharedData {
    private SharedData() {}

    /** A file below {@code shared/data}; the calling test is skipped if it is not there. */
    static Path file(String name) {
        String given = System.getProperty("vicmae.shared");
        Path found = null;
        if (given != null) {
            found = Path.of(given);
        }
        for (Path at = Path.of("").toAbsolutePath(); found == null && at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("shared/data"))) {
                found = at.resolve("shared");
            }
        }
        Path file = found == null ? null : found.resolve("data").resolve(name);
        assumeTrue(file != null && Files.exists(file), "there is no shared/data/" + name + " beside the repository");
        return file;
    }
}
