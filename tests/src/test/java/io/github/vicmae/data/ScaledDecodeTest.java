package io.github.vicmae.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.data.view.ViewWriter;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JPEGs that are decoded at a fraction of their size. */
class ScaledDecodeTest {
    private static final ViewSettings VIEW = ViewSettings.release(48, 48, 3).with(false, true);

    @TempDir
    Path dir;

    /** Waves of some ten pixels' length, steep enough to show a crop that is half a pixel off. */
    private static Image waves(int width, int height) {
        byte[] pixels = new byte[3 * width * height];
        for (int i = 0; i < pixels.length; i++) {
            double x = i / 3 % width;
            double y = i / 3 / width;
            pixels[i] = (byte) (128 + 50 * Math.sin(x / (14 + i % 3)) + 50 * Math.cos(y / 17 + x / 40));
        }
        return new Image(width, height, 3, pixels);
    }

    private Path jpeg(String name, int width, int height) throws IOException {
        return Pictures.write(dir.resolve(name), Pictures.buffered(waves(width, height)), "jpg");
    }

    private static ReducedImage read(Path file, int reduction) throws IOException {
        return ImageReader.read(Content.of(file), 3, (width, height) -> reduction);
    }

    @Test
    void aJpegIsDividedByTheLargestPowerOfTwoThatIsAllowed() throws IOException {
        Path file = jpeg("odd.jpg", 301, 203);
        int[][] allowedAndFound = {{-1, 1}, {0, 1}, {1, 1}, {2, 2}, {3, 2}, {7, 4}, {8, 8}, {100, 8}};
        for (int[] pair : allowedAndFound) {
            ReducedImage found = read(file, pair[0]);
            assertEquals(pair[1], found.reduction());
            assertEquals(301, found.width());
            assertEquals(203, found.height());
            assertEquals((301 + pair[1] - 1) / pair[1], found.image().width());
        }
        assertEquals(ImageReader.read(file, 3), read(file, 1).image());
        Path png = Pictures.write(dir.resolve("a.png"), Pictures.buffered(waves(64, 64)), "png");
        assertEquals(1, read(png, 8).reduction());
    }

    /** Each pixel is the mean of those for which it stands, also of a turned picture; where squares would not end at its edge it stays whole. */
    @Test
    void aTurnedPictureIsDividedFromTheSameEdges() throws IOException {
        for (int orientation : new int[] {1, 3, 6, 8}) {
            for (int[] size : new int[][] {{304, 208}, {301, 203}}) {
                byte[] exif = ("Exif\0\0MM\0*\0\0\0\b\0\1\1\22\0\3\0\0\0\1\0" + (char) orientation + "\0\0\0\0\0\0")
                        .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
                byte[] file = Pictures.encode(Pictures.buffered(waves(size[0], size[1])), "jpg");
                Path turned = Files.write(dir.resolve("turned.jpg"), Pictures.withSegment(file, 0xE1, exif));
                Image whole = ImageReader.read(turned, 3);
                assertEquals(orientation > 4 ? size[1] : size[0], whole.width());
                ReducedImage found = read(turned, 4);
                assertEquals(whole.width(), found.width());
                assertEquals(whole.height(), found.height());
                assertEquals(orientation == 1 || size[0] == 304 ? 4 : 1, found.reduction());
                for (int y = 0; found.reduction() == 4 && y < whole.height() / 4; y++) {
                    for (int x = 0; x < whole.width() / 4; x++) {
                        assertEquals(mean(whole, 4 * x, 4 * y, 4), found.image().get(x, y, 1), 6, x + ", " + y);
                    }
                }
            }
        }
    }

    private static double mean(Image image, int left, int top, int side) {
        double sum = 0;
        for (int i = 0; i < side * side; i++) {
            sum += image.get(left + i % side, top + i / side, 1);
        }
        return sum / (side * side);
    }

    @Test
    void viewsOfAReducedPictureAreThoseOfTheWholeOne() throws IOException {
        Content file = Content.of(jpeg("large.jpg", 1203, 901));
        ViewWriter writer = new ViewWriter(VIEW);
        ReducedImage whole = ImageReader.read(file, 3, (width, height) -> 1);
        int[] reductions = new int[9];
        for (int sample = 0; sample < 24; sample++) {
            int index = sample;
            IntFunction<Philox> random = view -> new Philox(3, 0, index, view);
            ReducedImage reduced =
                    ImageReader.read(file, 3, (width, height) -> writer.reduction(Kind.IMAGE, width, height, random));
            reductions[reduced.reduction()]++;
            for (int v = 0; v < VIEW.views(); v++) {
                float[] expected = view(writer, whole, v, random.apply(v));
                float[] found = view(writer, reduced, v, random.apply(v));
                double sum = 0;
                for (int i = 0; i < found.length; i++) {
                    double difference = 255 * 0.226 * Math.abs(expected[i] - found[i]);
                    assertTrue(difference < 12, "one value is off by " + difference);
                    sum += difference;
                }
                assertTrue(sum / found.length < 0.5, "values are off by " + sum / found.length);
            }
        }
        assertTrue(reductions[2] > 0 && reductions[4] > 0, Arrays.toString(reductions));
    }

    private static float[] view(ViewWriter writer, ReducedImage picture, int view, Philox random) {
        FloatBuffer out = FloatBuffer.allocate(VIEW.viewSize());
        writer.write(List.of(picture), Kind.IMAGE, view, random, out, 0);
        return out.array();
    }

    /** Whatever the number of workers; and pictures that are not large have the very same views as before. */
    @Test
    void batchesStayAFunctionOfTheSeed() throws IOException {
        jpeg("data/a.jpg", 1203, 901);
        jpeg("data/b.jpg", 800, 1000);
        Dataset large = Dataset.scan(List.of(dir.resolve("data")));
        Dataset small = Dataset.scan(List.of(jpeg("small/c.jpg", 100, 90)));
        assertArrayEquals(views(large, 1, true), views(large, 3, true));
        assertFalse(Arrays.equals(views(large, 1, true), views(large, 1, false)));
        assertArrayEquals(views(small, 1, true), views(small, 1, false));
    }

    private static float[] views(Dataset data, int workers, boolean scaled) throws IOException {
        LoaderSettings settings = LoaderSettings.of(4, workers, 5).withScaledDecode(scaled);
        return BatchContent.take(data, VIEW, FrameSampler.distant(2), settings, 0, 0, 1)
                .get(0)
                .views();
    }
}
