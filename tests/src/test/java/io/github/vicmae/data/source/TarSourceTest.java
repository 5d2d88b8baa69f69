package io.github.vicmae.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.video.Video;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarSourceTest {
    @TempDir
    Path dir;

    private static byte[] png(int seed) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(Pictures.buffered(Pictures.random(8, 6, 3, seed)), "png", bytes);
        return bytes.toByteArray();
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Names and contents one after the other. */
    private Path tar(String name, Object... entries) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(Files.newOutputStream(file))) {
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (int i = 0; i < entries.length; i += 2) {
                TarArchiveEntry entry = new TarArchiveEntry((String) entries[i]);
                byte[] content = (byte[]) entries[i + 1];
                entry.setSize(content.length);
                out.putArchiveEntry(entry);
                out.write(content);
                out.closeArchiveEntry();
            }
        }
        return file;
    }

    private static Map<String, String> classes(Path file) throws IOException {
        Map<String, String> classes = new java.util.TreeMap<>();
        Dataset.scan(List.of(file)).samples().forEach(s -> classes.put(s.id(), String.valueOf(s.className())));
        return classes;
    }

    @Test
    void samplesAreTheirFilesWithTheSameKey() throws IOException {
        Path clip = Pictures.countingVideo(dir.resolve("clip.mp4"), 32, 16, 10, 12);
        Path file = tar(
                "shard-000000.tar",
                "000001.cls",
                text("7\n"),
                "000001.png",
                png(1),
                "000002.png",
                png(2),
                "000002.json",
                text("{\"label\": 3, \"caption\": \"a dog\"}"),
                "000003.mp4",
                Files.readAllBytes(clip),
                "000003.txt",
                text("11"),
                "sub/000004.jpg.png",
                png(4));
        Dataset data = Dataset.scan(List.of(file));
        assertEquals(
                Map.of("000001.png", "7", "000002.png", "3", "000003.mp4", "11", "sub/000004.jpg.png", "sub"),
                classes(file));
        assertEquals(3, data.images());
        Image expected = Pictures.random(8, 6, 3, 1);
        Image found = ImageReader.read(data.samples().get(0).content(), 3);
        assertArrayEquals(expected.pixels(), found.pixels());
        Content video = data.samples().get(2).content();
        try (Video inside = Video.open(video);
                Video outside = Video.open(Content.of(clip))) {
            assertEquals(12, inside.frameTimes().length);
            assertArrayEquals(
                    outside.frameAt(0.75, 0).pixels(), inside.frameAt(0.75, 0).pixels());
        }
        assertEquals("shard-000000.tar/000003.mp4", video.name());
        assertEquals(0, data.report().count());
    }

    /** Shards in a folder: their samples are those of the folder, its first level the class where they say none. */
    @Test
    void aFolderOfShardsIsOneDataSet() throws IOException {
        tar("d/train/a.tar", "1.png", png(1), "1.cls", text("cat"));
        tar("d/train/b.tar", "1.png", png(2));
        Pictures.write(dir.resolve("d/dog/3.png"), Pictures.buffered(Pictures.gradient(4, 4)), "png");
        assertEquals(
                Map.of("train/a.tar/1.png", "cat", "train/b.tar/1.png", "train", "dog/3.png", "dog"),
                classes(dir.resolve("d")));
    }

    @Test
    void whatCannotBeASampleIsCounted() throws IOException {
        Path file = dir.resolve("odd.tar");
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(Files.newOutputStream(file))) {
            for (String name : List.of("../out.png", "a/../../b.png", ".hidden.png", "notes", "x.bin", "alone.cls")) {
                TarArchiveEntry entry = new TarArchiveEntry(name, true);
                out.putArchiveEntry(entry);
                out.closeArchiveEntry();
            }
            out.putArchiveEntry(new TarArchiveEntry("link.png", TarConstants.LF_SYMLINK));
            out.closeArchiveEntry();
            TarArchiveEntry absolute = new TarArchiveEntry("/abs/1.png", true);
            byte[] content = png(1);
            absolute.setSize(content.length);
            out.putArchiveEntry(absolute);
            out.write(content);
            out.closeArchiveEntry();
        }
        Dataset data = Dataset.scan(List.of(file));
        assertEquals(
                List.of("abs/1.png"), data.samples().stream().map(Sample::id).toList());
        assertEquals(
                Map.of("outside", 2, "hidden", 1, "unknown", 2, "label", 1, "link", 1),
                data.report().counts());
    }

    @Test
    void aTarFileThatIsNoneIsNamed() throws IOException {
        Path cut = dir.resolve("cut.tar");
        byte[] whole = Files.readAllBytes(tar("whole.tar", "1.png", png(1), "2.png", png(2)));
        Files.write(cut, Arrays.copyOf(whole, 700));
        Path noise = Files.write(dir.resolve("noise.tar"), text("no tar file ".repeat(100)));
        for (Path bad : List.of(cut, noise)) {
            IOException e = assertThrows(IOException.class, () -> Dataset.scan(List.of(bad)));
            assertTrue(e.getMessage().startsWith("Cannot read the tar file " + bad + ": "), e.getMessage());
            assertTrue(e.getMessage().lines().count() == 1, e.getMessage());
        }
    }

    /** The part of a file reads as a whole one: from the start, from anywhere, and not beyond its end. */
    @Test
    void aPartOfAFileIsAFileOfItsOwn() throws IOException {
        Path file = Files.write(dir.resolve("bytes"), new byte[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
        FilePart part = new FilePart(file, "part", 3, 4);
        try (SeekableByteChannel channel = part.open()) {
            assertEquals(4, channel.size());
            ByteBuffer all = ByteBuffer.allocate(10);
            while (channel.read(all) >= 0) {
                // to the end
            }
            assertArrayEquals(new byte[] {3, 4, 5, 6}, Arrays.copyOf(all.array(), all.position()));
            channel.position(2);
            ByteBuffer one = ByteBuffer.allocate(1);
            assertEquals(1, channel.read(one));
            assertEquals(5, one.get(0));
            assertEquals(-1, channel.position(9).read(one.clear()));
        }
        assertNull(Kind.of("bytes"));
    }
}
