package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.NpyFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;

/** NumPy's file of the vectors, [n, D] or [n, P, D], and beside it a JSON file of what the rows are. */
final class NpyForm implements EmbeddingForm.Format {
    @Override
    public void write(Path file, EmbeddingTable table, List<String> classNames) throws IOException {
        RowFiles.writeCompanion(file, table, classNames, true);
        EmbeddingSettings settings = table.settings();
        long[] shape = settings.tokensOfRow() == 1
                ? new long[] {table.rows(), settings.dim()}
                : new long[] {table.rows(), settings.tokensOfRow(), settings.dim()};
        AtomicFile.write(file, out -> {
            ByteBuffer header = ByteBuffer.wrap(NpyFile.header(shape));
            while (header.hasRemaining()) {
                out.write(header);
            }
            VectorFile.copy(table, out);
        });
    }

    @Override
    public EmbeddingTable open(Path file) throws IOException {
        JsonNode document = RowFiles.readCompanion(file);
        EmbeddingSettings settings =
                EmbeddingSettings.of(document, RowFiles.companion(file).toString());
        long start;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            start = NpyFile.headerLength(channel);
        } catch (IOException e) {
            throw FileErrors.cannot("read", file, e);
        }
        return new RowFiles.Table(
                settings, RowDocument.files(document), new VectorFile(file, settings.width(), Map.of(0L, start)));
    }
}
