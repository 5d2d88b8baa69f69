package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class EncoderTest {
    @TempDir
    Path dir;

    private static ModelConfig config(int height, int width, int channels) {
        return new ModelConfig(
                new TrunkConfig(height, width, channels, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
    }

    private Path checkpoint(Device device, ModelConfig config) throws IOException {
        Path file = dir.resolve("model.safetensors");
        try (Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        return file;
    }

    private static Image picture(int seed, int channels) {
        byte[] pixels = new byte[50 * 40 * channels];
        new Random(seed).nextBytes(pixels);
        return new Image(50, 40, channels, pixels);
    }

    @Test
    void oneByOneAndInBatchesGiveTheSameFeatures() throws IOException {
        for (int channels = 1; channels <= 4; channels++) {
            Device device = Device.open("cpu");
            try (device;
                    Encoder encoder = Encoder.load(checkpoint(device, config(24, 40, channels)), device, 4)) {
                List<Image> pictures = new ArrayList<>();
                for (int i = 0; i < 11; i++) {
                    pictures.add(picture(i, channels));
                }
                float[][] together = encoder.embed(pictures);
                for (int i = 0; i < pictures.size(); i++) {
                    assertArrayEquals(together[i], encoder.embed(pictures.get(i)), 1e-5f);
                }
                assertTrue(together[0].length == 32 && !java.util.Arrays.equals(together[0], together[1]));
            }
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void directBuffersGiveTheSameAsPictures() throws IOException {
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(checkpoint(device, config(16, 16, 3)), device, 2)) {
            FloatBuffer images = direct(3 * 3 * 16 * 16);
            for (int i = 0; i < images.capacity(); i++) {
                images.put(i, (float) Math.sin(i));
            }
            FloatBuffer features = direct(3 * encoder.width());
            encoder.embed(images, features, 3);
            FloatBuffer last = direct(encoder.width());
            encoder.embed(images.slice(2 * 3 * 16 * 16, 3 * 16 * 16), last, 1);
            for (int d = 0; d < encoder.width(); d++) {
                assertEquals(features.get(2 * encoder.width() + d), last.get(d), 1e-5);
            }
            assertThrows(IllegalArgumentException.class, () -> encoder.embed(images, last, 3));
        }
    }

    @Test
    void threadsThatShareAnEncoderGetTheRightFeatures() throws Exception {
        try (Device device = Device.open("cpu")) {
            Path file = checkpoint(device, config(16, 16, 3));
            try (Encoder encoder = Encoder.load(file, device, 2);
                    Encoder second = Encoder.load(file, device, 2)) {
                List<Image> pictures = new ArrayList<>();
                for (int i = 0; i < 5; i++) {
                    pictures.add(picture(i, 3));
                }
                float[][] expected = encoder.embed(pictures);
                ExecutorService threads = Executors.newFixedThreadPool(4);
                try {
                    List<Future<?>> done = new ArrayList<>();
                    for (int t = 0; t < 4; t++) {
                        Encoder used = t == 3 ? second : encoder;
                        done.add(threads.submit(() -> {
                            for (int i = 0; i < 200; i++) {
                                assertArrayEquals(expected[i % 5], used.embed(pictures.get(i % 5)), 1e-5f);
                                float[][] all = used.embed(pictures);
                                for (int p = 0; p < all.length; p++) {
                                    assertArrayEquals(expected[p], all[p]);
                                }
                            }
                        }));
                    }
                    for (Future<?> one : done) {
                        one.get();
                    }
                } finally {
                    threads.shutdownNow();
                }
            }
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void anEncoderMayBeClosedWhileAnotherThreadUsesIt() throws Exception {
        Device device = Device.open("cpu");
        Encoder encoder = Encoder.load(checkpoint(device, config(16, 16, 3)), device, 2);
        ExecutorService thread = Executors.newSingleThreadExecutor();
        CountDownLatch begun = new CountDownLatch(1);
        Future<String> ended = thread.submit(() -> {
            try {
                while (true) {
                    encoder.embed(picture(1, 3));
                    begun.countDown();
                }
            } catch (IllegalStateException e) {
                return e.getMessage();
            }
        });
        begun.await();
        encoder.close();
        assertEquals("The encoder is used after it was closed", ended.get());
        thread.shutdown();
        encoder.close();
        assertEquals(0, device.liveBytes());
        device.close();
    }

    @Test
    void heapBuffersAndTheOtherByteOrderGiveTheSame() throws IOException {
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(checkpoint(device, config(16, 16, 3)), device, 2)) {
            int size = 3 * 16 * 16;
            FloatBuffer images = direct(3 * size);
            FloatBuffer heap = FloatBuffer.allocate(3 * size);
            ByteOrder other =
                    ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
            FloatBuffer swapped =
                    ByteBuffer.allocateDirect(4 * 3 * size).order(other).asFloatBuffer();
            for (int i = 0; i < images.capacity(); i++) {
                images.put(i, (float) Math.sin(i));
                heap.put(i, (float) Math.sin(i));
                swapped.put(i, (float) Math.sin(i));
            }
            float[] expected = new float[3 * encoder.width()];
            FloatBuffer features = direct(expected.length);
            encoder.embed(images, features, 3);
            features.get(0, expected);
            for (FloatBuffer in : List.of(
                    heap, swapped, heap.asReadOnlyBuffer(), images.duplicate().position(7))) {
                FloatBuffer out = in == swapped
                        ? ByteBuffer.allocate(4 * expected.length).order(other).asFloatBuffer()
                        : FloatBuffer.allocate(expected.length);
                encoder.embed(in, out, 3);
                float[] found = new float[expected.length];
                out.get(0, found);
                assertArrayEquals(expected, found);
            }
        }
    }

    @Test
    void wrongCallsAreRefusedInASentence() throws IOException {
        Device device = Device.open("cpu");
        Path file = checkpoint(device, config(16, 16, 3));
        Encoder encoder = Encoder.load(file, device, 2);
        int size = 3 * 16 * 16;
        FloatBuffer images = direct(2 * size);
        FloatBuffer features = direct(2 * encoder.width());
        refused(IllegalArgumentException.class, "not -1", () -> encoder.embed(images, features, -1));
        refused(
                IllegalArgumentException.class,
                "images needs 2304 floats (3 times 768), but its limit is 1536",
                () -> encoder.embed(images, direct(3 * encoder.width()), 3));
        refused(
                IllegalArgumentException.class,
                "images needs",
                () -> encoder.embed(images.duplicate().limit(size), features, 2));
        refused(
                IllegalArgumentException.class,
                "features needs 64 floats",
                () -> encoder.embed(images, direct(encoder.width()), 2));
        refused(
                IllegalArgumentException.class,
                "images needs 1649267440896 floats",
                () -> encoder.embed(images, features, Integer.MAX_VALUE));
        refused(
                IllegalArgumentException.class,
                "read-only",
                () -> encoder.embed(images, features.asReadOnlyBuffer(), 1));
        refused(IllegalArgumentException.class, "at least one image, not -2", () -> Encoder.load(file, device, -2));
        encoder.embed(images, features, 0);
        assertEquals(0, encoder.embed(List.of()).length);
        encoder.close();
        refused(
                IllegalStateException.class,
                "encoder is used after it was closed",
                () -> encoder.embed(images, features, 1));
        refused(IllegalStateException.class, "encoder is used after it was closed", () -> encoder.embed(picture(1, 3)));
        Encoder orphan = Encoder.load(file, device, 2);
        device.close();
        refused(IllegalStateException.class, "device is used after it was closed", () -> orphan.embed(picture(1, 3)));
        refused(IllegalStateException.class, "device is used after it was closed", () -> Encoder.load(file, device));
        orphan.close();
        assertEquals(0, device.liveBytes());
    }

    private static void refused(Class<? extends Exception> type, String says, Executable call) {
        String message = assertThrows(type, call).getMessage();
        assertTrue(message.contains(says), message);
    }

    private static FloatBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(4 * floats)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    @Test
    void aCheckpointOfAnotherShapeNamesEveryMismatch() throws IOException {
        try (Device device = Device.open("cpu")) {
            Path file = checkpoint(device, config(16, 16, 3));
            ModelConfig other = new ModelConfig(
                    new TrunkConfig(16, 16, 3, 8, 48, 3, 2, 4),
                    new DecoderConfig(16, 1, 2, 4, true),
                    ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
            IOException e = assertThrows(IOException.class, () -> Encoder.load(file, other, device, 1));
            assertTrue(e.getMessage().contains("blocks.2.mlp.fc1.weight is missing"), e.getMessage());
            assertTrue(
                    e.getMessage().contains("cls_token is [1, 1, 32] in the file and [1, 1, 48] in this model"),
                    e.getMessage());
            try (Objective model = Objective.create(device, other, 2);
                    Safetensors source = Safetensors.open(file)) {
                assertThrows(IOException.class, () -> Checkpoint.load(source, model.state(), true));
            }
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void aPublishedCheckpointGivesTheGoldenModelsFeatures() throws IOException {
        Path pth = TestData.shared("golden/release-tiny.pth");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(32, 32, 3, 8, 64, 2, 2, 4),
                new DecoderConfig(32, 1, 1, 4, true),
                ViCMaeConfig.of(Variant.RELEASE, 0.75, Pooling.MEAN, 48, 16, 0.1));
        try (Device device = Device.open("cpu")) {
            IOException e = assertThrows(IOException.class, () -> Encoder.load(pth, device));
            assertTrue(e.getMessage().contains("how many heads"), e.getMessage());
            Path ours = dir.resolve("ours.safetensors");
            try (Objective model = Objective.create(device, config, 2);
                    Safetensors golden = Safetensors.open(TestData.shared("golden/release-tiny.safetensors"))) {
                Checkpoint.load(golden, model.state(), false, "after.");
                Checkpoint.save(ours, model.state(), false, Map.of());
            }
            try (Encoder published = Encoder.load(pth, config, device, 1);
                    Encoder saved = Encoder.load(ours, device)) {
                assertArrayEquals(saved.embed(picture(1, 3)), published.embed(picture(1, 3)));
                try (Encoder told = Encoder.load(pth, 2, device, 1)) {
                    assertArrayEquals(saved.embed(picture(1, 3)), told.embed(picture(1, 3)));
                }
            }
        }
    }

    @Test
    void everyFormOfAPictureGivesTheSame() throws IOException {
        Path file = dir.resolve("picture.png");
        java.awt.image.BufferedImage picture =
                new java.awt.image.BufferedImage(40, 30, java.awt.image.BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 40 * 30; i++) {
            picture.setRGB(i % 40, i / 40, i * 5417);
        }
        javax.imageio.ImageIO.write(picture, "png", file.toFile());
        byte[] bytes = java.nio.file.Files.readAllBytes(file);
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.options().batch(2).load(checkpoint(device, config(16, 16, 3)), device)) {
            float[] expected = encoder.embed(file);
            assertArrayEquals(expected, encoder.embed(picture));
            assertArrayEquals(expected, encoder.embed(bytes));
            assertArrayEquals(expected, encoder.embed(new java.io.ByteArrayInputStream(bytes)));
            String message = assertThrows(IOException.class, () -> encoder.embed(new byte[] {1, 2, 3}))
                    .getMessage();
            assertTrue(message.contains("in memory"), message);
        }
    }

    /** At each time the frame that a video shows then; beyond the end the last one. */
    @Test
    void framesOfAVideoAreTakenByTheirTime() throws IOException {
        Path shapes = dir.resolve("shapes");
        io.github.vicmae.data.synthetic.SyntheticShapes.write(
                shapes, 1, new io.github.vicmae.data.synthetic.SyntheticShapes.Settings(32, 12, 16, 8, 1, 1, 1));
        Path video;
        try (java.util.stream.Stream<Path> files = java.nio.file.Files.walk(shapes)) {
            video = files.filter(f -> f.toString().endsWith(".mp4"))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.options().batch(3).load(checkpoint(device, config(16, 16, 3)), device)) {
            List<Encoder.Moment> moments = encoder.every(video, java.time.Duration.ofMillis(250));
            assertTrue(moments.size() >= 4, moments.size() + " moments");
            for (int i = 0; i < moments.size(); i++) {
                assertEquals(0.25 * i, moments.get(i).seconds(), 1e-9);
                assertArrayEquals(
                        encoder.embed(video, java.time.Duration.ofMillis(250L * i)),
                        moments.get(i).features(),
                        1e-5f);
            }
            assertTrue(!java.util.Arrays.equals(
                    moments.get(0).features(), moments.get(3).features()));
            assertArrayEquals(
                    encoder.embed(video, java.time.Duration.ofHours(1)),
                    encoder.embed(video, java.time.Duration.ofHours(2)),
                    0);
            assertThrows(IllegalArgumentException.class, () -> encoder.every(video, java.time.Duration.ZERO));
        }
    }

    /** bfloat16 rounds to two to three digits; the features are those of the model all the same. */
    @Test
    void anotherPrecisionGivesNearlyTheSame() throws IOException {
        try (Device device = Device.open("cpu")) {
            Path file = checkpoint(device, config(16, 16, 3));
            try (Encoder floats = Encoder.load(file, device);
                    Encoder rounded = Encoder.options()
                            .precision(io.github.vicmae.device.Precision.BF16)
                            .load(file, device)) {
                float[] exact = floats.embed(picture(1, 3));
                float[] near = rounded.embed(picture(1, 3));
                double difference = 0;
                double norm = 0;
                for (int i = 0; i < exact.length; i++) {
                    difference += Math.pow(exact[i] - near[i], 2);
                    norm += exact[i] * exact[i];
                }
                double error = Math.sqrt(difference / norm);
                assertTrue(error > 0 && error < 0.03, "relative error " + error);
            }
            assertThrows(IllegalArgumentException.class, () -> Encoder.options().batch(0));
        }
    }
}
