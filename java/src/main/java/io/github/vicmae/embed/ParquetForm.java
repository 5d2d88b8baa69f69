package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;

/**
 * Apache Parquet: path, class, time in seconds, size in bytes, and the embedding as a list of floats. A path whose bytes are no UTF-8 stands with
 * replacement characters, since a text has to be UTF-8, and with its bytes in the column {@code path_bytes}, which is null elsewhere. The settings and the
 * files that could not be read are in the file's key-value metadata, as JSON.
 *
 * <p>Row groups are of about 64 MiB, values PLAIN and not compressed: floats of embeddings hardly are compressible.
 *
 * @see <a href="https://parquet.apache.org/docs/file-format/">The format</a>
 */
final class ParquetForm implements EmbeddingForm.Format {
    /** The key of the metadata. */
    static final String KEY = "vicmae";

    private static final byte[] MAGIC = {'P', 'A', 'R', '1'};
    private static final int GROUP_BYTES = 64 << 20;

    @Override
    public void write(Path file, EmbeddingTable table, List<String> classNames) throws IOException {
        int width = table.settings().width();
        int groupRows = Math.max(1, GROUP_BYTES / (width * Float.BYTES));
        AtomicFile.write(file, out -> {
            ByteArrayOutputStream start = new ByteArrayOutputStream();
            start.writeBytes(MAGIC);
            ParquetColumns columns = new ParquetColumns(out, start);
            List<RowGroup> groups = new ArrayList<>();
            List<ParquetColumns.Row> rows = new ArrayList<>();
            long first = 0;
            for (EmbeddedFile one : table.files()) {
                for (int row = 0; row < one.rows(); row++) {
                    rows.add(new ParquetColumns.Row(one, row));
                    if (rows.size() == groupRows) {
                        groups.add(columns.group(table, first, rows));
                        first += rows.size();
                        rows.clear();
                    }
                }
            }
            if (!rows.isEmpty()) {
                groups.add(columns.group(table, first, rows));
            }
            FileMetaData meta = new FileMetaData(1, ParquetColumns.schema(), table.rows(), groups);
            meta.setCreated_by("vicmae");
            KeyValue document = new KeyValue(KEY);
            document.setValue(RowDocument.text(table, classNames, false));
            meta.setKey_value_metadata(List.of(document));
            columns.end(meta, MAGIC);
        });
    }

    @Override
    public EmbeddingTable open(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            FileMetaData meta = footer(channel);
            String document = null;
            for (KeyValue pair : meta.isSetKey_value_metadata() ? meta.getKey_value_metadata() : List.<KeyValue>of()) {
                document = pair.getKey().equals(KEY) ? pair.getValue() : document;
            }
            if (document == null) {
                throw new IOException("it was not written by vicmae embed");
            }
            JsonNode tree = RowDocument.parse(document, file.toString());
            EmbeddingSettings settings = EmbeddingSettings.of(tree, file.toString());
            List<EmbeddedFile> files = new ArrayList<>();
            RowDocument.FileRows rows = new RowDocument.FileRows(files::add);
            Map<Long, Long> parts = new HashMap<>();
            long first = 0;
            for (RowGroup group : meta.getRow_groups()) {
                readRows(channel, group, rows);
                vectors(channel, group, settings.width(), first, parts);
                first += group.getNum_rows();
            }
            rows.end();
            return new RowFiles.Table(settings, files, new VectorFile(file, settings.width(), parts));
        } catch (RuntimeException e) {
            throw new IOException(file + ": cannot be read: it is damaged, or was not written by vicmae embed", e);
        } catch (IOException e) {
            throw FileErrors.cannot("read", file, e);
        }
    }

    /** @throws IOException if the file is no Parquet file */
    static FileMetaData footer(FileChannel file) throws IOException {
        int tail = Integer.BYTES + MAGIC.length;
        long size = file.size();
        if (size < MAGIC.length + tail) {
            throw new IOException("it is too short for a Parquet file");
        }
        ByteBuffer end = bytes(file, size - tail, tail);
        int length = end.getInt();
        byte[] magic = new byte[MAGIC.length];
        end.get(magic);
        if (!Arrays.equals(magic, MAGIC) || length < 0 || length > size - tail - MAGIC.length) {
            throw new IOException("it is no Parquet file");
        }
        return Util.readFileMetaData(stream(file, size - tail - length));
    }

    private static ByteBuffer bytes(FileChannel file, long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        for (long at = offset; bytes.hasRemaining(); ) {
            int read = file.read(bytes, at);
            if (read < 0) {
                throw new IOException("it ends before byte " + (offset + length));
            }
            at += read;
        }
        return bytes.flip();
    }

    private static InputStream stream(FileChannel file, long offset) throws IOException {
        file.position(offset);
        return new BufferedInputStream(Channels.newInputStream(file), 1 << 14);
    }

    /** The one page of a column whose values are short. */
    private static ByteBuffer page(FileChannel file, ColumnMetaData column) throws IOException {
        CountingStream in = new CountingStream(stream(file, column.getData_page_offset()));
        PageHeader header = Util.readPageHeader(in);
        return bytes(file, column.getData_page_offset() + in.count, header.getUncompressed_page_size());
    }

    private static void readRows(FileChannel file, RowGroup group, RowDocument.FileRows rows) throws IOException {
        List<ColumnChunk> columns = group.getColumns();
        int count = Math.toIntExact(group.getNum_rows());
        ByteBuffer paths = page(file, columns.get(0).getMeta_data());
        ByteBuffer pathBytes = page(file, columns.get(1).getMeta_data());
        ByteBuffer classes = page(file, columns.get(2).getMeta_data());
        ByteBuffer times = page(file, columns.get(3).getMeta_data());
        ByteBuffer sizes = page(file, columns.get(4).getMeta_data());
        boolean[] hasBytes = ParquetColumns.levels(pathBytes, count);
        boolean[] hasClass = ParquetColumns.levels(classes, count);
        boolean[] hasTime = ParquetColumns.levels(times, count);
        for (int row = 0; row < count; row++) {
            byte[] path = ParquetColumns.binary(paths);
            byte[] exact = hasBytes[row] ? ParquetColumns.binary(pathBytes) : path;
            rows.add(
                    FileNames.decode(exact),
                    hasClass[row] ? new String(ParquetColumns.binary(classes), StandardCharsets.UTF_8) : null,
                    hasTime[row] ? times.getDouble() : Double.NaN,
                    sizes.getLong());
        }
    }

    /** Where the values of each page begin. */
    private static void vectors(FileChannel file, RowGroup group, int width, long first, Map<Long, Long> parts)
            throws IOException {
        ColumnMetaData column = group.getColumns().get(5).getMeta_data();
        long offset = column.getData_page_offset();
        long row = first;
        while (row < first + group.getNum_rows()) {
            CountingStream in = new CountingStream(stream(file, offset));
            PageHeader header = Util.readPageHeader(in);
            long values = header.getData_page_header().getNum_values();
            long end = offset + in.count + header.getUncompressed_page_size();
            parts.put(row, end - values * Float.BYTES);
            row += values / width;
            offset = end;
        }
    }

    /** Counts what is read, byte by byte as Thrift does. */
    private static final class CountingStream extends InputStream {
        private final InputStream in;
        private long count;

        CountingStream(InputStream in) {
            this.in = in;
        }

        @Override
        public int read() throws IOException {
            int value = in.read();
            count += value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int read = in.read(into, offset, length);
            count += Math.max(0, read);
            return read;
        }
    }
}
