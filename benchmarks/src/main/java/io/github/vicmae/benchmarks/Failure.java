package io.github.vicmae.benchmarks;

import io.github.vicmae.device.DeviceMemoryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Why a benchmark could not be set up, handed from JMH's process to the one that started it. */
final class Failure {
    private static final String PROPERTY = "vicmae.benchmarks.failure";
    private static final String MEMORY = "memory ";
    private static final String OTHER = "other ";

    private final Path file;

    /** Creates a file for a failure, which is deleted when this process ends. */
    Failure() throws IOException {
        file = Files.createTempFile("vicmae-failure-", ".txt");
        file.toFile().deleteOnExit();
        System.setProperty(PROPERTY, file.toString()); // for benchmarks in this process
    }

    /**
     * A failure.
     *
     * @param memory whether the device had no memory left
     * @param why one line
     */
    record Told(boolean memory, String why) {}

    /** The JVM option for JMH's process. */
    String option() {
        return "-D" + PROPERTY + "=" + file;
    }

    /** Records a failure where it happens. */
    static void tell(Throwable failure) {
        String to = System.getProperty(PROPERTY);
        if (to != null) {
            String kind = failure instanceof DeviceMemoryException ? MEMORY : OTHER;
            try {
                Files.writeString(
                        Path.of(to), kind + (failure.getMessage() == null ? failure.toString() : failure.getMessage()));
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
        }
    }

    /** Returns and clears the last failure; {@code otherwise} if there is none. */
    Told take(String otherwise) {
        try {
            String said = Files.readString(file).lines().findFirst().orElse("");
            Files.writeString(file, "");
            return said.isBlank()
                    ? new Told(false, otherwise)
                    : new Told(said.startsWith(MEMORY), said.substring(said.indexOf(' ') + 1));
        } catch (IOException e) {
            return new Told(false, otherwise);
        }
    }
}
