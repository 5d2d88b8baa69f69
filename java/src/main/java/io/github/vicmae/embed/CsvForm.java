package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.FloatBuffer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Comma-separated values (RFC 4180): path, class, time, bytes, f0, f1, ... A path stands with the very bytes of the file's name, in quotes where it has
 * commas, quotes or line breaks; floats are written so that they are read again without loss. Beside it is a JSON file of the settings.
 */
final class CsvForm implements EmbeddingForm.Format {
    private static final int COLUMNS = 4;

    @Override
    public void write(Path file, EmbeddingTable table, List<String> classNames) throws IOException {
        RowFiles.writeCompanion(file, table, classNames, false);
        int width = table.settings().width();
        AtomicFile.write(file, channel -> {
            OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            StringBuilder header = new StringBuilder("path,class,time,bytes");
            for (int d = 0; d < width; d++) {
                header.append(",f").append(d);
            }
            ascii(out, header.append('\n'));
            FloatBuffer row = FloatBuffer.allocate(width);
            long at = 0;
            for (EmbeddedFile one : table.files()) {
                for (int i = 0; i < one.rows(); i++) {
                    table.read(at++, 1, row);
                    field(out, one.path());
                    out.write(',');
                    field(out, one.className() == null ? "" : one.className());
                    StringBuilder rest = new StringBuilder(",");
                    rest.append(one.times() == null ? "" : Double.toString(one.times()[i]));
                    rest.append(',').append(one.bytes());
                    for (int d = 0; d < width; d++) {
                        rest.append(',').append(row.get(d));
                    }
                    ascii(out, rest.append('\n'));
                }
            }
            out.flush();
        });
    }

    private static void ascii(OutputStream out, CharSequence text) throws IOException {
        out.write(text.toString().getBytes(StandardCharsets.US_ASCII));
    }

    private static void field(OutputStream out, String text) throws IOException {
        boolean isPlain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
                && text.equals(text.strip());
        out.write(FileNames.encode(isPlain ? text : '"' + text.replace("\"", "\"\"") + '"'));
    }

    @Override
    public EmbeddingTable open(Path file) throws IOException {
        JsonNode document = RowFiles.readCompanion(file);
        EmbeddingSettings settings =
                EmbeddingSettings.of(document, RowFiles.companion(file).toString());
        List<float[]> vectors = new ArrayList<>();
        List<EmbeddedFile> files = new ArrayList<>();
        RowDocument.FileRows rows = new RowDocument.FileRows(files::add);
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            record(in);
            for (List<String> record = record(in); record != null; record = record(in)) {
                if (record.size() != COLUMNS + settings.width()) {
                    throw new IOException("row " + (vectors.size() + 1) + " has " + record.size() + " fields, not "
                            + (COLUMNS + settings.width()));
                }
                String className = record.get(1).isEmpty() ? null : record.get(1);
                double time = record.get(2).isEmpty() ? Double.NaN : Double.parseDouble(record.get(2));
                rows.add(record.get(0), className, time, Long.parseLong(record.get(3)));
                float[] vector = new float[settings.width()];
                for (int d = 0; d < vector.length; d++) {
                    vector[d] = Float.parseFloat(record.get(COLUMNS + d));
                }
                vectors.add(vector);
            }
        } catch (NumberFormatException e) {
            throw new IOException(file + ": cannot be read: row " + (vectors.size() + 1) + ": " + e.getMessage(), e);
        } catch (IOException e) {
            throw FileErrors.cannot("read", file, e);
        }
        rows.end();
        return new Table(settings, files, vectors);
    }

    /** The fields of the next record, null at the end. */
    private static List<String> record(InputStream in) throws IOException {
        List<String> fields = new ArrayList<>();
        ByteArrayOutputStream field = new ByteArrayOutputStream();
        boolean isQuoted = false;
        boolean hasEnded = false;
        int c = in.read();
        if (c < 0) {
            return null;
        }
        for (; ; c = in.read()) {
            if (c == '"') {
                // Two quotes inside of quotes are one: the first ends them, the second begins them again and stands for
                // itself.
                if (hasEnded) {
                    field.write('"');
                }
                hasEnded = isQuoted;
                isQuoted = !isQuoted;
                continue;
            }
            hasEnded = false;
            if (isQuoted) {
                if (c < 0) {
                    throw new EOFException("it ends within quotes");
                }
                field.write(c);
            } else if (c == ',') {
                fields.add(FileNames.decode(field.toByteArray()));
                field.reset();
            } else if (c == '\n' || c < 0) {
                fields.add(FileNames.decode(field.toByteArray()));
                return fields;
            } else {
                field.write(c);
            }
        }
    }

    private record Table(EmbeddingSettings settings, List<EmbeddedFile> files, List<float[]> vectors)
            implements EmbeddingTable {
        @Override
        public void read(long first, int count, FloatBuffer out) {
            for (int i = 0; i < count; i++) {
                out.put(i * settings.width(), vectors.get((int) first + i));
            }
        }

        @Override
        public void close() {
            // all of it is in memory
        }
    }
}
