package io.github.vicmae.io;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the folder {@code shared} beside the repository, which holds files that the repository does not carry. */
final class SharedFolder {
    private SharedFolder() {}

    /** Returns a file of that folder; skips the calling test, saying why, if it is not there. */
    static Path file(String name) {
        String given = System.getProperty("vicmae.shared");
        if (given != null) {
            return existing(Path.of(given).resolve(name));
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("shared"))) {
                return existing(at.resolve("shared").resolve(name));
            }
        }
        assumeTrue(false, "There is no folder `shared` beside the repository; -Dvicmae.shared=FOLDER names it.");
        throw new AssertionError();
    }

    private static Path existing(Path file) {
        assumeTrue(Files.exists(file), file + " is missing.");
        return file;
    }
}
