package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.EncoderNames;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is exported computes elsewhere what the encoder computes here, and comes back as it was. */
class EncoderExportTest {
    private static final float CLOSE = 1e-4f;
    private static final Map<String, String> NO_MORE = Map.of();

    @TempDir
    Path dir;

    /** A small encoder, 24 x 16 pixels in patches of 8. */
    static ModelConfig small(String method) {
        ObjectNode tree = Presets.model(ModelSize.TI8, method, Variant.PAPER);
        SettingTree.putAll(
                tree,
                Map.of(
                        "trunk.height", 24,
                        "trunk.width", 16,
                        "trunk.dim", 24,
                        "trunk.depth", 2,
                        "decoder.dim", 32,
                        "decoder.depth", 1,
                        "decoder.heads", method.equals("omnimae") ? 16 : 1,
                        "objective.repeat", 1));
        SettingTree.put(tree, method.equals("omnimae") ? "objective.videoMaskRatio" : "objective.maskRatio", 0.5);
        return SettingTree.build(tree, ModelConfig.class);
    }

    /** Fresh weights, and all of them changed, since fresh biases are zero and norms do nothing. */
    private Path write(ModelConfig config) throws IOException {
        Path fresh = Checkpoints.write(dir.resolve("fresh.safetensors"), config, 3);
        Random random = new Random(5);
        SafetensorsWriter writer = new SafetensorsWriter();
        try (TensorSource source = TensorSource.open(fresh)) {
            source.metadata().forEach(writer::metadata);
            for (String name : source.names()) {
                if (source.info(name).dtype().isFloat()) {
                    float[] values = source.floats(name);
                    for (int i = 0; i < values.length; i++) {
                        values[i] += (float) (0.1 * random.nextGaussian());
                    }
                    writer.add(name, source.info(name).shape(), values);
                }
            }
        }
        Path file = dir.resolve("model.safetensors");
        writer.write(file);
        return file;
    }

    private Path export(Path model, String name, DType type, Pooling pooling) throws IOException {
        Path file = dir.resolve(name);
        try (EncoderExport encoder = EncoderExport.open(model, 0, 0)) {
            encoder.write(file, TensorForm.of(file), type, EncoderNames.VICMAE, pooling, NO_MORE);
        }
        return file;
    }

    private static FloatBuffer views(int count, int size) {
        Random random = new Random(7);
        FloatBuffer views = DirectBuffers.floats(count * size);
        for (int i = 0; i < views.capacity(); i++) {
            views.put(i, (float) random.nextGaussian());
        }
        return views;
    }

    private void sameAsTheEncoder(Path model, Path onnx, float close) throws IOException, OrtException {
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(model, device, 2)) {
            var trunk = encoder.config().trunk();
            for (int count : new int[] {1, 5}) {
                FloatBuffer views = views(count, trunk.imageSize());
                FloatBuffer expected = FloatBuffer.allocate(count * trunk.dim());
                encoder.embed(views, expected, count);
                OnnxOutcome found = OnnxOutcome.of(onnx, views, count, trunk.channels(), trunk.height(), trunk.width());
                for (int i = 0; i < count; i++) {
                    float[] row = new float[trunk.dim()];
                    expected.get(i * row.length, row);
                    assertArrayEquals(row, found.features()[i], close, "image " + i + " of " + count);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"vicmae,mean", "vicmae,cls", "vicmae,gem", "vicmae,max", "mae,mean", "st-mae,mean", "omnimae,mean"})
    void onnxRuntimeComputesTheSameFeatures(String method, String pooling) throws IOException, OrtException {
        ModelConfig config = small(method);
        if (method.equals("vicmae")) {
            config = config.with("objective.pooling", pooling);
        }
        Path model = write(config);
        sameAsTheEncoder(model, export(model, "encoder.onnx", null, null), CLOSE);
    }

    @Test
    void theDemosEncoderToo() throws IOException, OrtException {
        ModelConfig config = Presets.viCMae(ModelSize.TI8, Variant.PAPER);
        Path model = write(config);
        sameAsTheEncoder(model, export(model, "encoder.onnx", null, null), CLOSE);
    }

    /** Weights are rounded, and computed with as floats. */
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void narrowWeightsAreThoseOfTheSameFileAsSafetensors(DType type) throws IOException, OrtException {
        Path model = write(small("vicmae"));
        Path rounded = export(model, "rounded.safetensors", type, null);
        Path onnx = export(model, "encoder.onnx", type, null);
        sameAsTheEncoder(rounded, onnx, CLOSE);
        assertThrows(AssertionError.class, () -> sameAsTheEncoder(model, onnx, 1e-6f), "nothing was rounded");
    }

    @Test
    void tokensAreThoseThatArePooledAndTheMetadataPrepareAPicture() throws IOException, OrtException {
        Path model = write(small("vicmae"));
        Path onnx = export(model, "encoder.onnx", null, Pooling.CLS);
        Image picture = new Image(40, 30, 3, new byte[40 * 30 * 3]);
        new Random(1).nextBytes(picture.pixels());
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(model, device, 1)) {
            FloatBuffer view = DirectBuffers.floats(encoder.views().viewSize());
            new EvalView(encoder.views()).write(picture, view, 0);
            OnnxOutcome found = OnnxOutcome.of(onnx, view, 1, 3, 24, 16);
            float[][] tokens = found.tokens()[0];
            assertEquals(1 + 6, tokens.length);
            assertArrayEquals(tokens[0], found.features()[0]);
            float[] expected = encoder.embed(picture);
            for (int d = 0; d < expected.length; d++) {
                double sum = 0;
                for (int t = 1; t < tokens.length; t++) {
                    sum += tokens[t][d];
                }
                assertEquals(expected[d], sum / 6, CLOSE);
            }
            Map<String, String> texts = found.metadata();
            assertEquals("0.485 0.456 0.406", texts.get("mean"));
            assertEquals("0.229 0.224 0.225", texts.get("std"));
            assertEquals("24", texts.get("image_height"));
            assertEquals("16", texts.get("image_width"));
            assertEquals("cls", texts.get("pooling"));
            assertEquals("vicmae", texts.get("method"));
        }
    }

    @Test
    void aClassTokenThatIsNotThereCannotBePooled() throws IOException {
        Path model = write(small("omnimae"));
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> export(model, "encoder.onnx", null, Pooling.CLS));
        assertTrue(e.getMessage().contains("no class token"), e.getMessage());
    }

    /** Every form gives back the encoder's tensors, byte by byte, and is a model of the same settings. */
    @ParameterizedTest
    @ValueSource(strings = {"encoder.onnx", "encoder.pth", "encoder.safetensors"})
    void comesBackAsItWas(String name) throws IOException {
        for (String method : List.of("vicmae", "st-mae", "omnimae")) {
            Path model = write(small(method));
            Path exported = export(model, name, null, null);
            try (TensorSource before = TensorSource.open(model);
                    TensorSource after = TensorSource.open(exported)) {
                assertTrue(after.names().contains("blocks.1.attn.qkv.weight"));
                assertTrue(after.names().size() < before.names().size());
                for (String tensor : after.names()) {
                    assertArrayEquals(
                            before.info(tensor).shape(), after.info(tensor).shape(), tensor);
                    assertArrayEquals(before.floats(tensor), after.floats(tensor), tensor);
                }
            }
            try (Device device = Device.open("cpu");
                    Encoder a = Encoder.load(model, device, 1);
                    Encoder b = Encoder.load(exported, device, 1)) {
                Image picture = new Image(20, 20, 3, new byte[20 * 20 * 3]);
                assertArrayEquals(a.embed(picture), b.embed(picture));
                assertEquals(a.config(), b.config());
            }
        }
    }

    /** Published names are read as the authors' files are; timm's are an encoder of images, which gives the same features. */
    @ParameterizedTest
    @CsvSource({"vicmae,PUBLISHED", "st-mae,PUBLISHED", "omnimae,PUBLISHED", "vicmae,TIMM", "omnimae,TIMM"})
    void otherNamesGiveTheSameFeatures(String method, EncoderNames names) throws IOException {
        Path model = write(small(method));
        Path file = dir.resolve("encoder.pth");
        ModelConfig written;
        try (EncoderExport encoder = EncoderExport.open(model, 0, 0)) {
            encoder.write(file, TensorForm.PYTORCH, null, names, null, NO_MORE);
            written = encoder.config();
        }
        List<String> found = new ArrayList<>();
        try (TensorSource source = TensorSource.open(file)) {
            found.addAll(source.names());
        }
        if (names == EncoderNames.TIMM) {
            assertTrue(found.contains("blocks.0.attn.qkv.weight") && found.contains("pos_embed"), found.toString());
        } else if (!method.equals("vicmae")) {
            String own = method.equals("st-mae") ? "blocks.0.attn.q.weight" : "trunk.patch_embed.proj.1.weight";
            assertTrue(found.contains(own), found.toString());
        }
        if (names == EncoderNames.TIMM && method.equals("omnimae")) {
            try (TensorSource source = TensorSource.open(file)) {
                assertArrayEquals(
                        new long[] {24, 3, 8, 8},
                        source.info("patch_embed.proj.weight").shape());
                assertArrayEquals(
                        new long[] {1, 6, 24}, source.info("pos_embed").shape());
            }
            return; // six places are no square, so that only settings tell the image's size
        }
        try (Device device = Device.open("cpu");
                Encoder a = Encoder.load(model, device, 1);
                Encoder b = Encoder.load(file, written, device, 1)) {
            Image picture = new Image(20, 20, 3, new byte[20 * 20 * 3]);
            new Random(2).nextBytes(picture.pixels());
            assertArrayEquals(a.embed(picture), b.embed(picture));
        }
    }

    @Test
    void timmHasNoClipsOfSeveralTimes() throws IOException {
        Path model = write(small("st-mae"));
        try (EncoderExport encoder = EncoderExport.open(model, 0, 0)) {
            IOException e = assertThrows(
                    IOException.class,
                    () -> encoder.write(
                            dir.resolve("e.pth"), TensorForm.PYTORCH, null, EncoderNames.TIMM, null, NO_MORE));
            assertTrue(e.getMessage().contains("8 times"), e.getMessage());
        }
    }
}
