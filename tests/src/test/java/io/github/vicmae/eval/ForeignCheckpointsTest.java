package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.Pickler;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints as other programs save them: wrapped names load, what no encoder needs is named, and variants of the model are refused. */
class ForeignCheckpointsTest {
    private static final ModelConfig CONFIG = new ModelConfig(
            new TrunkConfig(16, 16, 3, 8, 24, 2, 3, 2),
            new DecoderConfig(16, 1, 2, 2, true),
            ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 20, 6, 0.1));
    private static final int HEADS = 3;

    @TempDir
    Path dir;

    private Device device;
    private Path ours;
    private float[] expected;

    @BeforeEach
    void save() throws IOException {
        device = Device.open("cpu");
        ours = dir.resolve("ours.safetensors");
        try (Objective model = Objective.create(device, CONFIG, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(ours, model.state(), false, Map.of());
        }
        expected = embed(ours);
    }

    @AfterEach
    void close() {
        assertEquals(0, device.liveBytes());
        device.close();
    }

    private float[] embed(Path file) throws IOException {
        byte[] pixels = new byte[20 * 20 * 3];
        new Random(1).nextBytes(pixels);
        try (Encoder encoder = Encoder.load(file, HEADS, device, 1)) {
            return encoder.embed(new Image(20, 20, 3, pixels));
        }
    }

    /** The same weights without our metadata, under other names and with more tensors. */
    private Path copy(UnaryOperator<String> rename, Map<String, long[]> more) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        try (TensorSource source = TensorSource.open(ours)) {
            for (String name : source.names()) {
                if (source.info(name).dtype().isFloat()) {
                    writer.add(rename.apply(name), source.info(name).shape(), source.floats(name));
                }
            }
        }
        more.forEach((name, shape) -> writer.add(name, shape, new float[size(shape)]));
        Path file = dir.resolve("other.safetensors");
        writer.write(file);
        return file;
    }

    private static int size(long[] shape) {
        return (int) java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "module.",
                "_orig_mod.",
                "module._orig_mod.",
                "model.",
                "model_state.",
                "state_dict.module.",
                "backbone.",
                "teacher.backbone."
            })
    void wrappedNamesGiveTheSameFeatures(String prefix) throws IOException {
        assertArrayEquals(expected, embed(copy(name -> prefix + name, Map.of())));
    }

    @Test
    void wrappersInsideOfNamesAreTakenOff() throws IOException {
        Path file = copy(
                name -> name.replaceFirst("^blocks\\.(\\d)\\.", "blocks._orig_mod.$1._checkpoint_wrapped_module."),
                Map.of());
        assertArrayEquals(expected, embed(file));
    }

    @Test
    void nestedPicklesLoad() throws IOException {
        Pickler pickler =
                new Pickler().dict().text("epoch").number(3).text("state_dict").dict();
        try (TensorSource source = TensorSource.open(ours)) {
            for (String name : source.names()) {
                if (source.info(name).dtype().isFloat()) {
                    pickler.text("module." + name).tensor(source.info(name).shape(), source.floats(name));
                }
            }
        }
        pickler.text("module.blocks.0.attn._extra_state")
                .op('N')
                .text("module.scale")
                .op('K', 7);
        pickler.text("module.head.weight").tensor(new long[] {2, 24}, new float[48]);
        Path file = pickler.endDict().endDict().write(dir.resolve("nested.pth"));
        assertArrayEquals(expected, embed(file));
        try (Encoder encoder = Encoder.load(file, HEADS, device, 1)) {
            assertEquals(
                    List.of("head.weight", "blocks.*.attn._extra_state (None)", "scale (7)"), encoder.passedOver());
        }
    }

    @Test
    void aWeightThatCannotBeReadIsNotCalledMissing() throws IOException {
        Pickler pickler = new Pickler().dict();
        try (TensorSource source = TensorSource.open(ours)) {
            for (String name : source.names()) {
                if (name.equals("norm.weight")) {
                    pickler.text(name).tensor("QInt8Storage", 0, new long[] {12}, new long[] {1});
                } else if (source.info(name).dtype().isFloat()) {
                    pickler.text(name).tensor(source.info(name).shape(), source.floats(name));
                }
            }
        }
        Path file = pickler.endDict().write(dir.resolve("quantised.pth"));
        IOException e = assertThrows(IOException.class, () -> embed(file));
        assertTrue(
                e.getMessage().contains("norm.weight cannot be read: it is of the element type torch.QInt8Storage"),
                e.getMessage());
        assertFalse(e.getMessage().contains("missing"), e.getMessage());
    }

    @Test
    void ourOwnCheckpointsHaveNothingToName() throws IOException {
        try (Encoder encoder = Encoder.load(ours, device)) {
            assertEquals(List.of(), encoder.passedOver());
        }
    }

    @Test
    void variantsThatComputeSomethingElseAreRefusedByName() throws IOException {
        Map<String, String> variants = Map.of(
                "blocks.0.layer_scale1.gamma", "blocks.*.layer_scale1.gamma changes what is computed (LayerScale)",
                "blocks.1.lambda_2", "LayerScale",
                "blocks.0.attn.q_norm.weight",
                        "blocks.*.attn.q_norm.weight changes what is computed (normalised queries and keys)",
                "blocks.0.attn.k_norm.weight", "normalised queries and keys",
                "storage_tokens", "storage_tokens changes what is computed (register tokens)",
                "blocks.0.mlp.w12.weight", "SwiGLU",
                "norm_pre.weight", "a normalisation before the blocks",
                "rel_pos_bias.relative_position_bias_table", "a relative position bias",
                "blocks.0.attn.relative_position_bias_table", "a relative position bias",
                "blocks.1.attn.gate.weight", "blocks.1.attn.gate.weight is in the file");
        for (Map.Entry<String, String> variant : variants.entrySet()) {
            for (String prefix : List.of("", "module.")) {
                Path file = copy(name -> prefix + name, Map.of(prefix + variant.getKey(), new long[] {24}));
                IOException e = assertThrows(IOException.class, () -> embed(file), variant.getKey());
                assertTrue(e.getMessage().startsWith(file + " does not fit this model"), e.getMessage());
                assertTrue(e.getMessage().contains(variant.getValue()), e.getMessage());
                assertFalse(e.getMessage().contains("missing"), e.getMessage());
            }
        }
    }

    @Test
    void aModelWithFewerBlocksThanTheFileIsRefused() throws IOException {
        ModelConfig shallow = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 24, 1, 3, 2),
                new DecoderConfig(16, 1, 2, 2, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 20, 6, 0.1));
        IOException e = assertThrows(IOException.class, () -> Encoder.load(ours, shallow, device, 1));
        assertTrue(e.getMessage().contains("blocks.1.norm1.weight is in the file"), e.getMessage());
    }

    @Test
    void aClassifierIsPassedOver() throws IOException {
        Path file = copy(name -> name, Map.of("head.weight", new long[] {10, 24}, "n_averaged", new long[] {}));
        assertArrayEquals(expected, embed(file));
        try (Encoder encoder = Encoder.load(file, HEADS, device, 1)) {
            assertEquals(
                    List.of("head.weight", "n_averaged"),
                    encoder.passedOver().stream().sorted().toList());
        }
    }

    @Test
    void severalEncodersAreRefusedByTheirPrefixes() throws IOException {
        Path file = copy(name -> "left." + name, Map.of("right.patch_embed.proj.weight", new long[] {24, 3, 8, 8}));
        IOException e = assertThrows(IOException.class, () -> embed(file));
        assertTrue(e.getMessage().contains("left. and right."), e.getMessage());
    }

    /** DINO and DINOv2 evaluate the teacher, and name what they save so, in one dictionary or in two. */
    @Test
    void ofAStudentAndATeacherTheTeacherIsTaken() throws IOException {
        Path file = copy(
                name -> "teacher.backbone." + name,
                Map.of(
                        "student.module.backbone.patch_embed.proj.weight", new long[] {24, 3, 8, 8},
                        "teacher.head.mlp.0.weight", new long[] {4, 24}));
        assertArrayEquals(expected, embed(file));
        try (Encoder encoder = Encoder.load(file, HEADS, device, 1)) {
            assertEquals(
                    List.of(
                            "student.module.backbone.patch_embed.proj.weight (outside of 'teacher.backbone.')",
                            "teacher.head.mlp.*.weight (outside of 'teacher.backbone.')"),
                    encoder.passedOver().stream().sorted().toList());
        }
        Pickler pickler = new Pickler().dict().text("student").dict();
        pickler.text("module.backbone.cls_token").tensor(new long[] {1, 1, 24}, new float[24]);
        pickler.endDict().text("teacher").dict();
        try (TensorSource source = TensorSource.open(ours)) {
            for (String name : source.names()) {
                if (source.info(name).dtype().isFloat()) {
                    pickler.text("backbone." + name).tensor(source.info(name).shape(), source.floats(name));
                }
            }
        }
        Path pickled = pickler.endDict().text("epoch").number(3).endDict().write(dir.resolve("dino.pth"));
        assertArrayEquals(expected, embed(pickled));
        try (Encoder encoder = Encoder.load(pickled, HEADS, device, 1)) {
            assertEquals(List.of("student (another state dict)"), encoder.passedOver());
        }
    }

    /** timm's vision transformers end in a classifier; some have positions for the patches alone. */
    @Test
    void aVisionTransformerOfTimmLoads() throws IOException {
        Path file = copy(
                name -> name,
                Map.of("head.weight", new long[] {10, 24}, "head.bias", new long[] {10}, "fc_norm.weight", new long[] {
                    24
                }));
        assertArrayEquals(expected, embed(file), "the norm before the pooling is there");
        Path patchesAlone = rewritten((name, shape, values) -> name.equals("pos_embed")
                ? new Tensor(name, new long[] {1, 4, 24}, Arrays.copyOfRange(values, 24, 5 * 24))
                : new Tensor(name, shape, values));
        assertArrayEquals(expected, embed(patchesAlone), "the class token's position is zero in both");
        Path pooledNorm = copy(name -> name.replaceFirst("^norm\\.", "fc_norm."), Map.of());
        IOException e = assertThrows(IOException.class, () -> embed(pooledNorm));
        assertTrue(e.getMessage().contains("a normalisation behind the pooling"), e.getMessage());
    }

    /** BEiT's factors; DINOv2's are in {@link Dinov2Test}. */
    @Test
    void layerScaleIsMultipliedIntoWhatItScales() throws IOException {
        float factor = 0.5f;
        Path file = rewritten((name, shape, values) -> {
            if (name.matches("blocks\\.\\d\\.(attn\\.proj|mlp\\.fc2)\\..*")) {
                for (int i = 0; i < values.length; i++) {
                    values[i] /= factor; // exact: a power of two
                }
            }
            return new Tensor(name, shape, values);
        });
        float[] factors = new float[24];
        Arrays.fill(factors, factor);
        Path scaled = dir.resolve("scaled.safetensors");
        SafetensorsWriter writer = new SafetensorsWriter();
        try (TensorSource source = TensorSource.open(file)) {
            for (String name : source.names()) {
                writer.add(name, source.info(name).shape(), source.floats(name));
            }
            for (int block = 0; block < 2; block++) {
                writer.add("blocks." + block + ".gamma_1", new long[] {24}, factors);
                writer.add("blocks." + block + ".gamma_2", new long[] {24}, factors);
            }
            writer.write(scaled);
        }
        assertArrayEquals(expected, embed(scaled));
    }

    @Test
    void blocksInGroupsLoad() throws IOException {
        assertArrayEquals(expected, embed(copy(name -> name.replaceFirst("^blocks\\.", "blocks.0."), Map.of())));
    }

    @Test
    void aDistilledTransformerIsRefused() throws IOException {
        Path file = copy(name -> name, Map.of("dist_token", new long[] {1, 1, 24}));
        IOException e = assertThrows(IOException.class, () -> embed(file));
        assertTrue(e.getMessage().contains("a distillation token (dist_token)"), e.getMessage());
    }

    private record Tensor(String name, long[] shape, float[] values) {}

    private interface Change {
        Tensor of(String name, long[] shape, float[] values);
    }

    /** The same weights without our metadata, each changed. */
    private Path rewritten(Change change) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        try (TensorSource source = TensorSource.open(ours)) {
            for (String name : source.names()) {
                if (source.info(name).dtype().isFloat()) {
                    Tensor t = change.of(name, source.info(name).shape(), source.floats(name));
                    writer.add(t.name(), t.shape(), t.values());
                }
            }
        }
        Path file = dir.resolve("rewritten.safetensors");
        writer.write(file);
        return file;
    }

    @Test
    void aRunStartsFromWrappedWeightsAndRefusesVariants() throws IOException {
        Path wrapped = copy(name -> "module." + name, Map.of("module.head.bias", new long[] {10}));
        try (Objective model = Objective.create(device, CONFIG, 2);
                TensorSource source = TensorSource.open(wrapped)) {
            assertEquals(List.of("head.bias"), Checkpoint.start(source, model.state(), model::isOptional));
            try (TensorSource own = TensorSource.open(ours)) {
                float[] loaded = model.stream()
                        .read(model.parameters().get("norm.weight").value());
                assertArrayEquals(own.floats("norm.weight"), loaded);
            }
        }
        Path scaled = copy(name -> name, Map.of("decoder_blocks.0.ls1.gamma", new long[] {16}));
        try (Objective model = Objective.create(device, CONFIG, 2);
                TensorSource source = TensorSource.open(scaled)) {
            IOException e =
                    assertThrows(IOException.class, () -> Checkpoint.start(source, model.state(), model::isOptional));
            assertTrue(e.getMessage().contains("decoder_blocks.*.ls1.gamma"), e.getMessage());
        }
        assertArrayEquals(expected, embed(scaled), "the encoder itself has no LayerScale");
    }
}
