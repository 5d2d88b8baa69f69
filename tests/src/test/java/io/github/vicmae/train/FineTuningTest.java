package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of fine-tuning: on images and frames, and on clips. */
class FineTuningTest extends RunFixture {
    private static final long ALL = Long.MAX_VALUE;

    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    private static Path encoder;
    private static List<Path> data;

    @BeforeAll
    static void shapesAndAnEncoder() throws IOException {
        SyntheticShapes.write(shared, 1, new SyntheticShapes.Settings(32, 6, 9, 8, 1, 1, 1));
        encoder = shared.resolve("encoder.safetensors");
        Checkpoints.write(encoder, Checkpoints.small(), 3);
        data = List.of(shared.resolve("train"));
    }

    private static TrainSettings settings(FineTuning start, int workers, Object... more) throws IOException {
        SettingsBuilder builder = new SettingsBuilder();
        builder.add(start.classesOf(data).settings());
        ObjectNode given = SettingTree.empty();
        SettingTree.put(given, "data", List.of(data.get(0).toString()));
        SettingTree.put(given, "schedule.epochs", 2);
        SettingTree.put(given, "schedule.batch", 4);
        SettingTree.put(given, "schedule.baseLearningRate", 0.1);
        SettingTree.put(given, "loading.workers", workers);
        SettingTree.put(given, "model.objective.dropout", 0.2);
        for (int i = 0; i < more.length; i += 2) {
            SettingTree.put(given, (String) more[i], more[i + 1]);
        }
        return builder.add(given).build(Device.Kind.CPU);
    }

    /** Everything random is on, and the average of the weights. */
    @Test
    void aRunIsTheSameWithAnyNumberOfWorkersAndAfterAResume() throws IOException {
        TrainSettings one = settings(FineTuning.from(encoder, 0), 1, "model.objective.ema", 0.9);
        TrainSettings two = settings(
                FineTuning.from(encoder, 0),
                2,
                "model.objective.ema",
                0.9,
                "monitor.data",
                List.of(shared.resolve("test").toString()));
        train(one, dir.resolve("one"), false, ALL);
        train(two, dir.resolve("two"), false, 5); // in the middle of the second epoch
        train(two, dir.resolve("two"), true, ALL);
        assertSameCheckpoint(dir.resolve("one"), dir.resolve("two"));
        try (Safetensors checkpoint = Safetensors.open(dir.resolve("one/checkpoint.safetensors"));
                Safetensors model = Safetensors.open(dir.resolve("one/model.safetensors"))) {
            assertEquals(
                    List.of(toList(checkpoint.floats("ema.head.bias"))), List.of(toList(model.floats("head.bias"))));
            assertTrue(!toList(checkpoint.floats("head.bias")).equals(toList(model.floats("head.bias"))));
        }
    }

    private static List<Float> toList(float[] values) {
        List<Float> list = new ArrayList<>();
        for (float v : values) {
            list.add(v);
        }
        return list;
    }

    @Test
    void clipsAreTrainedOnVideosAloneAndTested() throws IOException {
        TrainSettings clips = settings(
                FineTuning.from(encoder, 0).clip(new FineTuning.Clip(4, 2)),
                2,
                "monitor.data",
                List.of(shared.resolve("test").toString()));
        assertEquals(2, clips.model().trunk().tube());
        Log log = train(clips, dir.resolve("clips"), false, ALL);
        assertTrue(
                log.warnings.toString().contains("Left out 8 images: the fine-tuning does not train on them"),
                log.warnings.toString());
        List<Double> accuracies = new ArrayList<>();
        JsonLines.read(dir.resolve("clips/metrics.jsonl"), line -> {
            if (line.has("test_top1")) {
                accuracies.add(line.get("test_top1").doubleValue());
            }
        });
        assertEquals(2, accuracies.size());
        assertTrue(Files.exists(dir.resolve("clips/report.html")));
    }

    @Test
    void fromScratchAllLayersLearnAlike() throws IOException {
        TrainSettings scratch = settings(FineTuning.fromScratch(ModelSize.TI8), 1);
        assertEquals(1.0, ((ClassifierConfig) scratch.model().objective()).layerDecay());
        assertEquals(null, scratch.init());
    }

    @Test
    void otherClassesThanTheRunsAreRefused() throws IOException {
        TrainSettings settings = settings(FineTuning.from(encoder, 0), 1);
        List<String> fewer =
                ((ClassifierConfig) settings.model().objective()).classes().subList(1, 8);
        TrainSettings other = settings.with("model.objective.classes", fewer);
        var e = assertThrows(IOException.class, () -> train(other, dir.resolve("other"), false, ALL));
        assertTrue(e.getMessage().contains("classes"), e.getMessage());
        TrainSettings onDevice = settings.with("loading.deviceViews", true);
        var onHost =
                assertThrows(IllegalArgumentException.class, () -> train(onDevice, dir.resolve("other"), false, ALL));
        assertTrue(onHost.getMessage().contains("on the host"), onHost.getMessage());
    }
}
