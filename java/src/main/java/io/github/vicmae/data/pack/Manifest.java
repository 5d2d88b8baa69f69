package io.github.vicmae.data.pack;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What lies in a folder of shards, as {@code manifest.json}: how they were made, from what, and a checksum of each.
 *
 * @param settings how the data was packed
 * @param fingerprint of the data that was packed
 * @param classes names by label; empty if there are none
 * @param shards that are there, in their order
 */
record Manifest(PackSettings settings, String fingerprint, List<String> classes, List<PackedShard> shards) {
    static final String NAME = "manifest.json";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** The manifest of a folder, or null if it has none. @throws IOException if it cannot be read */
    static Manifest read(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            return MAPPER.readValue(Files.readAllBytes(file), Manifest.class);
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is no manifest of packed data; pack into another folder", e);
        }
    }

    void write(Path folder) throws IOException {
        byte[] bytes = MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(this);
        AtomicFile.write(folder.resolve(NAME), out -> out.write(ByteBuffer.wrap(bytes)));
    }
}
