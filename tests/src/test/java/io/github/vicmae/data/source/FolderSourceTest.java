package io.github.vicmae.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.ScanReport.Reason;
import io.github.vicmae.data.video.VideoReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a folder's scan takes, and that it says what it leaves out. */
class FolderSourceTest {
    @TempDir
    Path dir;

    private Path touch(String name) throws IOException {
        Path path = dir.resolve(name);
        Files.createDirectories(path.getParent());
        return Files.writeString(path, "x");
    }

    @Test
    void hiddenFoldersAndFilesAreNoData() throws IOException {
        for (String folder : List.of("cat", "dog", ".git", ".ipynb_checkpoints", ".Trash-1000", "@eaDir", "__MACOSX")) {
            touch(folder + "/1.png");
        }
        touch("cat/._1.png");
        touch("cat/@eaDir/1.png");
        Dataset data = Dataset.scan(List.of(dir));
        assertEquals(List.of("cat", "dog"), data.classNames());
        assertEquals(2, data.size());
        assertEquals(Map.of("hidden", 7), data.report().counts());
        List<String> sentences = data.report().sentences();
        assertEquals(1, sentences.size());
        assertTrue(sentences.get(0).startsWith("Left out 7 hidden files or folders: "), sentences.toString());
    }

    /** In a clone without Git LFS every picture and video is a short text. */
    @Test
    void gitLfsPointersAreCalledSo() throws IOException {
        String pointer =
                "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0a".repeat(32) + "\nsize 343268\n";
        List<String> names = List.of("1.jpg", "2.png", "3.tif", "4.gif", "5.webp", "6.mp4", "7.mkv", "8.ts", "9.y4m");
        for (String name : names) {
            Files.writeString(dir.resolve(name), pointer);
        }
        Dataset data = Dataset.scan(List.of(dir));
        assertEquals(names.size(), data.size());
        for (Sample sample : data.samples()) {
            String message = assertThrows(IOException.class, () -> {
                        if (sample.isVideo()) {
                            VideoReader.open(sample.content()).close();
                        } else {
                            ImageReader.read(sample.content(), 3);
                        }
                    })
                    .getMessage();
            assertTrue(message.startsWith("Cannot read the "), message);
            assertTrue(
                    message.endsWith(sample.content().name()
                            + ": it is a Git LFS pointer, not the file itself of 343268 bytes."
                            + " Run 'git lfs pull' in the repository, or download the file."),
                    message);
        }
    }

    /** A hidden folder is data if it is named. */
    @Test
    void aHiddenFolderMayBeGiven() throws IOException {
        touch(".cache/cat/1.png");
        assertEquals(1, Dataset.scan(List.of(dir.resolve(".cache"))).size());
    }

    @Test
    void filesOfUnknownKindsAreCountedAndTheFirstNamed() throws IOException {
        touch("cat/1.png");
        for (int i = 0; i < 5; i++) {
            touch("cat/" + i + ".xml");
        }
        ScanReport report = Dataset.scan(List.of(dir)).report();
        assertEquals(5, report.count(Reason.UNKNOWN));
        String sentence = report.sentences().get(0);
        assertTrue(sentence.matches("Left out 5 files of unknown kinds: (cat/\\d\\.xml, ){3}\\.\\.\\.\\."), sentence);
    }

    @Test
    void aFolderThatCannotBeListedIsNamed() throws IOException {
        touch("cat/1.png");
        touch("closed/2.png");
        Path closed = dir.resolve("closed");
        assumeTrue(Files.getFileAttributeView(dir, PosixFileAttributeView.class) != null, "no POSIX permissions here");
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
        try {
            assumeFalse(Files.isReadable(closed), "this user may read everything");
            Dataset data = Dataset.scan(List.of(dir));
            assertEquals(1, data.size());
            assertEquals(1, data.report().count(Reason.UNREADABLE));
            String sentence = data.report().sentences().get(0);
            assertTrue(sentence.contains(closed + " (there is no permission to read it)"), sentence);
        } finally {
            Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
        }
    }

    @Test
    void aProgramInTypeScriptIsNoVideo() throws IOException {
        Pictures.countingVideo(dir.resolve("cat/film.mp4"), 32, 24, 10, 5);
        byte[] stream = new byte[3 * 188];
        byte[] stamped = new byte[3 * 192];
        for (int i = 0; i < 3; i++) {
            stream[188 * i] = 0x47;
            stamped[192 * i + 4] = 0x47;
        }
        Files.write(dir.resolve("cat/broadcast.ts"), stream);
        Files.write(dir.resolve("cat/camera.MTS"), stamped);
        Files.writeString(dir.resolve("cat/program.ts"), "export const answer = 42;\n".repeat(30));
        Files.writeString(dir.resolve("cat/module.mts"), "export {}");
        Dataset data = Dataset.scan(List.of(dir));
        assertEquals(
                List.of("broadcast.ts", "camera.MTS", "film.mp4"),
                data.samples().stream().map(Sample::shortName).toList());
        assertEquals(2, data.report().count(Reason.OTHER_CONTENT));
    }

    @Test
    void loopsAreCounted() throws IOException {
        touch("cat/1.png");
        try {
            Files.createSymbolicLink(dir.resolve("cat/back"), dir);
        } catch (IOException | UnsupportedOperationException e) {
            assumeTrue(false, "no symbolic links here");
        }
        assertEquals(Map.of("loop", 1), Dataset.scan(List.of(dir)).report().counts());
    }

    /** A name may hold a line break, or bytes that are no UTF-8: such files are read like others, and shown on one line. */
    @Test
    void namesMayHoldAnyBytes() throws IOException {
        byte[] picture = Files.readAllBytes(
                Pictures.write(dir.resolve("made.png"), Pictures.buffered(Pictures.random(9, 7, 3, 1)), "png"));
        Files.delete(dir.resolve("made.png"));
        Path video = Pictures.countingVideo(dir.resolve("made.mp4"), 32, 24, 10, 5);
        Files.createDirectories(dir.resolve("cat"));
        Path latin = Path.of(URI.create(dir.resolve("cat").toUri() + "caf%E9"));
        Path utf = Path.of(URI.create(dir.resolve("cat").toUri() + "caf%C3%A9.png"));
        try {
            Files.createDirectories(latin);
            Files.write(latin.resolve("a.png"), picture);
            Files.move(video, latin.resolve("b.mp4"));
            Files.write(dir.resolve("cat/two\nlines.png"), picture);
            Files.write(utf, picture);
        } catch (IOException e) {
            assumeTrue(false, "this file system takes no such names");
        }
        Dataset data = Dataset.scan(List.of(dir));
        assertEquals(
                List.of("cat/caf\\xE9/a.png", "cat/caf\\xE9/b.mp4", "cat/café.png", "cat/two\\nlines.png"),
                data.samples().stream()
                        .map(s -> FileNames.printable(s.id()))
                        .sorted()
                        .toList());
        for (Sample sample : data.samples()) {
            assertTrue(
                    sample.name().startsWith(dir.toString()) && !sample.name().contains("\n"), sample.name());
            if (sample.isVideo()) {
                try (VideoReader reader = VideoReader.open(sample.content())) {
                    assertEquals(5, reader.frameCount());
                }
            } else {
                assertEquals(9, ImageReader.read(sample.content(), 3).width());
            }
        }
    }

    @Test
    void aFingerprintTellsDataSetsApart() throws IOException {
        touch("a/cat/1.png");
        touch("a/dog/2.png");
        String first = Dataset.scan(List.of(dir.resolve("a"))).fingerprint();
        assertEquals(64, first.length());
        assertEquals(first, Dataset.scan(List.of(dir.resolve("a"))).fingerprint());
        Files.move(dir.resolve("a"), dir.resolve("moved"));
        assertEquals(first, Dataset.scan(List.of(dir.resolve("moved"))).fingerprint(), "where it lies does not count");
        Files.writeString(dir.resolve("moved/cat/1.png"), "longer");
        String[] others = new String[3];
        others[0] = Dataset.scan(List.of(dir.resolve("moved"))).fingerprint();
        touch("moved/cat/1.png");
        Files.move(dir.resolve("moved/cat/1.png"), dir.resolve("moved/cat/3.png"));
        others[1] = Dataset.scan(List.of(dir.resolve("moved"))).fingerprint();
        others[2] = Dataset.scan(List.of(dir.resolve("moved/cat"))).fingerprint();
        for (int i = 0; i < others.length; i++) {
            assertNotEquals(first, others[i], "change " + i);
        }
    }

    /** Every byte string is a name, and comes back from its text. */
    @Test
    void textOfNamesIsExact() {
        byte[][] names = {
            "plain name%41.png".getBytes(java.nio.charset.StandardCharsets.UTF_8),
            {'c', 'a', 'f', (byte) 0xE9},
            {(byte) 0xC3, (byte) 0xA9, (byte) 0xC3},
            {(byte) 0xF0, (byte) 0x9F, (byte) 0x90, (byte) 0x88, (byte) 0xFF, (byte) 0x80},
            {(byte) 0xED, (byte) 0xA0, (byte) 0x80, 'x'}
        };
        for (byte[] name : names) {
            String text = FileNames.decode(name);
            assertEquals(text, FileNames.text(FileNames.path(text)), Arrays.toString(name));
            assertEquals("/a/" + text, FileNames.text(FileNames.path("/a/" + text)));
        }
        assertArrayEquals(
                new char[] {'\uDCE9'},
                FileNames.decode(new byte[] {(byte) 0xE9}).toCharArray());
        assertEquals("caf\\xE9\\n\\x07", FileNames.printable("caf\uDCE9\n\u0007"));
    }
}
