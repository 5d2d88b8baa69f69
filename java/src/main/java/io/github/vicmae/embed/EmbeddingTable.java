package io.github.vicmae.embed;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;

/** Embeddings of files, wherever they are stored: the rows of all files, one file behind the other. */
public interface EmbeddingTable extends AutoCloseable {
    EmbeddingSettings settings();

    /** The files in the order of their rows, those that could not be read among them. */
    List<EmbeddedFile> files();

    /**
     * Reads rows that lie one behind the other.
     *
     * @param first from 0
     * @param out receives [count, width] from index 0 on
     * @throws IOException if they cannot be read
     */
    void read(long first, int count, FloatBuffer out) throws IOException;

    /** All rows. */
    default long rows() {
        return files().stream().mapToLong(EmbeddedFile::rows).sum();
    }

    @Override
    void close() throws IOException;
}
