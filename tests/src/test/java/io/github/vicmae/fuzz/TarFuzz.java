package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.FrameList;
import io.github.vicmae.data.source.Sample;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.params.provider.MethodSource;

class TarFuzz {
    static List<byte[]> seeds() throws IOException {
        return List.of(
                tar("000001.jpg", "000001.cls", "000002.jpg", "000002.json"),
                tar("a/000001.0001.jpg", "a/000001.0002.jpg", "a/000001.json", "b/../1.jpg"),
                tar("x".repeat(150) + ".png", "-link.jpg"));
    }

    /** Names that begin with a minus are links. */
    private static byte[] tar(String... names) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(bytes)) {
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (String name : names) {
                boolean link = name.startsWith("-");
                TarArchiveEntry entry = link
                        ? new TarArchiveEntry(name.substring(1), TarConstants.LF_SYMLINK)
                        : new TarArchiveEntry(name);
                byte[] content =
                        (name.endsWith(".json") ? "{\"label\": 1, \"fps\": 12}" : "7").getBytes(StandardCharsets.UTF_8);
                if (link) {
                    entry.setLinkName("/etc/passwd");
                } else {
                    entry.setSize(content.length);
                }
                out.putArchiveEntry(entry);
                if (!link) {
                    out.write(content);
                }
                out.closeArchiveEntry();
            }
        }
        return bytes.toByteArray();
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.tar", file -> {
            Dataset data = Dataset.scan(List.of(file));
            data.fingerprint();
            data.report().sentences();
            for (Sample sample : data.samples()) {
                if (sample.content() instanceof FrameList frames) {
                    for (Content frame : frames.frames()) {
                        readThrough(frame);
                    }
                } else {
                    readThrough(sample.content());
                }
            }
        });
    }

    private static void readThrough(Content content) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(1024);
        try (SeekableByteChannel channel = content.open()) {
            while (channel.read(buffer) >= 0) {
                buffer.clear();
            }
        }
    }
}
