package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.objective.Methods;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs of all methods on videos and pictures: one that is resumed ends as one that never stopped, and views made on the device give the same run. */
class MethodRunsTest {
    private static final Map<String, Object> SMALL = Map.of(
            "trunk.height", 16,
            "trunk.width", 24,
            "trunk.dim", 24,
            "trunk.depth", 1,
            "decoder.dim", 16,
            "decoder.depth", 1,
            "decoder.heads", 2,
            "trunk.mlpRatio", 2);

    @TempDir
    static Path data;

    @TempDir
    Path dir;

    @BeforeAll
    static void makeData() throws IOException {
        for (int i = 0; i < 6; i++) {
            Path path = data.resolve("a/image" + i + ".png");
            Pictures.write(path, Pictures.buffered(Pictures.random(30, 24, 3, i)), "png");
        }
        for (int i = 0; i < 5; i++) {
            Pictures.countingVideo(data.resolve("a/video" + i + ".mp4"), 48, 32, 10, 20 + 10 * i);
        }
    }

    /** Stops a run, and keeps its warnings. */
    private static final class Log implements Progress {
        private final List<String> warnings = new ArrayList<>();
        private long stopAfter = Long.MAX_VALUE;
        private Trainer trainer;

        @Override
        public void started(String message) {}

        @Override
        public void step(Update update) {
            if (update.step() >= stopAfter) {
                trainer.requestStop();
            }
        }

        @Override
        public void advice(String message) {} // these runs are too short to learn anything

        @Override
        public synchronized void warning(String message) {
            warnings.add(message);
        }
    }

    private static TrainSettings settings(String method, boolean deviceViews, Map<String, Object> more) {
        ObjectNode tree = SettingTree.defaults(TrainSettings.class);
        SettingTree.putAll(tree, Methods.named(method).run());
        SettingTree.putAll(
                tree,
                Map.of(
                        "data", List.of(data.toString()),
                        "schedule.epochs", 3,
                        "schedule.batch", 2,
                        "schedule.warmupEpochs", 1,
                        "loading.workers", 2,
                        "loading.deviceViews", deviceViews));
        ObjectNode model = Presets.model(ModelSize.TI8, method, Variant.PAPER);
        SettingTree.putAll(model, SMALL);
        if (method.endsWith("-mae") || method.equals("omnimae")) {
            SettingTree.put(model, "trunk.frames", method.equals("pair-mae") ? 1 : 4);
        }
        if (method.equals("st-mae")) {
            SettingTree.put(model, "decoder.targetFrames", 2);
            SettingTree.put(model, "objective.maskRatio", 0.5);
        }
        if (method.equals("vicmae")) {
            SettingTree.putAll(model, Map.of("objective.headHidden", 12, "objective.headOut", 6));
        }
        tree.set("model", model);
        SettingTree.putAll(tree, more);
        return SettingTree.build(tree, TrainSettings.class);
    }

    private Log train(TrainSettings settings, Path out, boolean resume, long stopAfter) throws IOException {
        return train("cpu", settings, out, resume, stopAfter);
    }

    private Log train(String name, TrainSettings settings, Path out, boolean resume, long stopAfter)
            throws IOException {
        Log log = new Log();
        log.stopAfter = stopAfter;
        try (Device device = Device.open(name);
                Trainer trainer = new Trainer(device, settings, out, resume, log)) {
            log.trainer = trainer;
            trainer.run();
        }
        return log;
    }

    private static void assertSameCheckpoint(Path a, Path b, double within) throws IOException {
        try (Safetensors first = Safetensors.open(a.resolve("checkpoint.safetensors"));
                Safetensors second = Safetensors.open(b.resolve("checkpoint.safetensors"))) {
            assertEquals(first.names(), second.names());
            for (String name : first.names()) {
                if (!first.info(name).dtype().isFloat()) {
                    assertArrayEquals(first.longs(name), second.longs(name), name);
                } else if (within == 0) {
                    assertArrayEquals(first.floats(name), second.floats(name), name);
                } else {
                    assertArrayEquals(first.floats(name), second.floats(name), (float) within, name);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "st-mae, '', 0",
        "omnimae, '', 0",
        "mae, objective.repeat, 2",
        "vicmae, schedule.accumulate, 2",
        "vicmae, objective.segments, 3",
        "vicmae, objective.negatives, 1",
        "pair-mae, '', 0"
    })
    void aResumedRunEndsWhereAnUninterruptedOneDoes(String method, String key, int value) throws IOException {
        Map<String, Object> more =
                switch (key) {
                    case "" -> Map.of();
                    case "objective.repeat", "objective.segments", "objective.negatives" ->
                        Map.of("model." + key, value);
                    default -> Map.of(key, value);
                };
        TrainSettings settings = settings(method, false, more);
        assertEquals(
                method.equals("st-mae") || method.equals("vicmae") && key.equals("objective.negatives") ? 1 : 0,
                train(settings, dir.resolve("whole"), false, Long.MAX_VALUE)
                        .warnings
                        .size());
        train(settings, dir.resolve("parts"), false, 2);
        train(settings, dir.resolve("parts"), true, 3);
        train(settings, dir.resolve("parts"), true, Long.MAX_VALUE);
        assertSameCheckpoint(dir.resolve("whole"), dir.resolve("parts"), 0);
        List<JsonNode> collapse = new ArrayList<>();
        JsonLines.read(dir.resolve("whole/metrics.jsonl"), line -> {
            if (line.has("collapse")) {
                collapse.add(line.get("collapse"));
            }
        });
        assertEquals(3, collapse.size()); // one for each epoch
        for (JsonNode figures : collapse) {
            assertTrue(figures.get("effective_rank").asDouble() > 1, figures.toString());
            for (String name : List.of("positive_similarity", "negative_similarity")) {
                assertTrue(Math.abs(figures.get(name).asDouble()) < 1, figures.toString());
            }
        }
        String report = Files.readString(dir.resolve("whole/report.html"));
        assertTrue(report.contains("pasted"));
        assertEquals(method.equals("st-mae") || method.equals("omnimae"), report.contains("class=\"clips\""));
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(dir.resolve("whole/model.safetensors"), device)) {
            assertEquals(24, encoder.embed(data.resolve("a/image0.png")).length);
        }
    }

    /** Views of clips that a device makes are the host's within rounding, so that a run takes almost the same way. */
    @ParameterizedTest
    @CsvSource({"st-mae, cpu", "omnimae, cpu", "omnimae, emulated"})
    void viewsMadeOnTheDeviceGiveTheSameRun(String method, String device) throws IOException {
        assumeTrue(KernelFixture.devices().anyMatch(d -> d.startsWith(device)), device + " is not to be tested");
        Map<String, Object> once = Map.of("schedule.epochs", 1);
        train(settings(method, false, once), dir.resolve("host"), false, Long.MAX_VALUE);
        train(device, settings(method, true, once), dir.resolve("device"), false, Long.MAX_VALUE);
        assertSameCheckpoint(dir.resolve("host"), dir.resolve("device"), 2e-3);
    }

    @Test
    void whatAMethodCannotTakeIsSaid() throws IOException {
        Log log = train(settings("st-mae", false, Map.of()), dir.resolve("run"), false, 1);
        assertTrue(
                log.warnings.contains("Left out 6 images: the method st-mae does not train on them"),
                log.warnings.toString());
        List<JsonNode> lines = new ArrayList<>();
        JsonLines.read(dir.resolve("run/metrics.jsonl"), lines::add);
        assertTrue(lines.stream().anyMatch(line -> line.at("/unused/images").asInt() == 6));

        Path pictures = Files.createDirectories(dir.resolve("pictures"));
        Pictures.write(pictures.resolve("1.png"), Pictures.buffered(Pictures.gradient(20, 20)), "png");
        for (String method : List.of("st-mae", "omnimae")) {
            IOException e = assertThrows(
                    IOException.class,
                    () -> train(
                            settings(method, false, Map.of("data", List.of(pictures.toString()))),
                            dir.resolve("none"),
                            false,
                            1));
            assertEquals(
                    "The method " + method + " needs videos, and there are none among the data's images",
                    e.getMessage());
        }
    }

    /** A clip of 4 frames at stride 40 does not fit: its last frame stands for those that are missing, and that is counted. */
    @Test
    void clipsThatAreTooShortAreCounted() throws IOException {
        train(settings("st-mae", false, Map.of("views.stride", 40)), dir.resolve("run"), false, 1);
        List<Long> repeated = new ArrayList<>();
        JsonLines.read(dir.resolve("run/metrics.jsonl"), line -> {
            if (line.has("repeated_frames")) {
                repeated.add(line.get("repeated_frames").asLong());
            }
        });
        assertTrue(repeated.get(0) >= 2, repeated.toString());
    }
}
