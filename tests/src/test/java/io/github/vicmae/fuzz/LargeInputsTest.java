package io.github.vicmae.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.io.Pickler;
import io.github.vicmae.io.PyTorchCheckpoint;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.objective.ModelConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What repeats something up to a quarter of a megabyte, or with -Pthorough a whole one: fuzzing seldom makes files so long, and here squares and
 * recursions show.
 */
class LargeInputsTest {
    private static final int BYTES = KernelFixture.isThorough() ? 1 << 20 : 1 << 18;
    /** Far more than a path has. */
    private static final int LONG_NAME = 1 << 16;

    /** Each line of a few bytes becomes a few objects: in proportion to the file, but not twice. */
    private static final long OBJECTS = 512L * BYTES;

    private static byte[] repeated(String start, String part) {
        return (start + part.repeat(BYTES / part.length())).getBytes(StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a\",\"\n",
                "\"",
                "\"\n",
                ",",
                " ",
                ", ",
                ".mp4,",
                "a.mp4 ",
                "x ",
                "\n",
                "x",
                "\t\".mp4",
                "\u00e9",
                "../"
            })
    void listsAreRead(String part) {
        for (String start : List.of("", "path,label\n", "youtube_id,time_start,time_end\n")) {
            ReaderContract.assertHolds(repeated(start, part), "long.csv", OBJECTS, file -> Dataset.scan(List.of(file)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":", "[{\"a\":", "{\"id\":1}", "{", "1", "\"", "\\", " "})
    void jsonIsRead(String part) {
        for (String start : List.of("", "[", "[{\"id\":", "{\"id\":\"")) {
            ReaderContract.assertHolds(
                    repeated(start, part), "long.json", OBJECTS, file -> Dataset.scan(List.of(file)));
            ReaderContract.assertHolds(
                    repeated(start, part), "long.json", file -> ModelConfig.ofJson(Files.readString(file)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"./", "a/", "../", "a.", ".", "\\", "1.0001.jpg"})
    void tarsWithLongNamesAreRead(String part) throws IOException {
        String name = part.repeat(LONG_NAME / part.length()) + ".jpg";
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(bytes)) {
            // A PAX header by hand: the library takes seconds to make one of such a length.
            add(out, new TarArchiveEntry("header", TarConstants.LF_PAX_EXTENDED_HEADER_LC), pax("path=" + name));
            add(out, new TarArchiveEntry("short.jpg"), "1");
        }
        ReaderContract.assertHolds(
                bytes.toByteArray(),
                "long.tar",
                file -> assertTrue(
                        Dataset.scan(List.of(file)).samples().stream().noneMatch(s -> s.id().contains("short")),
                        "the header was not read"));
    }

    private static void add(TarArchiveOutputStream out, TarArchiveEntry entry, String content) throws IOException {
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        entry.setSize(bytes.length);
        out.putArchiveEntry(entry);
        out.write(bytes);
        out.closeArchiveEntry();
    }

    /** A record that begins with its own length, which counts itself. */
    private static String pax(String record) {
        int rest = record.length() + 2; // a space before it and a line break behind it
        int length = rest + 1;
        while (length != rest + Integer.toString(length).length()) {
            length = rest + Integer.toString(length).length();
        }
        return length + " " + record + "\n";
    }

    /** Opcodes: an empty list, dictionary or tuple, each also kept in the memo; a value in tuples in tuples; marks; names; calls. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "]",
                "}",
                ")",
                "]\u0094",
                "]\u0085",
                "(",
                "N",
                "ca\nb\n",
                "}N\u0086",
                "2",
                "K\u00ff",
                "ca\nb\n)R",
                "Q",
                "]a",
                "]2a",
                "}K\u0001]s"
            })
    void picklesAreRead(String part) throws IOException {
        for (int times : new int[] {1, 8}) {
            byte[] pickle = repeated("\u0080\u0002]", part.repeat(times));
            byte[] archive =
                    ReaderContract.made(folder -> Pickler.archive(folder.resolve("a.pth"), pickle, ZipEntry.STORED));
            ReaderContract.assertHolds(
                    archive, "long.pth", file -> PyTorchCheckpoint.open(file).close());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":", "\"a\":{},", "[", " ", "1", "\"", "\"__metadata__\":{},"})
    void headersOfSafetensorsAreRead(String part) {
        byte[] header = repeated("{", part);
        ByteBuffer file = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
        byte[] bytes = file.putLong(header.length).put(header).array();
        ReaderContract.assertHolds(
                bytes, "long.safetensors", f -> Safetensors.open(f).close());
    }

    /** Many small ones, of which each is parsed. */
    @Test
    void safetensorsWithManyTensorsAreRead() {
        StringBuilder header = new StringBuilder("{");
        int tensors = 0;
        for (; header.length() < BYTES; tensors++) {
            header.append("\"t").append(tensors).append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},");
        }
        header.setCharAt(header.length() - 1, '}');
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(Long.BYTES + text.length).order(ByteOrder.LITTLE_ENDIAN);
        byte[] bytes = file.putLong(text.length).put(text).array();
        int count = tensors;
        ReaderContract.assertHolds(bytes, "many.safetensors", OBJECTS, f -> {
            try (Safetensors opened = Safetensors.open(f)) {
                assertEquals(count, opened.names().size());
            }
        });
    }
}
