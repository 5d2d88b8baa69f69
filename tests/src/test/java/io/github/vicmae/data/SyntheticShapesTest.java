package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SyntheticShapesTest {
    private static final SyntheticShapes.Settings SMALL = new SyntheticShapes.Settings(32, 6, 9, 12, 2, 2, 1);

    @TempDir
    Path dir;

    @Test
    void everyClassHasItsClipsAndImages() throws IOException {
        SyntheticShapes.write(dir.resolve("a"), 7, SMALL);
        Dataset train = Dataset.scan(List.of(dir.resolve("a/train")));
        Dataset test = Dataset.scan(List.of(dir.resolve("a/test")));
        assertEquals(8, train.classNames().size());
        assertEquals(SyntheticShapes.classNames(), train.classNames());
        assertEquals(train.classNames(), test.classNames());
        assertEquals(16, train.videos());
        assertEquals(16, train.images());
        assertEquals(8, test.videos());
        for (Sample sample : train.samples()) {
            Image image = Frames.middle(sample.path());
            assertEquals(32, image.width());
        }
        try (VideoReader reader = VideoReader.open(test.samples().get(0).path())) {
            assertTrue(reader.frameCount() >= 6 && reader.frameCount() <= 9);
            assertEquals(12, reader.frameRate(), 0.01);
        }
    }

    @Test
    void theSameSeedGivesTheSameFilesAndAWholeSetIsLeftAlone() throws IOException {
        SyntheticShapes.write(dir.resolve("a"), 7, SMALL);
        SyntheticShapes.write(dir.resolve("b"), 7, SMALL);
        Path clip = Path.of("train/star/clip0001.mp4");
        byte[] bytes = Files.readAllBytes(dir.resolve("a").resolve(clip));
        assertArrayEquals(bytes, Files.readAllBytes(dir.resolve("b").resolve(clip)));
        Files.delete(dir.resolve("a").resolve(clip));
        SyntheticShapes.write(dir.resolve("a"), 7, SMALL);
        assertTrue(Files.notExists(dir.resolve("a").resolve(clip)), "a finished set is not rendered again");
        assertThrows(IOException.class, () -> SyntheticShapes.write(dir.resolve("a"), 8, SMALL));
        Files.writeString(dir.resolve("mine.txt"), "mine");
        IOException e = assertThrows(IOException.class, () -> SyntheticShapes.write(dir, 7, SMALL));
        assertTrue(e.getMessage().contains(dir.toString()), e.getMessage());
    }

    /** Scenes of the same number have the same ground, light and colours in every class. */
    @Test
    void coloursSayNothingAboutTheClass() {
        for (int number = 0; number < 4; number++) {
            int[] corner = null;
            for (ShapeKind kind : ShapeKind.values()) {
                Image image = new ShapeScene(3, 0, number).render(kind, 64, 0.5, 2);
                int[] found = {image.get(0, 0, 0), image.get(0, 0, 1), image.get(0, 0, 2)};
                corner = corner == null ? found : corner;
                assertArrayEquals(corner, found);
            }
        }
    }

    @Test
    void theShapeCoversAVisiblePartAndStandsOut() {
        for (ShapeKind kind : ShapeKind.values()) {
            for (int number = 0; number < 6; number++) {
                Image shape = new ShapeScene(5, 0, number).render(kind, 64, 1, 2);
                Image other = new ShapeScene(5, 0, number)
                        .render(kind == ShapeKind.CIRCLE ? ShapeKind.RING : ShapeKind.CIRCLE, 64, 1, 2);
                int different = 0;
                for (int y = 0; y < 64; y++) {
                    for (int x = 0; x < 64; x++) {
                        different += Math.abs(shape.get(x, y, 1) - other.get(x, y, 1)) > 20 ? 1 : 0;
                    }
                }
                assertTrue(different > 20, kind + " looks like a circle in scene " + number);
            }
        }
    }

    /** The nearest neighbour in raw pixels finds little more than chance (one in eight). */
    @Test
    void rawPixelsHardlyTellTheClasses() {
        int size = 32;
        int trainScenes = 30;
        int testScenes = 12;
        ShapeKind[] kinds = ShapeKind.values();
        byte[][] known = new byte[kinds.length * trainScenes][];
        for (int i = 0; i < known.length; i++) {
            known[i] = new ShapeScene(9, 0, i / kinds.length)
                    .render(kinds[i % kinds.length], size, 1, 2)
                    .pixels();
        }
        int right = 0;
        for (ShapeKind kind : kinds) {
            for (int i = 0; i < testScenes; i++) {
                Image query = new ShapeScene(9, 2, i).render(kind, size, 1, 2);
                right += kinds[nearest(query.pixels(), known) % kinds.length] == kind ? 1 : 0;
            }
        }
        double accuracy = right / (8.0 * testScenes);
        assertTrue(accuracy < 0.4, "accuracy of raw pixels: " + accuracy);
    }

    private static int nearest(byte[] query, byte[][] known) {
        long best = Long.MAX_VALUE;
        int found = -1;
        for (int i = 0; i < known.length; i++) {
            long distance = 0;
            for (int k = 0; k < query.length; k++) {
                long d = (known[i][k] & 0xFF) - (query[k] & 0xFF);
                distance += d * d;
            }
            if (distance < best) {
                best = distance;
                found = i;
            }
        }
        return found;
    }
}
