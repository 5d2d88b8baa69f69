package io.github.vicmae.embed;

import io.github.vicmae.data.source.FileNames;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.ListType;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.StringType;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.Util;

/** The columns of {@link ParquetForm}: schema, levels and PLAIN values. */
final class ParquetColumns {
    private static final int PAGE_BYTES = 1 << 20;

    private final FileChannel out;
    private long position;

    /** One row: which of a file's. */
    record Row(EmbeddedFile file, int row) {}

    private interface Presence {
        boolean has(Row row);
    }

    private interface Values {
        void write(Row row, ByteArrayOutputStream to);
    }

    /** @param start what is written first */
    ParquetColumns(FileChannel out, ByteArrayOutputStream start) throws IOException {
        this.out = out;
        write(start);
    }

    /** The columns; a list is the standard's three levels. */
    static List<SchemaElement> schema() {
        List<SchemaElement> schema = new ArrayList<>();
        schema.add(new SchemaElement("schema").setNum_children(6));
        schema.add(leaf("path", Type.BYTE_ARRAY, FieldRepetitionType.REQUIRED)
                .setConverted_type(ConvertedType.UTF8)
                .setLogicalType(LogicalType.STRING(new StringType())));
        schema.add(leaf("path_bytes", Type.BYTE_ARRAY, FieldRepetitionType.OPTIONAL));
        schema.add(leaf("class", Type.BYTE_ARRAY, FieldRepetitionType.OPTIONAL)
                .setConverted_type(ConvertedType.UTF8)
                .setLogicalType(LogicalType.STRING(new StringType())));
        schema.add(leaf("time", Type.DOUBLE, FieldRepetitionType.OPTIONAL));
        schema.add(leaf("bytes", Type.INT64, FieldRepetitionType.REQUIRED));
        schema.add(new SchemaElement("embedding")
                .setRepetition_type(FieldRepetitionType.REQUIRED)
                .setNum_children(1)
                .setConverted_type(ConvertedType.LIST)
                .setLogicalType(LogicalType.LIST(new ListType())));
        schema.add(new SchemaElement("list")
                .setRepetition_type(FieldRepetitionType.REPEATED)
                .setNum_children(1));
        schema.add(leaf("element", Type.FLOAT, FieldRepetitionType.REQUIRED));
        return schema;
    }

    private static SchemaElement leaf(String name, Type type, FieldRepetitionType repetition) {
        return new SchemaElement(name).setType(type).setRepetition_type(repetition);
    }

    /** Writes rows that lie one behind the other in a table. */
    RowGroup group(EmbeddingTable table, long first, List<Row> rows) throws IOException {
        List<ColumnChunk> chunks = new ArrayList<>();
        long start = position;
        chunks.add(column(List.of("path"), Type.BYTE_ARRAY, rows, null, (row, to) -> binary(to, text(row))));
        chunks.add(column(
                List.of("path_bytes"),
                Type.BYTE_ARRAY,
                rows,
                row -> FileNames.holdsBytes(row.file.path()),
                (row, to) -> binary(to, FileNames.encode(row.file.path()))));
        chunks.add(column(
                List.of("class"),
                Type.BYTE_ARRAY,
                rows,
                row -> row.file.className() != null,
                (row, to) -> binary(to, row.file.className().getBytes(StandardCharsets.UTF_8))));
        chunks.add(column(
                List.of("time"),
                Type.DOUBLE,
                rows,
                row -> row.file.times() != null,
                (row, to) -> fixed(to, Double.doubleToRawLongBits(row.file.time(row.row)))));
        chunks.add(column(List.of("bytes"), Type.INT64, rows, null, (row, to) -> fixed(to, row.file.bytes())));
        chunks.add(vectors(table, first, rows.size()));
        return new RowGroup(chunks, position - start, rows.size());
    }

    private static byte[] text(Row row) {
        String path = row.file.path();
        return FileNames.holdsBytes(path)
                ? new String(FileNames.encode(path), StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8)
                : FileNames.encode(path);
    }

    private ColumnChunk column(List<String> name, Type type, List<Row> rows, Presence presence, Values values)
            throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        if (presence != null) {
            boolean[] has = new boolean[rows.size()];
            for (int i = 0; i < has.length; i++) {
                has[i] = presence.has(rows.get(i));
            }
            levels(body, has);
        }
        for (Row row : rows) {
            if (presence == null || presence.has(row)) {
                values.write(row, body);
            }
        }
        long start = position;
        page(body, rows.size());
        return chunk(name, type, rows.size(), start);
    }

    private ColumnChunk vectors(EmbeddingTable table, long first, int rows) throws IOException {
        int width = table.settings().width();
        int most = Math.max(1, PAGE_BYTES / (width * Float.BYTES));
        ByteBuffer values =
                ByteBuffer.allocate(Math.min(most, rows) * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long start = position;
        for (int done = 0; done < rows; done += most) {
            int some = Math.min(most, rows - done);
            ByteArrayOutputStream repetitions = new ByteArrayOutputStream();
            for (int row = 0; row < some; row++) {
                run(repetitions, 1, false);
                run(repetitions, width - 1, true);
            }
            ByteArrayOutputStream definitions = new ByteArrayOutputStream();
            run(definitions, some * width, true);
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            withLength(body, repetitions);
            withLength(body, definitions);
            table.read(first + done, some, values.asFloatBuffer());
            body.write(values.array(), 0, some * width * Float.BYTES);
            page(body, some * width);
        }
        return chunk(List.of("embedding", "list", "element"), Type.FLOAT, (long) rows * width, start);
    }

    private ColumnChunk chunk(List<String> name, Type type, long values, long start) {
        ColumnMetaData meta = new ColumnMetaData(
                type,
                List.of(Encoding.PLAIN, Encoding.RLE),
                name,
                CompressionCodec.UNCOMPRESSED,
                values,
                position - start,
                position - start,
                start);
        return new ColumnChunk(start).setMeta_data(meta);
    }

    private void page(ByteArrayOutputStream body, int values) throws IOException {
        PageHeader header = new PageHeader(PageType.DATA_PAGE, body.size(), body.size());
        header.setData_page_header(new DataPageHeader(values, Encoding.PLAIN, Encoding.RLE, Encoding.RLE));
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        Util.writePageHeader(header, head);
        write(head);
        write(body);
    }

    /** Writes the footer. */
    void end(FileMetaData meta, byte[] magic) throws IOException {
        ByteArrayOutputStream footer = new ByteArrayOutputStream();
        Util.writeFileMetaData(meta, footer);
        ByteArrayOutputStream length = new ByteArrayOutputStream();
        integer(length, footer.size());
        footer.writeBytes(length.toByteArray());
        footer.writeBytes(magic);
        write(footer);
    }

    private void write(ByteArrayOutputStream bytes) throws IOException {
        ByteBuffer rest = ByteBuffer.wrap(bytes.toByteArray());
        position += rest.remaining();
        while (rest.hasRemaining()) {
            out.write(rest);
        }
    }

    private static void binary(ByteArrayOutputStream to, byte[] bytes) {
        integer(to, bytes.length);
        to.writeBytes(bytes);
    }

    private static void integer(ByteArrayOutputStream to, int value) {
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            to.write(value >>> shift);
        }
    }

    private static void fixed(ByteArrayOutputStream to, long value) {
        integer(to, (int) value);
        integer(to, (int) (value >>> Integer.SIZE));
    }

    /** Levels of one bit as runs (the RLE part of Parquet's hybrid), behind their length in bytes. */
    private static void levels(ByteArrayOutputStream to, boolean[] levels) {
        ByteArrayOutputStream runs = new ByteArrayOutputStream();
        for (int at = 0; at < levels.length; ) {
            int end = at + 1;
            while (end < levels.length && levels[end] == levels[at]) {
                end++;
            }
            run(runs, end - at, levels[at]);
            at = end;
        }
        withLength(to, runs);
    }

    private static void withLength(ByteArrayOutputStream to, ByteArrayOutputStream bytes) {
        integer(to, bytes.size());
        to.writeBytes(bytes.toByteArray());
    }

    private static void run(ByteArrayOutputStream to, int count, boolean level) {
        if (count == 0) {
            return;
        }
        long head = (long) count << 1;
        for (; head >= 0x80; head >>>= 7) {
            to.write((int) (head & 0x7F | 0x80));
        }
        to.write((int) head);
        to.write(level ? 1 : 0);
    }

    /** Reads levels that {@link #column} has written, as many as there are rows. */
    static boolean[] levels(ByteBuffer page, int count) {
        int end = page.getInt() + page.position();
        boolean[] levels = new boolean[count];
        for (int at = 0; page.position() < end; ) {
            int head = 0;
            for (int shift = 0; ; shift += 7) {
                int part = page.get();
                head |= (part & 0x7F) << shift;
                if (part >= 0) {
                    break;
                }
            }
            boolean level = page.get() != 0;
            for (int i = 0; i < head >>> 1; i++) {
                levels[at++] = level;
            }
        }
        return levels;
    }

    /** Reads a value of bytes. */
    static byte[] binary(ByteBuffer page) {
        byte[] bytes = new byte[page.getInt()];
        page.get(bytes);
        return bytes;
    }
}
