package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.MixingSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A classifier on an encoder; losses and gradients without anything random are held against golden files by GoldenTest. */
class ClassifierTest {
    private static final int BATCH = 4;
    private static final List<String> CLASSES = List.of("a", "b", "c");
    private static final int[] LABELS = {2, 0, 1, 1};

    @TempDir
    Path folder;

    private static ClassifierConfig settings(double dropPath, double dropout, MixingSettings mixing) {
        return new ClassifierConfig(CLASSES, dropPath, dropout, null, 1, "none", 0, true, 0, 1, mixing);
    }

    private static ModelConfig plain(TrunkConfig trunk) {
        return new ModelConfig(trunk, null, settings(0, 0, MixingSettings.none()));
    }

    /** A small trunk of a method, with random positions and a random last norm, so that it matters where they go. */
    private static ModelConfig small(String method, int side) {
        ModelConfig c = Presets.of(ModelSize.TI8, method)
                .with("trunk.height", side)
                .with("trunk.width", side)
                .with("trunk.dim", 48)
                .with("trunk.depth", 2)
                .with("decoder.depth", 1);
        return c.trunk().frames() == 1 ? c : c.with("decoder.targetFrames", 0).with("trunk.frames", 8);
    }

    private static TrunkConfig tuned(TrunkConfig from, int side, int frames) {
        return from.tuned(side, side, frames, frames == 1 ? 1 : 2);
    }

    private static Objective create(Device device, ModelConfig config) {
        Objective model = Objective.create(device, config, BATCH);
        model.parameters().initialise(model.kernels(), 5);
        return model;
    }

    private static void fillViews(StepInput input, int size) {
        Random random = new Random(3);
        for (int i = 0; i < BATCH * size; i++) {
            input.host().floats().put(i, (float) random.nextGaussian());
        }
    }

    @Test
    void whatIsDroppedAndMixedIsAFunctionOfSeedAndPass() {
        TrunkConfig trunk = tuned(small("mae", 32).trunk(), 32, 1);
        ModelConfig config = new ModelConfig(trunk, null, settings(0.5, 0.5, MixingSettings.usual()));
        try (Device device = Device.open("cpu");
                Objective model = create(device, config)) {
            float[] first = filled(model, 11, 7);
            assertArrayEquals(first, filled(model, 11, 7));
            assertFalse(Arrays.equals(first, filled(model, 11, 8)));
            assertFalse(Arrays.equals(first, filled(model, 12, 7)));
        }
    }

    private static float[] filled(Objective model, long seed, int pass) {
        StepInput input = model.input(0);
        fillViews(input, 3 * 32 * 32);
        model.fill(input, LABELS, seed, pass);
        float[] all = new float[input.optimizerOffset()];
        input.host().floats().get(0, all);
        return all;
    }

    @Test
    void dropPathGrowsOverTheBlocksAndKeepsTheMean() {
        TrunkConfig trunk = tuned(small("mae", 32).trunk(), 32, 1);
        trunk = new TrunkConfig(32, 32, 3, 8, 48, 5, 2, 4, 1, 1, true, trunk.positions());
        ModelConfig config = new ModelConfig(trunk, null, settings(0.4, 0, MixingSettings.none()));
        try (Device device = Device.open("cpu");
                Objective model = create(device, config)) {
            int passes = 500;
            int[] dropped = new int[5];
            double sum = 0;
            StepInput input = model.input(0);
            for (int pass = 0; pass < passes; pass++) {
                model.fill(input, LABELS, 1, pass);
                for (int i = 0; i < 5 * 2 * BATCH; i++) {
                    float factor = input.host().floats().get(input.valuesOffset(1) + i);
                    dropped[i / (2 * BATCH)] += factor == 0 ? 1 : 0;
                    sum += factor;
                }
            }
            assertEquals(0, dropped[0]);
            for (int block = 1; block < 5; block++) {
                double rate = dropped[block] / (2.0 * BATCH * passes);
                assertEquals(0.1 * block, rate, 0.03); // 4 deviations of 4000 draws
            }
            assertEquals(1, sum / (5 * 2 * BATCH * passes), 0.02);
        }
    }

    /** With drop path and dropout: the loss's slope along a random direction of each parameter. */
    @Test
    void gradientsPassThroughWhatIsKept() {
        TrunkConfig trunk = tuned(small("mae", 16).trunk(), 16, 1);
        ModelConfig config = new ModelConfig(trunk, null, settings(0.3, 0.4, MixingSettings.none()));
        try (Device device = Device.open("cpu");
                Objective model = create(device, config)) {
            fillViews(model.input(0), 3 * 16 * 16);
            model.fill(model.input(0), LABELS, 2, 3);
            float[] head = new float[CLASSES.size() * 48];
            Random random = new Random(4);
            for (int i = 0; i < head.length; i++) {
                head[i] = (float) random.nextGaussian() / 7; // the start is nearly 0 and hides what is below
            }
            model.stream().write(model.parameters().get("head.weight").value(), head);
            for (Parameter p : model.parameters().all()) {
                check(model, p, random);
            }
        }
    }

    private static void check(Objective model, Parameter p, Random random) {
        model.stream().zero(model.parameters().gradients());
        model.forwardBackward(1);
        float[] gradient = model.stream().read(p.gradient());
        float[] value = model.stream().read(p.value());
        double norm = 0;
        for (float g : gradient) {
            norm += (double) g * g;
        }
        norm = Math.sqrt(norm);
        if (norm < 1e-4) {
            return; // the slope would be rounding: keys' biases have none at all
        }
        double h = 2e-3 / Math.max(norm, 0.05);
        double[] losses = new double[2];
        for (int side = 0; side < 2; side++) {
            float[] moved = value.clone();
            for (int i = 0; i < moved.length; i++) {
                moved[i] += (float) ((side == 0 ? 1 : -1) * h * gradient[i] / norm);
            }
            model.stream().write(p.value(), moved);
            losses[side] = model.forwardBackward(1).total();
        }
        model.stream().write(p.value(), value);
        assertEquals(norm, (losses[0] - losses[1]) / (2 * h), 0.03 * norm + 2e-4, p.name());
    }

    /**
     * A clip in which nothing moves has the same logits as its picture, whose encoder it was made from. There is no class token: it would weigh less
     * among more tokens.
     */
    @Test
    void anEncoderOfImagesBecomesOneOfClips() throws IOException {
        ModelConfig images =
                plain(tuned(small("mae", 32).with("trunk.classToken", false).trunk(), 32, 1));
        ModelConfig clips = plain(tuned(images.trunk(), 32, 6));
        Path file = folder.resolve("images.safetensors");
        try (Device device = Device.open("cpu")) {
            float[] expected = logits(device, images, null, file, 1);
            assertArrayEquals(expected, logits(device, clips, file, null, 6), 2e-6f);
            // and back again
            Path second = folder.resolve("clips.safetensors");
            logits(device, clips, file, second, 6);
            assertArrayEquals(expected, logits(device, images, second, null, 1), 2e-6f);
        }
    }

    /** Logits of pictures, repeated for all frames; the model is read from one file and written to another where there are such. */
    private static float[] logits(Device device, ModelConfig config, Path from, Path to, int frames)
            throws IOException {
        try (Objective model = create(device, config)) {
            if (from == null) {
                Random random = new Random(9);
                for (String name : List.of("head.weight", "pos_embed")) {
                    Parameter p = model.parameters().get(name);
                    float[] values = new float[p.size()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) random.nextGaussian() / 5;
                    }
                    model.stream().write(p.value(), values);
                }
            } else {
                try (TensorSource source = TensorSource.open(from)) {
                    assertEquals(
                            List.of(), Checkpoint.start(model.startingFrom(source), model.state(), model::isOptional));
                }
            }
            if (to != null) {
                Checkpoint.save(to, model.state(), false, Map.of());
            }
            TrunkConfig t = config.trunk();
            Random random = new Random(3);
            FloatBuffer host = model.input(0).host().floats();
            for (int plane = 0; plane < BATCH * 3; plane++) {
                for (int i = 0; i < t.height() * t.width(); i++) {
                    float pixel = (float) random.nextGaussian();
                    for (int f = 0; f < frames; f++) {
                        host.put((plane * frames + f) * t.height() * t.width() + i, pixel);
                    }
                }
            }
            model.fill(model.input(0), LABELS, 0, 0);
            model.forwardBackward(1);
            return model.stream().read(model.logits());
        }
    }

    @Test
    void anEncoderOfClipsBecomesOneOfImages() throws IOException {
        for (String method : List.of("st-mae", "omnimae")) {
            ModelConfig clips = small(method, 32);
            Path file = folder.resolve(method + ".safetensors");
            try (Device device = Device.open("cpu");
                    Objective model = create(device, clips);
                    Objective image = create(device, plain(tuned(clips.trunk(), 48, 1)))) {
                Checkpoint.save(file, model.state(), false, Map.of());
                try (TensorSource source = Safetensors.open(file)) {
                    Checkpoint.start(image.startingFrom(source), image.state(), image::isOptional);
                }
                float[] tubes = model.stream()
                        .read(model.parameters().get("patch_embed.proj.weight").value());
                float[] patches = image.stream()
                        .read(image.parameters().get("patch_embed.proj.weight").value());
                for (int i = 0; i < patches.length; i++) {
                    int at = i / 64 * 128 + i % 64;
                    assertEquals(tubes[at] + tubes[at + 64], patches[i], 1e-6f);
                }
                if (method.equals("st-mae")) {
                    float[] times = model.stream()
                            .read(model.parameters().get("pos_embed_temporal").value());
                    float[] mean = image.stream()
                            .read(image.parameters().get("pos_embed_temporal").value());
                    for (int d = 0; d < mean.length; d++) {
                        assertEquals((times[d] + times[48 + d] + times[96 + d] + times[144 + d]) / 4, mean[d], 1e-6f);
                    }
                }
                float[] block = model.stream()
                        .read(model.parameters().get("blocks.1.mlp.fc2.weight").value());
                assertArrayEquals(
                        block,
                        image.stream()
                                .read(image.parameters()
                                        .get("blocks.1.mlp.fc2.weight")
                                        .value()));
            }
        }
    }

    @Test
    void aClassifierCountsOnlyForItsOwnClasses() throws IOException {
        ModelConfig config = plain(tuned(small("mae", 32).trunk(), 32, 1));
        Path file = folder.resolve("first.safetensors");
        try (Device device = Device.open("cpu");
                Objective first = create(device, config);
                Objective second = create(device, config);
                Objective others = create(device, config.with("objective.classes", List.of("a", "b", "d")))) {
            float[] head = new float[CLASSES.size() * 48];
            Arrays.fill(head, 0.5f);
            first.stream().write(first.parameters().get("head.weight").value(), head);
            Checkpoint.save(file, first.state(), false, Map.of());
            for (Objective model : List.of(second, others)) {
                try (TensorSource source = TensorSource.open(file)) {
                    Checkpoint.start(model.startingFrom(source), model.state(), model::isOptional);
                }
            }
            assertArrayEquals(
                    head,
                    second.stream().read(second.parameters().get("head.weight").value()));
            assertTrue(
                    others.stream().read(others.parameters().get("head.weight").value())[0] < 0.01f);
        }
    }

    @Test
    void oneClassIsRefused() {
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> new ClassifierConfig(
                        List.of("cat"), 0, 0, null, 1, "none", 0, true, 0, 1, MixingSettings.none()));
        assertTrue(e.getMessage().contains("'cat'"), e.getMessage());
    }
}
