package io.github.vicmae.embed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.io.Safetensors;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.SchemaElement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EmbeddingFormTest {
    private static final List<String> CLASSES = List.of("a,b", "caf\u00e9");

    @TempDir
    Path dir;

    /** A table in memory. */
    private record Table(EmbeddingSettings settings, List<EmbeddedFile> files, float[][] vectors)
            implements EmbeddingTable {
        @Override
        public void read(long first, int count, FloatBuffer out) {
            for (int i = 0; i < count; i++) {
                out.put(i * settings.width(), vectors[(int) first + i]);
            }
        }

        @Override
        public void close() {}
    }

    private static EmbeddingSettings settings(int tokens, int dim) {
        return new EmbeddingSettings(
                "runs/\u00fc/model.safetensors", "ab".repeat(32), "pooled", 1, 0.5, false, "fp32", tokens, dim);
    }

    private static Table table(int tokens, int dim) {
        String bytes = FileNames.decode(new byte[] {'x', (byte) 0xE9, '\n', '"', (byte) 0xFF, '.', 'p'});
        List<EmbeddedFile> files = List.of(
                new EmbeddedFile("plain.png", 10, 0, false, null, null, 1, null),
                new EmbeddedFile(
                        "a, \"b\"\r\n\u00e9 \ud83d\ude00.mp4", 20, 0, true, "a,b", new double[] {0, 0.5, 1}, 3, null),
                new EmbeddedFile("broken.png", 3, 0, false, "a,b", null, 0, "it is \"broken\""),
                new EmbeddedFile(bytes, 30, 0, false, "caf\u00e9", null, 1, null),
                new EmbeddedFile(" \"quoted\" ", 40, 0, true, null, new double[] {0.1 + 0.2}, 1, null));
        Random random = new Random(1);
        float[][] rows = new float[6][tokens * dim];
        for (float[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                row[i] = (float) random.nextGaussian() * (i == 0 ? 1e-30f : 1);
            }
        }
        return new Table(settings(tokens, dim), files, rows);
    }

    @ParameterizedTest
    @EnumSource
    void aTableIsReadAgainAsItWas(EmbeddingForm form) throws IOException {
        Table table = table(1, 7);
        Path file = dir.resolve("t." + form.name().toLowerCase(Locale.ROOT));
        form.write(file, table, CLASSES);
        try (EmbeddingTable read = EmbeddingForm.of(file).open(file)) {
            assertEquals(table.settings, read.settings());
            assertEquals(List.of(), table.settings.differences(read.settings()));
            List<EmbeddedFile> expected =
                    table.files.stream().filter(f -> f.rows() > 0).toList();
            assertEquals(expected.size(), read.files().size());
            for (int i = 0; i < expected.size(); i++) {
                EmbeddedFile a = expected.get(i);
                EmbeddedFile b = read.files().get(i);
                assertEquals(a.path(), b.path());
                assertEquals(a.bytes(), b.bytes());
                assertEquals(a.className(), b.className());
                assertArrayEquals(a.times(), b.times());
                assertEquals(a.rows(), b.rows());
            }
            assertEquals(6, read.rows());
            FloatBuffer rows = FloatBuffer.allocate(4 * 7);
            read.read(2, 4, rows);
            for (int i = 0; i < 4; i++) {
                for (int d = 0; d < 7; d++) {
                    assertEquals(table.vectors[2 + i][d], rows.get(7 * i + d));
                }
            }
        }
        String all = Files.readString(file, StandardCharsets.ISO_8859_1)
                + (form.companion(file) == null ? "" : Files.readString(form.companion(file)));
        assertTrue(all.contains("broken.png"), "skipped files are said, with their reason");
    }

    /** Python's os.fsencode of such a text gives the bytes. */
    @Test
    void theJsonIsAsciiWithSurrogatesForBytesThatAreNoUtf8() throws IOException {
        Path file = dir.resolve("t.npy");
        EmbeddingForm.NPY.write(file, table(1, 3), CLASSES);
        byte[] json = Files.readAllBytes(EmbeddingForm.NPY.companion(file));
        for (byte b : json) {
            assertTrue(b > 0);
        }
        assertTrue(new String(json, StandardCharsets.US_ASCII).contains("\"x\\uDCE9\\n\\\"\\uDCFF.p\""));
        JsonNode tree = new ObjectMapper().readTree(json);
        assertEquals(6, tree.get("rows").asInt());
        assertEquals(
                "[null,\"a,b\",\"a,b\",\"a,b\",\"caf\u00e9\",null]",
                tree.get("classes").toString());
        assertEquals(
                "[null,0.0,0.5,1.0,null,0.30000000000000004]", tree.get("times").toString());
        assertEquals(
                "it is \"broken\"", tree.get("skipped").get(0).get("reason").asText());
    }

    /** Every part of a record as RFC 4180 has it, and a path with the very bytes of the file's name. */
    @Test
    void theCsvHoldsTheBytesOfNames() throws IOException {
        Path file = dir.resolve("t.csv");
        EmbeddingForm.CSV.write(file, table(1, 2), CLASSES);
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertTrue(text.startsWith("path,class,time,bytes,f0,f1\nplain.png,,,10,"), text);
        assertTrue(text.contains("\n\"x\u00e9\n\"\"\u00ff.p\",caf\u00c3\u00a9,,30,"), text);
        assertTrue(text.contains("\n\" \"\"quoted\"\" \",,0.30000000000000004,40,"), text);
    }

    @Test
    void theParquetFooterSaysWhatOtherReadersNeed() throws IOException {
        Path file = dir.resolve("t.parquet");
        List<EmbeddedFile> files = new ArrayList<>();
        int dim = 1 << 20; // 16 rows of 4 MiB fill a row group
        for (int i = 0; i < 17; i++) {
            files.add(new EmbeddedFile("f" + i, i, 0, false, i % 2 == 0 ? null : "c", null, 1, null));
        }
        float[][] rows = new float[17][dim];
        for (int i = 0; i < 17; i++) {
            rows[i][dim - 1] = i;
        }
        EmbeddingForm.PARQUET.write(file, new Table(settings(1, dim), files, rows), List.of("c"));
        FileMetaData meta;
        try (FileChannel channel = FileChannel.open(file)) {
            meta = ParquetForm.footer(channel);
        }
        assertEquals(17, meta.getNum_rows());
        assertEquals(
                List.of("schema", "path", "path_bytes", "class", "time", "bytes", "embedding", "list", "element"),
                meta.getSchema().stream().map(SchemaElement::getName).toList());
        assertEquals(2, meta.getRow_groups().size());
        assertEquals(16, meta.getRow_groups().get(0).getNum_rows());
        assertEquals(
                16L * dim,
                meta.getRow_groups().get(0).getColumns().get(5).getMeta_data().getNum_values());
        try (EmbeddingTable read = EmbeddingForm.PARQUET.open(file)) {
            FloatBuffer row = FloatBuffer.allocate(dim);
            for (int i = 0; i < 17; i++) {
                read.read(i, 1, row);
                assertEquals(i, row.get(dim - 1));
                assertEquals(i % 2 == 0 ? null : "c", read.files().get(i).className());
            }
        }
    }

    @Test
    void rowsOfPatchesKeepTheirShape() throws IOException {
        Table table = table(4, 3);
        Path npy = dir.resolve("p.npy");
        EmbeddingForm.NPY.write(npy, table, CLASSES);
        assertTrue(Files.readString(npy, StandardCharsets.ISO_8859_1).contains("'shape': (6, 4, 3)"));
        Path tensors = dir.resolve("p.safetensors");
        EmbeddingForm.SAFETENSORS.write(tensors, table, CLASSES);
        try (Safetensors read = Safetensors.open(tensors)) {
            assertArrayEquals(new long[] {6, 4, 3}, read.info("features").shape());
            assertArrayEquals(new long[] {6}, read.info("labels").shape());
            assertEquals("a,b\ncaf\u00e9", read.metadata().get("classes"));
        }
    }

    @Test
    void otherFilesAreRefusedWithASentence() throws IOException {
        assertThrows(IllegalArgumentException.class, () -> EmbeddingForm.of(Path.of("x.txt")));
        for (EmbeddingForm form : EmbeddingForm.values()) {
            Path file = Files.write(dir.resolve("other." + form), new byte[100]);
            IOException e = assertThrows(IOException.class, () -> form.open(file));
            assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
        }
        assertNull(EmbeddingForm.PARQUET.companion(Path.of("x.parquet")));
    }
}
