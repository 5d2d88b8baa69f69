package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.TestData;
import io.github.vicmae.data.Pictures;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int inspect(Object... arguments) {
        String[] all = Stream.concat(Stream.of("inspect"), Stream.of(arguments).map(String::valueOf))
                .toArray(String[]::new);
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), all);
    }

    /** The lines of --json by the last part of their path. */
    private Map<String, JsonNode> lines() throws IOException {
        Map<String, JsonNode> lines = new LinkedHashMap<>();
        for (String line : out.toString().lines().toList()) {
            JsonNode one = new ObjectMapper().readTree(line);
            String path = one.get("path").asText();
            lines.put(path.substring(path.lastIndexOf('/') + 1), one);
        }
        return lines;
    }

    private Path data() throws IOException {
        Path data = folder.resolve("data");
        for (int i = 0; i < 3; i++) {
            Pictures.write(data.resolve("cat/" + i + ".png"), Pictures.buffered(Pictures.gradient(24, 16)), "png");
        }
        Pictures.countingVideo(data.resolve("dog/a.mp4"), 32, 48, 10, 25);
        Files.writeString(data.resolve("dog/b.jpg"), "no picture");
        Files.writeString(data.resolve("dog/notes.md"), "x");
        return data;
    }

    @Test
    void theTablesSayWhatThereIs() throws IOException {
        Path sheet = folder.resolve("pairs.png");
        assertEquals(0, inspect(data(), "--sheet", sheet, "--pairs", 3, "--size", 20), err.toString());
        String text = out.toString();
        for (String line : List.of(
                "1 video, 4 images",
                "  short side   16 pixels",
                "  long side    24 pixels",
                "  length       2.5 s",
                "  frame rate   10 fps",
                "  frames       25",
                "2 classes (videos, images):",
                "        0       3  cat",
                "        1       1  dog",
                "1 file has a problem:",
                "Left out 1 file of an unknown kind: dog/notes.md.",
                "contact sheet: " + sheet)) {
            assertTrue(text.lines().anyMatch(line::equals), line + " is not in\n" + text);
        }
        assertTrue(text.contains("dog/b.jpg: "), text);
        assertTrue(text.contains("pixels of 6 pictures, 0 to 1: mean "), text); // three images, three frames
        BufferedImage drawn = ImageIO.read(sheet.toFile());
        assertEquals(3 * (2 * 20 + 4 + 16) + 16, drawn.getWidth());
        assertEquals(20 + 2 * 16, drawn.getHeight());
    }

    @Test
    void eachFileIsALineOfJson() throws IOException {
        assertEquals(0, inspect("--json", data()), err.toString());
        Map<String, JsonNode> lines = lines();
        assertEquals(List.of("0.png", "1.png", "2.png", "a.mp4", "b.jpg"), List.copyOf(lines.keySet()));
        JsonNode video = lines.get("a.mp4");
        assertEquals(
                List.of("path", "kind", "width", "height", "duration", "fps", "frames", "class", "problem"),
                names(video));
        assertEquals("video", video.get("kind").asText());
        assertEquals(32, video.get("width").asInt());
        assertEquals(48, video.get("height").asInt());
        assertEquals(2.5, video.get("duration").asDouble(), 1e-3);
        assertEquals(10, video.get("fps").asDouble(), 1e-2);
        assertEquals(25, video.get("frames").asInt());
        assertEquals("dog", video.get("class").asText());
        assertTrue(video.get("problem").isNull());
        assertTrue(lines.get("b.jpg").get("width").isNull());
        assertFalse(lines.get("b.jpg").get("problem").asText().contains(folder.toString()));
        assertTrue(err.toString().contains("Left out 1 file of an unknown kind"), err.toString());
        assertFalse(Files.exists(Path.of("contact-sheet.png")));
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** The facts that are known of files from bug reports. */
    @Test
    void filesOfBugReportsAreSeenRight() throws IOException {
        Path shared = TestData.shared("data");
        assertEquals(0, inspect("--json", shared.resolve("reports"), shared.resolve("odd")), err.toString());
        Map<String, JsonNode> lines = lines();
        assertEquals(100, lines.get("audiolong.mkv").get("frames").asInt());
        assertEquals(4, lines.get("audiolong.mkv").get("duration").asDouble(), 0.01);
        assertEquals(30.5, lines.get("mediarec.webm").get("fps").asDouble(), 0.05);
        assertEquals(160, lines.get("offset.gif").get("width").asInt());
        for (String turned : List.of("orient.png", "orient.tif")) {
            assertEquals(32, lines.get(turned).get("width").asInt(), turned);
            assertEquals(48, lines.get(turned).get("height").asInt(), turned);
        }
        assertEquals(320, lines.get("rotated_90.mov").get("width").asInt());
        assertEquals(
                "some of its frames cannot be decoded",
                lines.get("corrupted.mp4").get("problem").asText());
        lines.values().stream()
                .filter(line -> !line.get("path").asText().contains("corrupted"))
                .forEach(line -> assertTrue(line.get("problem").isNull(), line.toString()));
    }
}
