package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.SafetensorsWriter;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.ModelState;
import io.github.vicmae.model.NamedTensor;
import io.github.vicmae.model.PublishedLayout;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The other methods' checkpoints as their authors publish them, written and read. */
class PublishedLayoutTest {
    private static final int HEADS = 3;

    @TempDir
    Path dir;

    private static ModelConfig config(String method) {
        ObjectNode tree = Presets.model(ModelSize.TI8, method, Variant.PAPER);
        SettingTree.putAll(
                tree,
                Map.of(
                        "trunk.height", 16,
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

    /** Writes a model under the names and in the shapes of its method's authors, without our settings. */
    private void publish(Path file, ModelState model, String method) throws IOException {
        Path own = dir.resolve("own.safetensors");
        Checkpoint.save(own, model, false, Map.of());
        SafetensorsWriter writer = new SafetensorsWriter();
        try (TensorSource source = TensorSource.open(own)) {
            for (NamedTensor tensor : PublishedLayout.named(source, method)) {
                tensor.add(writer, source);
            }
            writer.write(file);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"st-mae", "omnimae", "mae"})
    void goesOutAndComesBack(String method) throws IOException {
        ModelConfig config = config(method);
        Path ours = dir.resolve("ours.safetensors");
        Path published = dir.resolve("published.safetensors");
        Image picture = new Image(20, 20, 3, new byte[20 * 20 * 3]);
        new Random(1).nextBytes(picture.pixels());
        try (Device device = Device.open("cpu");
                Objective model = Objective.create(device, config, 1);
                Objective other = Objective.create(device, config, 1)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(ours, model.state(), false, Map.of());
            publish(published, model.state(), method);

            other.parameters().initialise(other.kernels(), 4);
            try (TensorSource file = TensorSource.open(published)) {
                assertEquals(List.of(), Checkpoint.start(file, other.state(), name -> false));
            }
            for (Parameter p : model.parameters().all()) {
                assertArrayEquals(
                        model.stream().read(p.value()),
                        other.stream().read(other.parameters().get(p.name()).value()),
                        p.name());
            }
            try (Encoder a = Encoder.load(ours, device, 1);
                    Encoder b = Encoder.load(published, HEADS, device, 1)) {
                assertEquals(config.trunk(), b.config().trunk());
                assertEquals(config.decoder(), b.config().decoder());
                assertEquals(method, b.config().objective().method());
                assertEquals(List.of(), b.passedOver());
                assertArrayEquals(a.embed(picture), b.embed(picture));
            }
        }
    }

    /** Names and shapes as in the authors' code, github.com/facebookresearch/mae_st and /omnivore. */
    @Test
    void namesAreThoseOfTheAuthors() throws IOException {
        Map<String, List<String>> names = Map.of(
                "st-mae",
                List.of(
                        "cls_token[1, 1, 24]",
                        "pos_embed_spatial[1, 4, 24]",
                        "pos_embed_temporal[1, 8, 24]",
                        "pos_embed_class[1, 1, 24]",
                        "patch_embed.proj.weight[24, 3, 2, 8, 8]",
                        "blocks.1.attn.q.weight[24, 24]",
                        "blocks.1.attn.k.bias[24]",
                        "decoder_blocks.0.attn.v.weight[32, 32]",
                        "decoder_cls_token[1, 1, 32]",
                        "decoder_pos_embed_class[1, 1, 32]",
                        "decoder_pred.weight[192, 32]"),
                "omnimae",
                List.of(
                        "trunk.pos_embed[1, 32, 24]",
                        "trunk.decoder.pos_embed[1, 32, 24]",
                        "trunk.mask_token[1, 24]",
                        "trunk.patch_embed.proj.1.weight[24, 3, 2, 8, 8]",
                        "trunk.blocks.1.attn.qkv.weight[72, 24]",
                        "trunk.norm.weight[24]",
                        "trunk.decoder.decoder_embed.weight[32, 24]",
                        "trunk.decoder.decoder_blocks.0.attn.qkv.bias[96]",
                        "trunk.decoder.norm.bias[32]",
                        "head.weight[384, 32]"));
        try (Device device = Device.open("cpu")) {
            for (Map.Entry<String, List<String>> method : names.entrySet()) {
                Path file = dir.resolve(method.getKey());
                try (Objective model = Objective.create(device, config(method.getKey()), 1)) {
                    publish(file, model.state(), method.getKey());
                }
                try (TensorSource source = TensorSource.open(file)) {
                    List<String> found = source.names().stream()
                            .map(name -> describe(source, name))
                            .toList();
                    assertTrue(found.containsAll(method.getValue()), found.toString());
                    assertFalse(found.stream().anyMatch(name -> name.contains("attn.qkv"))
                            && method.getKey().equals("st-mae"));
                }
            }
        }
    }

    private static String describe(TensorSource source, String name) {
        try {
            return name + Arrays.toString(source.info(name).shape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** If no block of a stack has the bias, zeros compute the same; if only one lacks it, the file is refused. */
    @ParameterizedTest
    @ValueSource(strings = {"trunk.decoder.decoder_blocks.0.attn.qkv.bias", "trunk.blocks.0.attn.qkv.bias"})
    void aMissingBiasIsZeroWhereNoBlockHasOne(String missing) throws IOException {
        Path file = dir.resolve("without.safetensors");
        try (Device device = Device.open("cpu");
                Objective model = Objective.create(device, config("omnimae"), 1)) {
            model.parameters().initialise(model.kernels(), 3);
            Parameter bias = model.parameters().get("decoder_blocks.0.attn.qkv.bias");
            model.stream().write(bias.value(), filled(96));
            Path whole = dir.resolve("whole.safetensors");
            publish(whole, model.state(), "omnimae");
            SafetensorsWriter writer = new SafetensorsWriter();
            try (TensorSource source = TensorSource.open(whole)) {
                for (String name : source.names()) {
                    if (!name.equals(missing)) {
                        writer.add(name, source.info(name).shape(), source.floats(name));
                    }
                }
                writer.write(file);
            }
            try (TensorSource source = TensorSource.open(file)) {
                if (missing.contains("decoder")) { // it has one block
                    Checkpoint.start(source, model.state(), name -> false);
                    assertArrayEquals(new float[96], model.stream().read(bias.value()));
                } else { // the encoder has two
                    String message = assertThrows(
                                    IOException.class, () -> Checkpoint.start(source, model.state(), name -> false))
                            .getMessage();
                    assertTrue(message.contains("blocks.0.attn.qkv.bias is missing"), message);
                }
            }
        }
    }

    private static float[] filled(int count) {
        float[] values = new float[count];
        Arrays.fill(values, 0.5f);
        return values;
    }

    @Test
    void mapsOfDifferentShapesAreRefused() throws IOException {
        Path file = dir.resolve("bad.safetensors");
        SafetensorsWriter writer = new SafetensorsWriter();
        try (Device device = Device.open("cpu");
                Objective model = Objective.create(device, config("st-mae"), 1)) {
            Path good = dir.resolve("good.safetensors");
            publish(good, model.state(), "st-mae");
            try (TensorSource source = TensorSource.open(good)) {
                for (String name : source.names()) {
                    boolean bad = name.equals("blocks.0.attn.k.bias");
                    writer.add(
                            name,
                            bad ? new long[] {5} : source.info(name).shape(),
                            bad ? new float[5] : source.floats(name));
                }
            }
            writer.write(file);
            try (TensorSource source = TensorSource.open(file)) {
                String message = assertThrows(
                                IOException.class, () -> Checkpoint.start(source, model.state(), name -> false))
                        .getMessage();
                assertTrue(message.contains("blocks.0.attn.k.bias has another shape or type"), message);
            }
        }
    }
}
