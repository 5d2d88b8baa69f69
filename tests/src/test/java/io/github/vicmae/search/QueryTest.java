package io.github.vicmae.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QueryTest {
    @TempDir
    Path dir;

    @Test
    void aMomentStandsBehindAnAtUnlessAFileHasThatName() throws IOException {
        Path video = Files.createFile(dir.resolve("a@b.mp4"));
        assertEquals(new Query(video.toString(), video, Kind.VIDEO, Double.NaN), Query.parse(video));
        assertEquals(12.4, Query.parse(Path.of(video + "@12.4")).seconds());
        assertEquals(12.4, Query.parse(Path.of(video + "@12.4s")).seconds());
        assertEquals(62.5, Query.parse(Path.of(video + "@1:02.5")).seconds());
        assertEquals(3723, Query.parse(Path.of(video + "@1:02:03")).seconds());
        assertEquals(video, Query.parse(Path.of(video + "@3")).file());
        Path picture = Files.createFile(dir.resolve("c@1.jpg"));
        assertEquals(Kind.IMAGE, Query.parse(picture).kind());
        assertThrows(IllegalArgumentException.class, () -> Query.parse(Path.of(picture + "@3")));
        assertThrows(IllegalArgumentException.class, () -> Query.parse(Path.of(video + "@soon")));
        IOException e = assertThrows(IOException.class, () -> Query.parse(dir.resolve("none.jpg")));
        assertTrue(e.getMessage().contains("none.jpg"), e.getMessage());
        assertThrows(IOException.class, () -> Query.parse(Files.createFile(dir.resolve("c.txt"))));
    }

    @Test
    void momentsAreShownInSecondsAndOnAClock() {
        assertEquals("", Query.moment(Double.NaN));
        assertEquals("12.4 s", Query.moment(12.4));
        assertEquals("1:02", Query.moment(62));
        assertEquals("1:02:03", Query.moment(3723));
    }
}
