package io.github.vicmae.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetTest {
    @TempDir
    Path dir;

    private Path touch(String name) throws IOException {
        Path path = dir.resolve(name);
        Files.createDirectories(path.getParent());
        return Files.writeString(path, "x");
    }

    @Test
    void kindsAreKnownByTheExtensionInAnyCase() {
        assertEquals(Kind.IMAGE, Kind.of(Path.of("a/B.JPeG")));
        assertEquals(Kind.VIDEO, Kind.of(Path.of("a/b.c.MKV")));
        assertNull(Kind.of(Path.of("a.mp4/notes")));
        assertNull(Kind.of(Path.of("a/.hidden.png")));
        assertNull(Kind.of(Path.of("a/png")));
    }

    @Test
    void theFirstFolderLevelIsTheClass() throws IOException {
        touch("d/dog/deep/er/2.mp4");
        touch("d/dog/1.png");
        touch("d/cat/3.JPG");
        touch("d/cat/readme.md");
        touch("d/loose.webm");
        Dataset data = Dataset.scan(List.of(dir.resolve("d")));
        assertEquals(List.of("cat", "dog"), data.classNames());
        assertEquals(
                List.of("3.JPG", "1.png", "2.mp4", "loose.webm"),
                data.samples().stream().map(Sample::shortName).toList());
        assertEquals(
                List.of(0, 1, 1, -1), data.samples().stream().map(Sample::label).toList());
        assertEquals(
                List.of(0, 1, 2, 3), data.samples().stream().map(Sample::index).toList());
        assertEquals(1, data.report().count());
        assertEquals(2, data.videos());
        assertEquals(2, data.images());
    }

    @Test
    void classesAreSharedOverSeveralFolders() throws IOException {
        touch("a/dog/1.png");
        touch("b/cat/1.mp4");
        touch("b/dog/2.mp4");
        Dataset data = Dataset.scan(List.of(dir.resolve("a"), dir.resolve("b"), touch("single.gif")));
        assertEquals(List.of("cat", "dog"), data.classNames());
        assertEquals(
                List.of(1, 0, 1, -1), data.samples().stream().map(Sample::label).toList());
    }

    @Test
    void loopsOfLinksEnd() throws IOException {
        touch("d/c/1.png");
        try {
            Files.createSymbolicLink(dir.resolve("d/c/back"), dir.resolve("d"));
            Files.createSymbolicLink(dir.resolve("d/c/self"), dir.resolve("d/c/self"));
        } catch (IOException | UnsupportedOperationException e) {
            assumeTrue(false, "no symbolic links here");
        }
        assertEquals(1, Dataset.scan(List.of(dir.resolve("d"))).size());
    }

    @Test
    void nothingFoundSaysWhatWasTried() throws IOException {
        touch("d/a.txt");
        touch("d/b.doc");
        IOException e = assertThrows(IOException.class, () -> Dataset.scan(List.of(dir.resolve("d"))));
        assertTrue(e.getMessage().contains(dir.resolve("d").toString()), e.getMessage());
        assertTrue(e.getMessage().contains("2 files"), e.getMessage());
        assertTrue(e.getMessage().contains("mp4") && e.getMessage().contains("png"), e.getMessage());
        Path missing = dir.resolve("missing");
        IOException none = assertThrows(IOException.class, () -> Dataset.scan(List.of(missing)));
        assertTrue(none.getMessage().contains(missing.toString()));
        assertThrows(IOException.class, () -> Dataset.scan(List.of()));
    }

    @Test
    void kineticsListsKeepTheirNumbers() throws IOException {
        Path list = dir.resolve("lists/train.txt");
        Files.createDirectories(list.getParent());
        Files.writeString(
                list,
                "# comment\nclips/a b.mp4 3\n\nclips/c.mp4\t0\n/abs/d.mkv,7\n\"odd, \"\"name\"\" 5.mp4\", 2\nalone.mp4\nnote.pdf 4\n");
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(
                List.of(3, 0, 7, 2, -1),
                data.samples().stream().map(Sample::label).toList());
        assertEquals(
                List.of("clips/a b.mp4", "clips/c.mp4", "/abs/d.mkv", "odd, \"name\" 5.mp4", "alone.mp4"),
                data.samples().stream().map(Sample::id).toList());
        assertEquals(8, data.classNames().size());
        assertEquals(1, data.report().count());
    }

    @Test
    void listsMayNameTheirClasses() throws IOException {
        Path list = Files.writeString(
                dir.resolve("l.csv"),
                "\uFEFFpath,label\r\na.mp4,riding a bike\r\nb,c.mp4,\"arm wrestling\"\r\nd.png 12\r\n");
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(List.of("12", "arm wrestling", "riding a bike"), data.classNames());
        assertEquals(
                List.of(2, 1, 0), data.samples().stream().map(Sample::label).toList());
        assertEquals("b,c.mp4", data.samples().get(1).shortName());
        assertEquals(0, data.report().count(), "a header is no sample that is missing");
    }

    @Test
    void absurdLabelsAndBinaryListsDoNoHarm() throws IOException {
        Path list = Files.writeString(dir.resolve("l.csv"), "a.mp4 2000000000\nb.mp4 99999999999999999999\n");
        assertEquals(2, Dataset.scan(List.of(list)).classNames().size());
        Path binary = Files.write(dir.resolve("b.csv"), new byte[] {(byte) 0xFF, (byte) 0xFE, 0, 1});
        IOException e = assertThrows(IOException.class, () -> Dataset.scan(List.of(binary)));
        assertTrue(e.getMessage().contains(binary.toString()), e.getMessage());
    }

    private String refusal(Path path) {
        return assertThrows(IOException.class, () -> Dataset.scan(List.of(path)))
                .getMessage();
    }

    /** As WebDataset writes the names of shards. */
    @Test
    void bracesStandForSeveralPaths() throws IOException {
        for (String name : List.of(
                "s-08.png", "s-09.png", "s-10.png", "s-9.png", "a-1.png", "a-2.png", "b-1.png", "b-2.png", "{x}.png")) {
            Files.writeString(dir.resolve(name), "x");
        }
        assertEquals(List.of("s-08.png", "s-09.png", "s-10.png"), ids("s-{08..10}.png"));
        assertEquals(List.of("s-9.png", "s-10.png"), ids("s-{9..10}.png"));
        assertEquals(List.of("s-10.png", "s-9.png"), ids("s-{10..9}.png"));
        assertEquals(List.of("s-9.png", "a-1.png"), ids("{s-9,a-1}.png"));
        assertEquals(List.of("a-1.png", "a-2.png", "b-1.png", "b-2.png"), ids("{a,b}-{1..2}.png"));
        assertEquals(List.of("{x}.png"), ids("{x}.png"), "neither words nor a range");
        assertEquals(
                "There is no folder or file " + dir.resolve("s-11.png") + ".", refusal(dir.resolve("s-{10..12}.png")));
        assertEquals(
                dir.resolve("s-{0..9999999}.png") + " stands for more than 1000000 paths.",
                refusal(dir.resolve("s-{0..9999999}.png")));
    }

    private List<String> ids(String pattern) throws IOException {
        return Dataset.scan(List.of(dir.resolve(pattern))).samples().stream()
                .map(Sample::id)
                .toList();
    }

    @Test
    void addressesAreRefused() {
        for (String address : List.of("s3://bucket/a-{0..3}.tar", "https://host/a.tar", "pipe:curl -s x")) {
            assertTrue(
                    refusal(Path.of(address))
                            .endsWith(" is an address: remote data are read only through a path. Mount them or download"
                                    + " them first."),
                    address);
        }
        assertEquals("There is no folder none.", refusal(Path.of("frames:none")));
    }
}
