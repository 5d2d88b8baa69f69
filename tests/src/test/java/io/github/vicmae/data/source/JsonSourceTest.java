package io.github.vicmae.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonSourceTest {
    @TempDir
    Path dir;

    private void touch(String name) throws IOException {
        Path path = dir.resolve(name);
        Files.createDirectories(path.getParent());
        Files.writeString(path, "x");
    }

    /** As the publisher's files are: ids without extensions, videos in a folder beside the list, templates with brackets. */
    @Test
    void somethingSomethingIsReadAsItComes() throws IOException {
        touch("20bn-something-something-v2/78687.webm");
        touch("20bn-something-something-v2/42326.webm");
        Path list = Files.writeString(dir.resolve("something-something-v2-train.json"), """
                [
                {"id":"78687","label":"holding potato next to vicks vaporub bottle","template":"Holding [something] next to [something]","placeholders":["potato","vicks vaporub bottle"]},
                {"id":"42326","label":"spreading margarine onto bread","template":"Spreading [something] onto [something]","placeholders":["margarine","bread"]},
                {"id":"1","template":"Pushing [something]"}
                ]
                """);
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(
                List.of("Holding something next to something", "Spreading something onto something"),
                data.classNames());
        assertEquals(
                List.of("20bn-something-something-v2/78687.webm", "20bn-something-something-v2/42326.webm"),
                data.samples().stream().map(Sample::id).toList());
        assertEquals(Map.of("missing", 1), data.report().counts());
        assertEquals(
                List.of("Left out 1 entry without a file: something-something-v2-train.json entry 3 (1)."),
                data.report().sentences());
    }

    @Test
    void linesOfObjectsNameFilesAndClasses() throws IOException {
        Path list = Files.writeString(dir.resolve("list.jsonl"), """
                {"path": "a/1.jpg", "label": 4}
                {"file_name": "b.mp4", "class": 2}
                {"caption": "nothing"}
                """);
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(List.of(4, 2), data.samples().stream().map(Sample::label).toList());
        assertEquals(1, data.videos());
        assertEquals(Map.of("list_line", 1), data.report().counts());
    }

    @Test
    void whatIsNoListIsRefused() throws IOException {
        Path broken = Files.writeString(dir.resolve("broken.json"), "[{\"id\": \"1\", ");
        Path number = Files.writeString(dir.resolve("number.json"), "17");
        assertEquals(
                "Cannot read the list " + number + ": it is no list of objects, but holds value number int in line 1.",
                assertThrows(IOException.class, () -> Dataset.scan(List.of(number)))
                        .getMessage());
        String message = assertThrows(IOException.class, () -> Dataset.scan(List.of(broken)))
                .getMessage();
        assertEquals(1, message.lines().count(), message);
    }

    @Test
    void foldersOfFramesAreVideos() throws IOException {
        touch("frames/17/000001.jpg");
        touch("frames/17/000002.jpg");
        touch("frames/18/none.jpg");
        Path list = Files.writeString(dir.resolve("list.json"), """
                [{"id": 17, "label": 1}, {"path": "frames/17", "fps": 12, "label": 2}, {"id": "18"}]
                """);
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(
                List.of("frames/17", "frames/17"),
                data.samples().stream().map(Sample::id).toList());
        assertEquals(2, data.videos());
        assertEquals(25, ((FrameFolder) data.samples().get(0).content()).rate());
        assertEquals(12, ((FrameFolder) data.samples().get(1).content()).rate());
        assertEquals(Map.of("missing", 1), data.report().counts());
    }

    @Test
    void relativePathsStayInTheListsFolder() throws IOException {
        Files.createDirectories(dir.resolve("inner"));
        touch("out/1.jpg");
        Path list = Files.writeString(dir.resolve("inner/list.jsonl"), """
                {"path": "../a.jpg"}
                {"path": "b/../../out"}
                {"path": "b/../c.jpg"}
                {"path": "/d.jpg"}
                """);
        Dataset data = Dataset.scan(List.of(list));
        assertEquals(2, data.size());
        assertEquals("c.jpg", data.samples().get(0).id());
        assertEquals("/d.jpg", data.samples().get(1).content().name());
        assertEquals(
                List.of("Left out 2 paths that lead out of their archive or list: list.jsonl entry 1 (../a.jpg), "
                        + "list.jsonl entry 2 (b/../../out)."),
                data.report().sentences());
    }
}
