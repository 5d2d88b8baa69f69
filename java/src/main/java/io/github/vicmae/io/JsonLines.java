package io.github.vicmae.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A file of JSON objects, one on each line, that is appended to. Every line is handed to the operating system at once,
 * so that a killed process loses at most the line that it was writing. Methods may be called from several threads.
 */
public final class JsonLines implements AutoCloseable {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();
    /** For texts with half of a surrogate pair, which UTF-8 cannot hold: the bytes of a file name that are none. */
    private static final ObjectMapper ASCII =
            JSON.copy().configure(JsonWriteFeature.ESCAPE_NON_ASCII.mappedFeature(), true);

    private final Path path;
    private FileChannel channel;

    private JsonLines(Path path) throws IOException {
        this.path = path;
        this.channel = openAtEnd(path);
    }

    /**
     * Opens a file for appending, and creates it if it does not exist. A last line without its line break, which a killed
     * process has left, is removed.
     *
     * @throws IOException if the file cannot be written; the message names it
     */
    public static JsonLines open(Path path) throws IOException {
        return new JsonLines(path);
    }

    private static FileChannel openAtEnd(Path path) throws IOException {
        try {
            FileChannel channel = FileChannel.open(
                    path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                channel.truncate(endOfLastLine(channel));
                channel.position(channel.size());
                return channel;
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw FileErrors.cannot("write", path, e);
        }
    }

    private static long endOfLastLine(FileChannel channel) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(1 << 12);
        for (long end = channel.size(); end > 0; ) {
            long start = Math.max(0, end - block.capacity());
            Safetensors.readFully(channel, start, block.clear().limit((int) (end - start)));
            for (int i = block.limit() - 1; i >= 0; i--) {
                if (block.get(i) == '\n') {
                    return start + i + 1;
                }
            }
            end = start;
        }
        return 0;
    }

    /**
     * Adds an object as one line. Numbers that are not finite, which JSON does not have, become null.
     *
     * @param object keys with texts, numbers, booleans, nulls, lists or maps
     * @throws IOException if the line cannot be written; what was written of it is removed again if possible
     */
    public synchronized void write(Map<String, ?> object) throws IOException {
        byte[] line = (text(finite(object)) + "\n").getBytes(StandardCharsets.UTF_8);
        long start = channel.position();
        try {
            ByteBuffer rest = ByteBuffer.wrap(line);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        } catch (IOException e) {
            if (channel.isOpen()) {
                channel.truncate(start);
            }
            throw FileErrors.cannot("write", path, e);
        }
    }

    private static String text(Object object) throws JsonProcessingException {
        String text = JSON.writeValueAsString(object);
        return StandardCharsets.UTF_8.newEncoder().canEncode(text) ? text : ASCII.writeValueAsString(object);
    }

    private static Object finite(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> copy = new LinkedHashMap<>();
            map.forEach((key, item) -> copy.put(String.valueOf(key), finite(item)));
            return copy;
        }
        if (value instanceof List<?> list) {
            List<Object> copy = new ArrayList<>();
            list.forEach(item -> copy.add(finite(item)));
            return copy;
        }
        boolean number = value instanceof Double || value instanceof Float;
        return number && !Double.isFinite(((Number) value).doubleValue()) ? null : value;
    }

    /**
     * Removes what was written after a step, for a run that goes on from that step's checkpoint. Lines without a number
     * {@code step} belong to the line with one before them.
     *
     * @param step the last step whose lines stay
     * @throws IOException if the file cannot be rewritten; it is then as it was
     */
    public synchronized void truncateAfter(long step) throws IOException {
        channel.close();
        try {
            AtomicFile.write(path, out -> copyUntil(step, out));
        } finally {
            channel = openAtEnd(path);
        }
    }

    private void copyUntil(long step, FileChannel out) throws IOException {
        try (BufferedReader reader = reader(path)) {
            long current = Long.MIN_VALUE;
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                JsonNode object = parse(line);
                if (object != null && object.path("step").isIntegralNumber()) {
                    current = object.path("step").longValue();
                }
                if (current <= step) {
                    ByteBuffer bytes = StandardCharsets.UTF_8.encode(line + "\n");
                    while (bytes.hasRemaining()) {
                        out.write(bytes);
                    }
                }
            }
        }
    }

    /**
     * Reads all objects of a file in order. Lines that are not a JSON object, such as one cut off by a crash, are passed
     * over.
     *
     * @return the number of lines that were passed over
     * @throws IOException if the file cannot be read
     */
    public static int read(Path path, Consumer<JsonNode> consumer) throws IOException {
        int unreadable = 0;
        try (BufferedReader reader = reader(path)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                JsonNode object = parse(line);
                if (object != null) {
                    consumer.accept(object);
                } else if (!line.isBlank()) {
                    unreadable++;
                }
            }
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
        return unreadable;
    }

    /** This reader replaces bytes that are not UTF-8; they then fail as JSON or stay visible in a text. */
    private static BufferedReader reader(Path path) throws IOException {
        return new BufferedReader(new InputStreamReader(Files.newInputStream(path), StandardCharsets.UTF_8));
    }

    private static JsonNode parse(String line) {
        try {
            JsonNode node = JSON.readTree(line);
            return node != null && node.isObject() ? node : null;
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    @Override
    public synchronized void close() throws IOException {
        channel.close();
    }
}
