package io.github.vicmae.lab;

import io.github.vicmae.loss.UserLoss;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A working example of a loss: InfoNCE. */
public final class LossTemplate {
    private LossTemplate() {}

    /**
     * Writes the example.
     *
     * @param file a new file, whose name ends in .cu
     * @throws IllegalArgumentException if the name ends differently
     * @throws IOException if the file exists, which leaves it unchanged, or it cannot be written
     */
    public static void write(Path file) throws IOException {
        UserLoss.requireFile(file);
        try (InputStream in = LossTemplate.class.getResourceAsStream("template.cu")) {
            if (in == null) {
                throw new IOException("This build has no template of a loss; build it again with 'mvn package'");
            }
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("FILE.cu", file.getFileName().toString());
            if (file.toAbsolutePath().getParent() != null) {
                Files.createDirectories(file.toAbsolutePath().getParent());
            }
            Files.writeString(file, text, StandardOpenOption.CREATE_NEW);
        } catch (FileAlreadyExistsException e) {
            throw new IOException(file + " exists already and was not changed; name another file", e);
        }
    }
}
