package io.github.vicmae.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.video.Video;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FrameFoldersSourceTest {
    @TempDir
    Path dir;

    private void frame(String name, int seed) throws IOException {
        Pictures.write(dir.resolve(name), Pictures.buffered(Pictures.random(8, 6, 3, seed)), "png");
    }

    @Test
    void eachFolderOfPicturesIsAVideo() throws IOException {
        for (int i = 0; i < 12; i++) {
            frame("jump/a/img_" + i + ".png", i); // img_2 before img_10
        }
        frame("jump/b/000001.png", 50);
        frame("run/c/x/000001.png", 51);
        Pictures.countingVideo(dir.resolve("run/d.mp4"), 16, 16, 10, 2);
        Dataset data = Dataset.scan(List.of(Path.of("frames@10:" + dir)));
        assertEquals(
                List.of("jump/a", "jump/b", "run/c/x"),
                data.samples().stream().map(Sample::id).toList());
        assertEquals(List.of("jump", "run"), data.classNames());
        assertEquals(3, data.videos());
        assertEquals(Map.of("no_frame", 1), data.report().counts());
        try (Video video = Video.open(data.samples().get(0).content())) {
            assertEquals(1.2, video.durationSeconds(), 1e-9);
            assertEquals(12, video.frameTimes().length);
            for (int i = 0; i < 12; i++) {
                assertArrayEquals(
                        Pictures.random(8, 6, 3, i).pixels(),
                        video.frameAt(0.1 * i + 0.05, 0).pixels(),
                        "frame " + i);
                assertEquals(0.1 * i, video.shownSeconds(), 1e-9);
            }
            assertArrayEquals(
                    Pictures.random(8, 6, 3, 11).pixels(), video.frameAt(9, 0).pixels());
            assertArrayEquals(
                    Pictures.random(8, 6, 3, 0).pixels(), video.frameAt(-1, 0).pixels());
        }
    }

    /** Whether a video is read must not depend on which of its frames was drawn, nor on what was drawn before. */
    @Test
    void aFrameThatCannotBeReadIsReplacedByTheNearest() throws IOException {
        for (int i = 0; i < 5; i++) {
            frame("a/" + i + ".png", i);
        }
        for (int broken : new int[] {2, 3}) {
            Files.writeString(dir.resolve("a/" + broken + ".png"), "no picture");
        }
        Dataset data = Dataset.scan(List.of(Path.of("frames@10:" + dir)));
        try (Video video = Video.open(data.samples().get(0).content())) {
            for (int[] pair : new int[][] {{1, 1}, {2, 1}, {3, 4}, {4, 4}}) {
                assertArrayEquals(
                        Pictures.random(8, 6, 3, pair[1]).pixels(),
                        video.frameAt(0.1 * pair[0] + 0.05, 0).pixels(),
                        "frame " + pair[0]);
                assertEquals(0.1 * pair[1], video.shownSeconds(), 1e-9);
            }
        }
    }

    @Test
    void aFolderThatIsNotThereIsNamed() {
        Path none = dir.resolve("none");
        assertEquals(
                "There is no folder " + none + ".",
                assertThrows(IOException.class, () -> Dataset.scan(List.of(Path.of("frames:" + none))))
                        .getMessage());
    }
}
