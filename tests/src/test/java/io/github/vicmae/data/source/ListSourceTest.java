package io.github.vicmae.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.source.SampleSource.Found;
import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lists as the programs write them that people have. */
class ListSourceTest {
    @TempDir
    Path dir;

    private SampleSource.Scan scan(String text) throws IOException {
        return new ListSource(Files.writeString(dir.resolve("list.csv"), text)).scan();
    }

    private static List<String> read(SampleSource.Scan scan) {
        return scan.found().stream().map(f -> f.id() + "|" + f.className()).toList();
    }

    @Test
    void kineticsOfTheReports() throws IOException {
        SampleSource.Scan scan = new ListSource(TestData.shared("data/reports/kinetics.csv")).scan();
        assertEquals(
                List.of("v/a.mp4|abseiling", "v/b.mp4|playing guitar, solo", "v/d,e.mp4|air, drumming"), read(scan));
        assertEquals(0, scan.report().count());
    }

    @Test
    void videoMaeOfTheReports() throws IOException {
        SampleSource.Scan scan = new ListSource(TestData.shared("data/reports/videomae.csv")).scan();
        assertEquals(List.of("v/a.mp4|null", "v/b.mp4|null"), read(scan));
        assertEquals(0, scan.report().count());
    }

    /** One line, as the separator of the parameters a bar. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "v/a.mp4 3 | v/a.mp4 | 3",
                "v/a.mp4 0 -1 | v/a.mp4 | ",
                "v/a.mp4 0 17 | v/a.mp4 | 17",
                "v/a.mp4,120,17 | v/a.mp4 | 17",
                "v/a b.mp4 riding a bike | v/a b.mp4 | riding a bike",
                "v/a.mp4,\"playing guitar, solo\" | v/a.mp4 | playing guitar, solo",
                "v/a.mp4,\"the \"\"best\"\" one\" | v/a.mp4 | the \"best\" one",
                "\"v/a, \"\"b\"\".mp4\",air drumming | v/a, \"b\".mp4 | air drumming",
                "\"v/a b.mp4\" 0 5 | v/a b.mp4 | 5",
                "v/a, b.mp4,swimming | v/a, b.mp4 | swimming",
                "v/a.mp4, \"x\" | v/a.mp4 | x",
                "v/a.mp4 | v/a.mp4 | ",
                "a.mp4/b.png cat | a.mp4/b.png | cat",
                "12\" vinyl.mp4 3 | 12\" vinyl.mp4 | 3"
            })
    void aLineWithoutAHeader(String line, String path, String label) throws IOException {
        Found found = scan(line + "\n").found().get(0);
        assertEquals(path, found.id());
        assertEquals(label, found.className());
    }

    /** As pandas' to_csv writes a frame: its index first, and a header that says so. */
    @Test
    void aHeaderSaysWhichColumnsCount() throws IOException {
        assertEquals(
                List.of("v/a.mp4|cat", "v/b,c.mp4|big dog"),
                read(scan(",video,split,label\n0,v/a.mp4,train,cat\n1,\"v/b,c.mp4\",train,big dog\n")));
        assertEquals(List.of("v/a.mp4|cat"), read(scan("label;path\ncat;v/a.mp4\n")));
        assertEquals(List.of("v/a.mp4|7"), read(scan("filename\twho\nv/a.mp4\t7\n")));
        assertEquals(List.of("v/a.mp4|cat"), read(scan("path,label,class\nv/a.mp4,3,cat\n")), "by name, not by number");
        assertEquals(List.of("v/a.mp4|null"), read(scan("\"path\"\n\"v/a.mp4\"\n")));
    }

    @Test
    void quotedFieldsMayHoldLineBreaks() throws IOException {
        SampleSource.Scan scan = scan("\"two\nlines.png\",cat\r\nb.png,\"dog\nand cat\"\r\nnotes\r\nc.png,dog");
        assertEquals(List.of("two\nlines.png|cat", "b.png|dog\\nand cat", "c.png|dog"), read(scan));
        assertEquals(1, scan.report().count());
        assertTrue(
                scan.report().sentences().get(0).contains("list.csv line 5 (notes)"),
                scan.report().sentences().toString());
    }

    /** A quote that is never closed costs its own line at most. */
    @Test
    void aQuoteThatIsNeverClosedIsNoField() throws IOException {
        assertEquals(List.of("a.png|x", "b.png|y"), read(scan("a.png,x\nb.png,\"y\n")));
    }

    @Test
    void droppedLinesAreCountedAndNamed() throws IOException {
        SampleSource.Scan scan = scan("a.png cat\nnotes.pdf dog\n\n# comment\nwhat is this\n");
        assertEquals(List.of("a.png|cat"), read(scan));
        assertEquals(
                List.of("Left out 2 list lines that name no video or image: list.csv line 2 (notes.pdf dog),"
                        + " list.csv line 5 (what is this)."),
                scan.report().sentences());
    }

    @Test
    void namesInOtherEncodings() throws IOException {
        byte[] latin = "caf\u00E9.png cat\n".getBytes(StandardCharsets.ISO_8859_1);
        Found found = new ListSource(Files.write(dir.resolve("latin.txt"), latin))
                .scan()
                .found()
                .get(0);
        assertEquals("caf\\xE9.png", FileNames.printable(found.id()));
        assertTrue(
                found.content().name().endsWith("caf\\xE9.png"), found.content().name());
        byte[] wide = "\uFEFFcaf\u00E9.png cat\r\n".getBytes(StandardCharsets.UTF_16LE);
        assertEquals(
                List.of("caf\u00E9.png|cat"), read(new ListSource(Files.write(dir.resolve("wide.txt"), wide)).scan()));
        byte[] zeros = Arrays.copyOf("a\0.png cat\nb.png dog\n".getBytes(StandardCharsets.UTF_8), 21);
        assertEquals(List.of("b.png|dog"), read(new ListSource(Files.write(dir.resolve("zeros.txt"), zeros)).scan()));
    }

    @Test
    void noLabelIsNoClass() throws IOException {
        Dataset data =
                Dataset.of(List.of(new ListSource(Files.writeString(dir.resolve("l.txt"), "a.mp4 -1\nb.mp4 2\n"))));
        assertNull(data.samples().get(0).className());
        assertEquals(-1, data.samples().get(0).label());
        assertEquals("2", data.samples().get(1).className());
        assertEquals(2, data.samples().get(1).label());
    }

    private void frame(String name) throws IOException {
        Pictures.write(dir.resolve(name), Pictures.buffered(Pictures.gradient(4, 4)), "png");
    }

    /** As TSN and VideoMAE name rawframes; the number before the label is how many there are. */
    @Test
    void foldersOfFramesAreVideos() throws IOException {
        frame("v/a b/000001.png");
        frame("v/a b/000002.png");
        frame("v/c.1/img_1.png");
        frame("v/no numbers/a.png");
        String lines = "v/a b 2 7\nv/c.1,8\nv/c.1\nv/no numbers 3\nv 1\nx.mp4 5\n";
        SampleSource.Scan scan = scan(lines);
        assertEquals(List.of("v/a b|7", "v/c.1|8", "v/c.1|null", "x.mp4|5"), read(scan));
        assertEquals(2, ((FrameList) scan.found().get(0).content()).frames().size());
        assertEquals(Kind.VIDEO, scan.found().get(0).kind());
        assertEquals(2, scan.report().count(Reason.LINE), "folders without numbered pictures");
        assertEquals(List.of("v/a b|cat"), read(scan("label,path\ncat,v/a b\n")));
    }

    /** Only by what a path says: links are the owner's own doing. */
    @Test
    void relativePathsStayInTheListsFolder() throws IOException {
        frame("out/000001.png");
        Path inner = Files.createDirectories(dir.resolve("inner"));
        Path list = Files.writeString(
                inner.resolve("list.csv"),
                "../a.mp4,1\nb/../../a.mp4,1\n../out,1\nb/../c.mp4,2\n" + dir.resolve("d.mp4") + ",3\n");
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(
                List.of("b/../c.mp4", dir.resolve("d.mp4").toString()),
                data.samples().stream().map(Sample::id).toList());
        assertEquals(
                List.of("Left out 3 paths that lead out of their archive or list: list.csv line 1 (../a.mp4,1), "
                        + "list.csv line 2 (b/../../a.mp4,1), list.csv line 3 (../out,1)."),
                data.report().sentences());
    }

    @Test
    void kineticsAnnotationsNameClipsByTheirSeconds() throws IOException {
        for (String name : List.of(
                "train/air drumming/-3B32lodo2M_000059_000069.mp4",
                "val/x_1_yz_000000_000010.mkv",
                "abc_000010_000020.mp4",
                "train/other_000010_000020.mp4")) {
            Files.createDirectories(dir.resolve(name).getParent());
            Files.writeString(dir.resolve(name), "x");
        }
        SampleSource.Scan scan = scan("""
                label,youtube_id,time_start,time_end,split,is_cc
                air drumming,-3B32lodo2M,59,69,train,0
                "dancing, solo",x_1_yz,0,10,val,0
                abseiling,abc,10.0,20.0,train,1
                abseiling,gone,1,11,train,0
                abseiling,abc,?,20,train,0
                """);
        assertEquals(
                List.of(
                        "train/air drumming/-3B32lodo2M_000059_000069.mp4|air drumming",
                        "val/x_1_yz_000000_000010.mkv|dancing, solo",
                        "abc_000010_000020.mp4|abseiling"),
                read(scan));
        assertEquals(Map.of("missing", 1, "list_line", 1), scan.report().counts());
        assertEquals(
                List.of("abc_000010_000020.mp4|null"),
                read(scan("youtube_id,time_start,time_end,split\nabc,10,20,test\n")));
    }
}
