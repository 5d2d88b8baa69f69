package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.FloatBuffer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The file beside one that says what its rows are, and tables that are read from files. */
final class RowFiles {
    private RowFiles() {}

    static Path companion(Path file) {
        return file.resolveSibling(file.getFileName() + ".json");
    }

    static void writeCompanion(Path file, EmbeddingTable table, List<String> classNames, boolean hasRows)
            throws IOException {
        AtomicFile.write(companion(file), out -> {
            Writer text = new OutputStreamWriter(Channels.newOutputStream(out), StandardCharsets.US_ASCII);
            RowDocument.write(table, classNames, hasRows, new Unclosed(text));
            text.flush();
        });
    }

    static JsonNode readCompanion(Path file) throws IOException {
        Path companion = companion(file);
        try {
            return RowDocument.parse(Files.readString(companion), companion.toString());
        } catch (IOException e) {
            throw e.getMessage().startsWith(companion.toString() + " ") ? e : FileErrors.cannot("read", companion, e);
        }
    }

    /** Leaves closing to the one that opened. */
    private static final class Unclosed extends FilterWriter {
        Unclosed(Writer out) {
            super(out);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }

    /** A table whose vectors lie in a file. */
    record Table(EmbeddingSettings settings, List<EmbeddedFile> files, VectorFile vectors) implements EmbeddingTable {
        @Override
        public void read(long first, int count, FloatBuffer out) throws IOException {
            vectors.read(first, count, out);
        }

        @Override
        public void close() throws IOException {
            vectors.close();
        }
    }
}
