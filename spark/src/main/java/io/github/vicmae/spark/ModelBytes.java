package io.github.vicmae.spark;

import io.github.vicmae.embed.Fingerprint;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of weights on its way to the executors, as Spark's broadcasts take it. (Files that a context brings along do not reach a session whose
 * artifacts are its own.)
 *
 * @param name of the file, whose extension says what it is
 * @param parts its bytes; an array cannot have as many as a large model
 */
record ModelBytes(String name, List<byte[]> parts) implements Serializable {
    private static final int PART = 64 << 20;

    static ModelBytes read(Path file) throws IOException {
        List<byte[]> parts = new ArrayList<>();
        try (InputStream in = Files.newInputStream(file)) {
            for (byte[] part = in.readNBytes(PART); part.length > 0; part = in.readNBytes(PART)) {
                parts.add(part);
            }
        }
        return new ModelBytes(file.getFileName().toString(), parts);
    }

    /** Writes a file of the same name into a new folder, both of which the caller deletes. */
    Path write() throws IOException {
        Path file = Files.createTempDirectory("vicmae-model").resolve(name);
        try (OutputStream out = Files.newOutputStream(file)) {
            for (byte[] part : parts) {
                out.write(part);
            }
        }
        return file;
    }

    /** Whether a file is the driver's. */
    static void requireSame(Path file, EmbedSettings settings) throws IOException {
        String found = Fingerprint.of(file);
        if (!found.equals(settings.fingerprint())) {
            throw new IOException("The model " + file + " (SHA-256 " + found.substring(0, 12)
                    + "...) is not the one that the driver began with ("
                    + settings.fingerprint().substring(0, 12)
                    + "...): vectors of different models must not be mixed; put the driver's there");
        }
    }
}
