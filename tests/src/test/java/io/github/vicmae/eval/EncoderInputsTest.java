package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.PixelLayout;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.model.ExtractedTokens;
import io.github.vicmae.objective.Objective;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.lwjgl.system.MemoryUtil;

/** An image gives the same features in whatever form it comes, and wrong input is refused in a sentence. */
class EncoderInputsTest {
    private static final int WIDTH = 50;
    private static final int HEIGHT = 40;

    @TempDir
    Path dir;

    private Device device;
    private Path file;
    private Encoder encoder;

    @BeforeEach
    void load() throws IOException {
        file = Checkpoints.write(dir.resolve("model.safetensors"), Checkpoints.small(), 3);
        device = Device.open("cpu");
        encoder = Encoder.options().contexts(2).batch(4).load(file, device);
    }

    @AfterEach
    void close() {
        encoder.close();
        assertEquals(0, device.liveBytes());
        device.close();
    }

    private static Image picture(int seed) {
        byte[] pixels = new byte[WIDTH * HEIGHT * 3];
        new Random(seed).nextBytes(pixels);
        return new Image(WIDTH, HEIGHT, 3, pixels);
    }

    private static BufferedImage buffered(Image image) {
        BufferedImage picture = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                picture.setRGB(x, y, image.get(x, y, 0) << 16 | image.get(x, y, 1) << 8 | image.get(x, y, 2));
            }
        }
        return picture;
    }

    private static void refused(Class<? extends Exception> type, String says, Executable call) {
        String message = assertThrows(type, call).getMessage();
        assertTrue(message.contains(says), message);
    }

    @Test
    void filesUploadsAndPicturesGiveTheSameFeatures() throws IOException {
        Image image = picture(1);
        float[] expected = encoder.embed(image);
        Path png = dir.resolve("picture.png");
        ImageIO.write(buffered(image), "png", png.toFile());
        byte[] bytes = Files.readAllBytes(png);
        assertArrayEquals(expected, encoder.embed(png));
        assertArrayEquals(expected, encoder.embed(buffered(image)));
        assertArrayEquals(expected, encoder.embed(bytes));
        assertArrayEquals(expected, encoder.embed(new ByteArrayInputStream(bytes)));
        refused(IOException.class, "file in memory", () -> encoder.embed(new byte[] {1, 2, 3}));
        refused(IOException.class, "in memory", () -> encoder.embed(new byte[0]));
        refused(IOException.class, "Cannot read the picture", () -> encoder.embed(java.util.Arrays.copyOf(bytes, 100)));
    }

    @Test
    void pixelsInMemoryGiveTheFeaturesOfThePictureWhateverTheirStrides() {
        List<Image> images = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            images.add(picture(i));
        }
        float[][] expected = encoder.embed(images);
        PixelLayout layout = new PixelLayout(6, HEIGHT, WIDTH, 3, 3 * WIDTH + 7, (3 * WIDTH + 7) * (long) HEIGHT + 11);
        ByteBuffer pixels = ByteBuffer.allocateDirect((int) layout.bytes());
        for (int i = 0; i < 6; i++) {
            for (int y = 0; y < HEIGHT; y++) {
                pixels.put(
                        (int) (i * layout.imageStride() + y * layout.rowStride()),
                        images.get(i).pixels(),
                        3 * WIDTH * y,
                        3 * WIDTH);
            }
        }
        assertArrayEquals(expected, encoder.embed(pixels, layout));
        assertArrayEquals(expected, encoder.embed(MemoryUtil.memAddress(pixels, 0), layout));
        assertEquals(0, encoder.embed(pixels, PixelLayout.dense(0, HEIGHT, WIDTH, 3)).length);
        FloatBuffer features = FloatBuffer.allocate(6 * encoder.width());
        encoder.embed(images, features);
        for (int i = 0; i < features.capacity(); i++) {
            assertEquals(expected[i / encoder.width()][i % encoder.width()], features.get(i));
        }

        ByteBuffer shorter = pixels.duplicate().limit(pixels.capacity() - 1);
        refused(IllegalArgumentException.class, "limit is", () -> encoder.embed(shorter, layout));
        refused(IllegalArgumentException.class, "address is null", () -> encoder.embed(0, layout));
        refused(IllegalArgumentException.class, "bytes apart", () -> new PixelLayout(1, 4, 5, 3, 14, 60));
        refused(IllegalArgumentException.class, "bytes apart", () -> new PixelLayout(2, 4, 5, 3, 15, 59));
        refused(IllegalArgumentException.class, "1 to 4 channels", () -> PixelLayout.dense(1, 4, 5, 5));
        refused(IllegalArgumentException.class, "read-only", () -> encoder.embed(images, features.asReadOnlyBuffer()));
        refused(
                IllegalArgumentException.class,
                "needs 192 floats",
                () -> encoder.embed(images, FloatBuffer.allocate(191)));
    }

    @Test
    void floatsAtAnAddressGiveWhatTheirBufferDoes() {
        int size = encoder.views().viewSize();
        FloatBuffer images = direct(3 * size);
        for (int i = 0; i < images.capacity(); i++) {
            images.put(i, (float) Math.sin(i));
        }
        FloatBuffer expected = direct(3 * encoder.width());
        FloatBuffer found = direct(3 * encoder.width());
        encoder.embed(images, expected, 3);
        encoder.embed(MemoryUtil.memAddress(images, 0), MemoryUtil.memAddress(found, 0), 3);
        assertEquals(expected, found);
        long address = MemoryUtil.memAddress(images, 0);
        refused(IllegalArgumentException.class, "not -1", () -> encoder.embed(address, address, -1));
        refused(IllegalArgumentException.class, "null", () -> encoder.embed(address, 0, 1));
        refused(IllegalArgumentException.class, "multiples of 4", () -> encoder.embed(address + 2, address, 1));
    }

    @Test
    void tokensAreThoseThatArePooled() throws IOException {
        Image image = picture(5);
        ImageTokens tokens = encoder.tokens(image);
        assertArrayEquals(encoder.embed(image), tokens.pooled());
        assertEquals(16, tokens.patches().length);
        for (int d = 0; d < encoder.width(); d++) {
            double mean = 0;
            for (float[] patch : tokens.patches()) {
                mean += patch[d] / 16;
            }
            assertEquals(mean, tokens.pooled()[d], 1e-5);
        }
        float[] classToken = new float[encoder.width()];
        FloatBuffer view = direct(encoder.views().viewSize());
        encoder.view(image, view);
        encoder.features(FeatureTokens.CLS).compute(view, false, FloatBuffer.wrap(classToken), 1);
        assertArrayEquals(classToken, tokens.classToken());

        int patches = encoder.patches() * encoder.width();
        refused(
                IllegalArgumentException.class,
                "patch tokens needs " + 2 * patches,
                () -> encoder.extract(
                        direct(2 * view.capacity()), new ExtractedTokens(null, null, direct(patches)), 2));
    }

    @Test
    void momentsHaveTheFeaturesOfTheirFrames() throws IOException {
        Path video = dir.resolve("clip.mp4");
        Pictures.countingVideo(video, 48, 32, 10, 25);
        List<Encoder.Moment> moments = encoder.every(video, Duration.ofMillis(300));
        assertEquals(9, moments.size()); // of 2.5 s
        for (int i = 0; i < moments.size(); i++) {
            assertEquals(0.3 * i, moments.get(i).seconds(), 1e-9);
            assertArrayEquals(
                    encoder.embed(video, Duration.ofMillis(300L * i)),
                    moments.get(i).features(),
                    1e-6f);
        }
        assertArrayEquals(encoder.embed(video, Duration.ofMillis(2450)), encoder.embed(video, Duration.ofHours(1)));
        refused(IllegalArgumentException.class, "0 or more", () -> encoder.embed(video, Duration.ofMillis(-1)));
        refused(IllegalArgumentException.class, "more than 0", () -> encoder.every(video, Duration.ZERO));
        refused(IOException.class, "missing.mp4", () -> encoder.embed(dir.resolve("missing.mp4"), Duration.ZERO));
        assertArrayEquals(encoder.embed(video), encoder.embed(Files.readAllBytes(video)));
    }

    @Test
    void bfloat16IsCloseAndOptionsAreChecked() throws IOException {
        try (Encoder narrow = Encoder.options().precision(Precision.BF16).load(file, device)) {
            float[] exact = encoder.embed(picture(2));
            float[] rounded = narrow.embed(picture(2));
            assertArrayEquals(exact, rounded, 0.1f); // features of size 1, of 8 bits
            assertFalse(java.util.Arrays.equals(exact, rounded));
        }
        EncoderOptions options = Encoder.options();
        refused(IllegalArgumentException.class, "at least one context, not 0", () -> options.contexts(0));
        refused(IllegalArgumentException.class, "at least one image, not", () -> options.batch(-2));
        refused(IllegalArgumentException.class, "precision", () -> options.precision(null));
        refused(IllegalArgumentException.class, "0 or more", () -> options.image(-1));
        refused(IOException.class, "multiple of 8", () -> options.image(30)
                .load(file, device)
                .close());
    }

    /** By reflection, since the tests are compiled for Java 17. */
    @Test
    void memorySegmentsWorkThroughTheirBuffersAndClosedOnesAreRefused() throws ReflectiveOperationException {
        assumeTrue(Runtime.version().feature() >= 22, "MemorySegment came with Java 22");
        Class<?> arenas = Class.forName("java.lang.foreign.Arena");
        Class<?> segments = Class.forName("java.lang.foreign.MemorySegment");
        int size = encoder.views().viewSize();
        FloatBuffer expected = direct(encoder.width());
        FloatBuffer view = direct(size);
        for (int i = 0; i < size; i++) {
            view.put(i, (float) Math.cos(i));
        }
        encoder.embed(view, expected, 1);
        for (String kind : List.of("ofConfined", "ofShared", "ofAuto")) {
            Object arena = arenas.getMethod(kind).invoke(null);
            ByteBuffer[] memory = new ByteBuffer[2];
            for (int i = 0; i < 2; i++) {
                Object segment = arenas.getMethod("allocate", long.class, long.class)
                        .invoke(arena, 4L * (i == 0 ? size : encoder.width()), 4L);
                memory[i] = (ByteBuffer) segments.getMethod("asByteBuffer").invoke(segment);
            }
            FloatBuffer images = memory[0].order(ByteOrder.nativeOrder()).asFloatBuffer();
            FloatBuffer features = memory[1].order(ByteOrder.nativeOrder()).asFloatBuffer();
            images.put(0, view, 0, size);
            encoder.embed(images, features, 1);
            assertEquals(expected, features, kind);
            if (!kind.equals("ofAuto")) {
                arenas.getMethod("close").invoke(arena);
                refused(IllegalStateException.class, "losed", () -> encoder.embed(images, features, 1));
            }
        }
    }

    @Test
    void theEncoderOfAModelInTrainingIsThatOfItsCheckpoint() throws IOException {
        try (Objective model = Objective.create(device, Checkpoints.small(), 2)) {
            model.parameters().initialise(model.kernels(), 3);
            try (Encoder own = Encoder.of(model, Encoder.options())) {
                float[] expected = encoder.embed(picture(7));
                assertArrayEquals(expected, own.embed(picture(7)));
                model.parameters().initialise(model.kernels(), 4);
                assertArrayEquals(expected, own.embed(picture(7)), "what is trained on does not change it");
            }
        }
    }

    /** A list that fails half-way leaves the encoder as it was. */
    @Test
    void nothingIsHeldByACallThatFails() {
        for (int i = 0; i < 40; i++) {
            List<Image> images = new ArrayList<>(List.of(picture(1), picture(2)));
            images.add(null);
            assertThrows(NullPointerException.class, () -> encoder.embed(images));
            assertThrows(NullPointerException.class, () -> encoder.tokens(null));
            assertThrows(NullPointerException.class, () -> encoder.embed((FloatBuffer) null, null, 1));
        }
        assertEquals(encoder.width(), encoder.embed(picture(1)).length);
    }

    private static FloatBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(4 * floats)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
