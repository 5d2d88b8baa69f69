package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * Tensors {@code features} [n, D] or [n, P, D], {@code labels} and {@code times} [n], and as metadata {@code rows}, the JSON of what the rows are, and for
 * people {@code paths} and {@code classes}, a line each.
 */
final class SafetensorsForm implements EmbeddingForm.Format {
    private static final String FEATURES = "features";
    private static final String ROWS = "rows";

    @Override
    public void write(Path file, EmbeddingTable table, List<String> classNames) throws IOException {
        EmbeddingSettings settings = table.settings();
        int rows = Math.toIntExact(table.rows());
        int width = settings.width();
        long[] labels = new long[rows];
        float[] times = new float[rows];
        StringBuilder paths = new StringBuilder();
        int at = 0;
        for (EmbeddedFile one : table.files()) {
            for (int row = 0; row < one.rows(); row++) {
                paths.append(FileNames.printable(one.path())).append('\n');
                labels[at] = one.className() == null ? -1 : classNames.indexOf(one.className());
                times[at++] = (float) one.time(row);
            }
        }
        long[] shape = settings.tokensOfRow() == 1
                ? new long[] {rows, settings.dim()}
                : new long[] {rows, settings.tokensOfRow(), settings.dim()};
        new SafetensorsWriter()
                .metadata(ROWS, RowDocument.text(table, classNames, true))
                .metadata("paths", paths.toString())
                .metadata("classes", String.join("\n", classNames))
                .add(FEATURES, DType.F32, shape, new Rows(table, width))
                .add("labels", new long[] {rows}, labels)
                .add("times", new long[] {rows}, times)
                .write(file);
    }

    /** Chunks need not end with a row. */
    private static final class Rows implements SafetensorsWriter.Source {
        private final EmbeddingTable table;
        private final int width;
        private final FloatBuffer row;
        private long loaded = -1;

        Rows(EmbeddingTable table, int width) {
            this.table = table;
            this.width = width;
            row = FloatBuffer.allocate(width);
        }

        @Override
        public void fill(long offset, ByteBuffer chunk) throws IOException {
            for (long at = offset / Float.BYTES; chunk.hasRemaining(); ) {
                if (at / width != loaded) {
                    loaded = at / width;
                    table.read(loaded, 1, row);
                }
                int from = (int) (at % width);
                int count = Math.min(width - from, chunk.remaining() / Float.BYTES);
                for (int i = 0; i < count; i++) {
                    chunk.putFloat(row.get(from + i));
                }
                at += count;
            }
        }
    }

    @Override
    public EmbeddingTable open(Path file) throws IOException {
        Safetensors tensors = Safetensors.open(file);
        try {
            String rows = tensors.metadata().get(ROWS);
            if (rows == null || !tensors.contains(FEATURES)) {
                throw new IOException(file + " was not written by vicmae embed");
            }
            JsonNode document = RowDocument.parse(rows, file.toString());
            EmbeddingSettings settings = EmbeddingSettings.of(document, file.toString());
            TensorInfo info = tensors.info(FEATURES);
            if (info.dtype() != DType.F32) {
                throw new IOException(file + " holds features of the type " + info.dtype() + ", not F32");
            }
            return new Table(settings, RowDocument.files(document), tensors);
        } catch (IOException | RuntimeException e) {
            tensors.close();
            throw e;
        }
    }

    private record Table(EmbeddingSettings settings, List<EmbeddedFile> files, Safetensors tensors)
            implements EmbeddingTable {
        @Override
        public void read(long first, int count, FloatBuffer out) throws IOException {
            int width = settings.width();
            ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(Math.multiplyExact(count, width), Float.BYTES))
                    .order(ByteOrder.LITTLE_ENDIAN);
            tensors.read(FEATURES, first * width * Float.BYTES, bytes);
            out.put(0, bytes.flip().asFloatBuffer(), 0, count * width);
        }

        @Override
        public void close() throws IOException {
            tensors.close();
        }
    }
}
