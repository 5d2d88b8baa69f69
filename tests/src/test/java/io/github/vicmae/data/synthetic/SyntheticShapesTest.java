package io.github.vicmae.data.synthetic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.VideoReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
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
            Image image = Frames.middle(sample.content(), sample.kind());
            assertEquals(32, image.width());
        }
        try (VideoReader reader = VideoReader.open(test.samples().get(0).content())) {
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

    /** Where no shape is, scenes of the same number are the same picture in every class. */
    @Test
    void scenesAreDrawnWithoutRegardToTheClass() {
        for (int number = 0; number < 4; number++) {
            for (double seconds : new double[] {0, 0.7, 2.9}) {
                Image circle = new ShapeScene(3, 0, number).render(ShapeKind.CIRCLE, 64, seconds);
                for (ShapeKind kind : ShapeKind.values()) {
                    Image other = new ShapeScene(3, 0, number).render(kind, 64, seconds);
                    int same = 0;
                    for (int y = 0; y < 64; y++) {
                        for (int x = 0; x < 64; x++) {
                            same += change(circle, other, x, y) == 0 ? 1 : 0;
                        }
                    }
                    assertTrue(same > 0.25 * 64 * 64, kind + " in scene " + number + ": " + same + " pixels");
                }
            }
        }
    }

    /** Sum over the channels. */
    private static int change(Image first, Image second, int x, int y) {
        int sum = 0;
        for (int c = 0; c < 3; c++) {
            sum += Math.abs(first.get(x, y, c) - second.get(x, y, c));
        }
        return sum;
    }

    @Test
    void theClassesLookDifferent() {
        ShapeKind[] kinds = ShapeKind.values();
        for (int number = 0; number < 6; number++) {
            for (int a = 0; a < kinds.length; a++) {
                for (int b = 0; b < a; b++) {
                    Image first = new ShapeScene(5, 0, number).render(kinds[a], 64, 1);
                    Image second = new ShapeScene(5, 0, number).render(kinds[b], 64, 1);
                    int different = 0;
                    for (int y = 0; y < 64; y++) {
                        for (int x = 0; x < 64; x++) {
                            different += Math.abs(first.get(x, y, 1) - second.get(x, y, 1)) > 20 ? 1 : 0;
                        }
                    }
                    assertTrue(different > 80, kinds[a] + " looks like " + kinds[b] + " in scene " + number);
                }
            }
        }
    }

    @Test
    void aCutChangesTheColoursAndAShotKeepsThem() {
        double within = 0;
        double across = 0;
        for (int number = 0; number < 10; number++) {
            ShapeScene scene = new ShapeScene(4, 0, number);
            double[] start = meanColour(scene.render(ShapeKind.STAR, 64, 0));
            within += distance(start, meanColour(scene.render(ShapeKind.STAR, 64, 0.4)));
            across += distance(start, meanColour(scene.render(ShapeKind.STAR, 64, 0.6)));
        }
        assertTrue(across > 3 * within, "change of colour within shots " + within + ", across cuts " + across);
    }

    private static double[] meanColour(Image image) {
        double[] mean = new double[3];
        byte[] pixels = image.pixels();
        for (int i = 0; i < pixels.length; i++) {
            mean[i % 3] += 3.0 * (pixels[i] & 0xFF) / pixels.length;
        }
        return mean;
    }

    private static double distance(double[] first, double[] second) {
        double sum = 0;
        for (int c = 0; c < 3; c++) {
            sum += Math.abs(first[c] - second[c]);
        }
        return sum;
    }

    /** The nearest neighbour in a colour histogram finds the class about as often as chance, one time in eight. */
    @Test
    void aColourHistogramDoesNotTellTheClasses() {
        double accuracy = nearestNeighbourAccuracy(30, 40, SyntheticShapesTest::histogram);
        assertTrue(accuracy < 0.19, "accuracy of colour histograms: " + accuracy);
    }

    /** Nor does it in raw pixels. */
    @Test
    void rawPixelsHardlyTellTheClasses() {
        double accuracy = nearestNeighbourAccuracy(30, 12, SyntheticShapesTest::floats);
        assertTrue(accuracy < 0.25, "accuracy of raw pixels: " + accuracy);
    }

    private static double nearestNeighbourAccuracy(
            int trainScenes, int testScenes, Function<byte[], float[]> descriptor) {
        int size = 32;
        ShapeKind[] kinds = ShapeKind.values();
        float[][] known = new float[kinds.length * trainScenes][];
        for (int i = 0; i < known.length; i++) {
            Image image = new ShapeScene(9, 0, i / kinds.length).render(kinds[i % kinds.length], size, 1);
            known[i] = descriptor.apply(image.pixels());
        }
        int right = 0;
        for (ShapeKind kind : kinds) {
            for (int i = 0; i < testScenes; i++) {
                Image query = new ShapeScene(9, 2, i).render(kind, size, 1);
                right += kinds[nearest(descriptor.apply(query.pixels()), known) % kinds.length] == kind ? 1 : 0;
            }
        }
        return right / (double) (kinds.length * testScenes);
    }

    private static float[] floats(byte[] pixels) {
        float[] values = new float[pixels.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = pixels[i] & 0xFF;
        }
        return values;
    }

    /** Shares of 8 x 8 x 8 colours. */
    private static float[] histogram(byte[] pixels) {
        float[] histogram = new float[512];
        for (int i = 0; i < pixels.length; i += 3) {
            int colour = (pixels[i] & 0xFF) / 32 * 64 + (pixels[i + 1] & 0xFF) / 32 * 8 + (pixels[i + 2] & 0xFF) / 32;
            histogram[colour] += 3f / pixels.length;
        }
        return histogram;
    }

    private static int nearest(float[] query, float[][] known) {
        double best = Double.POSITIVE_INFINITY;
        int found = -1;
        for (int i = 0; i < known.length; i++) {
            double distance = 0;
            for (int k = 0; k < query.length; k++) {
                double d = known[i][k] - query[k];
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
