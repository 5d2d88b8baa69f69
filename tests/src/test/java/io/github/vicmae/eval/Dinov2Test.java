package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.EncoderNames;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Small checkpoints in the form of DINOv2's, with LayerScale, a mask token and positions of 6 x 6 patches, give what PyTorch 1.13 computed (see
 * tests/src/test/python/dinov2.py): the class token and the mean of the patch tokens, at their own size, a smaller and a larger one.
 */
class Dinov2Test {
    private static final int HEADS = 2;
    private static final float CLOSE = 2e-6f;

    @TempDir
    Path dir;

    private Path resource(String name) throws IOException {
        Path file = dir.resolve(name);
        if (!Files.exists(file)) {
            try (InputStream in = Dinov2Test.class.getResourceAsStream(name)) {
                Files.copy(in, file);
            }
        }
        return file;
    }

    private Path checkpoint(int registers) throws IOException {
        return resource("dinov2-" + registers + "-registers.pth");
    }

    /** The sides of the images, and for each the class token and the mean. */
    private record Expected(int side, float[] classToken, float[] mean) {}

    private List<Expected> expected(int registers) throws IOException {
        List<String[]> lines = Files.readAllLines(resource("dinov2-" + registers + "-registers.txt")).stream()
                .map(line -> line.split(" "))
                .toList();
        return IntStream.range(0, lines.size() / 2)
                .mapToObj(i -> new Expected(
                        Integer.parseInt(lines.get(2 * i)[0]), row(lines.get(2 * i)), row(lines.get(2 * i + 1))))
                .toList();
    }

    private static float[] row(String[] words) {
        float[] row = new float[words.length - 1];
        for (int d = 0; d < row.length; d++) {
            row[d] = Float.parseFloat(words[d + 1]);
        }
        return row;
    }

    /** The image that the program makes, count times. */
    private static FloatBuffer images(int side, int count) {
        int size = 3 * side * side;
        FloatBuffer images = DirectBuffers.floats(count * size);
        for (int i = 0; i < images.capacity(); i++) {
            images.put(i, (i % size * 37 + 11) % 101 / 64f - 0.75f);
        }
        return images;
    }

    private static void check(Expected expected, FloatBuffer features, int count, int width) {
        for (int i = 0; i < count; i++) {
            float[] row = new float[2 * width];
            features.get(i * row.length, row);
            assertArrayEquals(expected.mean(), Arrays.copyOf(row, width), CLOSE, "mean");
            assertArrayEquals(expected.classToken(), Arrays.copyOfRange(row, width, 2 * width), CLOSE, "class token");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void featuresAreThoseOfPyTorchAtEverySize(int registers) throws IOException {
        List<Expected> sizes = expected(registers);
        assertEquals(3, sizes.size());
        try (Device device = Device.open("cpu")) {
            for (Expected size : sizes) {
                try (Encoder encoder = Encoder.load(checkpoint(registers), HEADS, size.side(), device, 3)) {
                    int width = encoder.width();
                    assertEquals(registers, encoder.config().trunk().registers());
                    for (int count : new int[] {1, 3}) {
                        FloatBuffer features = DirectBuffers.floats(count * 2 * width);
                        encoder.features(FeatureTokens.BOTH)
                                .compute(images(size.side(), count), false, features, count);
                        check(size, features, count, width);
                    }
                    assertEquals(List.of(), encoder.passedOver(), "the mask token is known");
                }
            }
        }
    }

    /** The kernels for GPUs, thread by thread. */
    @Test
    void registersStandAsideOnTheEmulatedDeviceToo() throws IOException {
        Expected small = expected(2).get(1);
        try (Device device = Device.open("emulated");
                Encoder encoder = Encoder.load(checkpoint(2), HEADS, small.side(), device, 3)) {
            FloatBuffer features = DirectBuffers.floats(3 * 2 * encoder.width());
            encoder.features(FeatureTokens.BOTH).compute(images(small.side(), 3), false, features, 3);
            check(small, features, 3, encoder.width());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void exportedTheyAreTheSame(int registers) throws IOException, OrtException {
        for (Expected size : expected(registers)) {
            Path onnx = dir.resolve(size.side() + ".onnx");
            Path tensors = dir.resolve(size.side() + ".safetensors");
            try (EncoderExport export = EncoderExport.open(checkpoint(registers), HEADS, size.side())) {
                export.write(onnx, TensorForm.ONNX, null, EncoderNames.VICMAE, Pooling.MEAN, Map.of());
                export.write(tensors, TensorForm.SAFETENSORS, null, EncoderNames.VICMAE, null, Map.of());
            }
            OnnxOutcome found = OnnxOutcome.of(onnx, images(size.side(), 2), 2, 3, size.side(), size.side());
            assertArrayEquals(size.mean(), found.features()[1], CLOSE);
            assertArrayEquals(size.classToken(), found.tokens()[1][0], CLOSE);
            try (Device device = Device.open("cpu");
                    Encoder encoder = Encoder.load(tensors, device, 1)) {
                FloatBuffer features = DirectBuffers.floats(2 * encoder.width());
                encoder.features(FeatureTokens.BOTH).compute(images(size.side(), 1), false, features, 1);
                check(size, features, 1, encoder.width());
            }
        }
    }

    @Test
    void publishedNamesAreItsOwnWithoutTheFactors() throws IOException {
        Path file = dir.resolve("e.pth");
        try (EncoderExport export = EncoderExport.open(checkpoint(2), HEADS, 0)) {
            export.write(file, TensorForm.PYTORCH, null, EncoderNames.PUBLISHED, null, Map.of());
            IOException e = assertThrows(
                    IOException.class,
                    () -> export.write(file, TensorForm.PYTORCH, null, EncoderNames.TIMM, null, Map.of()));
            assertTrue(e.getMessage().contains("register tokens"), e.getMessage());
        }
        try (TensorSource source = TensorSource.open(file)) {
            assertTrue(source.contains("register_tokens"));
            assertTrue(source.names().stream().noneMatch(name -> name.contains("ls1") || name.contains("mask")));
        }
    }

    @Test
    void aSizeThatThePatchesDoNotDivideIsRefused() throws IOException {
        Path file = checkpoint(0);
        IOException e = assertThrows(IOException.class, () -> EncoderExport.open(file, HEADS, 18));
        assertTrue(e.getMessage().contains("multiple of 4"), e.getMessage());
    }

    @Test
    void itsFormIsNotTakenForAnother() throws IOException {
        String text = Files.readString(resource("dinov2-0-registers.txt"), StandardCharsets.US_ASCII);
        assertTrue(text.startsWith("24 "), "the checkpoint's own size comes first");
        Path file = checkpoint(2);
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(file, HEADS, device, 1)) {
            assertEquals(24, encoder.config().trunk().height());
            assertEquals(4, encoder.config().trunk().patch());
        }
    }
}
