package io.github.vicmae.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Why a benchmark could not be set up, handed from JMH's process to the one that started it. */
final class Failure {
    private static final String PROPERTY = "vicmae.benchmarks.failure";

    private final Path file;

    /** A place for a failure; it goes when this process ends. */
    Failure() throws IOException {
        file = Files.createTempFile("vicmae-failure-", ".txt");
        file.toFile().deleteOnExit();
        System.setProperty(PROPERTY, file.toString()); // for benchmarks in this process
    }

    /** What JMH's process must be given. */
    String option() {
        return "-D" + PROPERTY + "=" + file;
    }

    /** Called where it happens. */
    static void tell(Throwable failure) {
        String to = System.getProperty(PROPERTY);
        if (to != null) {
            try {
                Files.writeString(
                        Path.of(to), failure.getMessage() == null ? failure.toString() : failure.getMessage());
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
        }
    }

    /** The last one, which is forgotten; or {@code otherwise}. */
    String take(String otherwise) {
        try {
            String said = Files.readString(file).strip();
            Files.writeString(file, "");
            return said.isEmpty() ? otherwise : said.lines().findFirst().orElse(otherwise);
        } catch (IOException e) {
            return otherwise;
        }
    }
}
