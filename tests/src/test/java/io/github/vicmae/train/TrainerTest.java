package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.WatchedDevice;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.objective.Variant;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest extends RunFixture {
    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    @BeforeAll
    static void render() throws IOException {
        TestData.pictures(shared, 26, 40);
    }

    @Test
    void aResumedRunEndsWhereAnUninterruptedOneDoes() throws IOException {
        for (Variant variant : Variant.values()) {
            Path whole = dir.resolve("whole-" + variant);
            Path parts = dir.resolve("parts-" + variant);
            TrainSettings settings = settings(shared, variant, 3, 2, 1e-2);
            train(settings, whole, false, Long.MAX_VALUE);
            train(settings, parts, false, 4);
            train(settings, parts, true, 8);
            train(settings, parts, true, Long.MAX_VALUE);
            assertSameCheckpoint(whole, parts);
            List<Long> steps = new ArrayList<>();
            JsonLines.read(parts.resolve("metrics.jsonl"), line -> {
                if (line.has("loss")) {
                    steps.add(line.get("step").asLong());
                }
            });
            assertEquals(18, steps.size());
            assertEquals(steps.stream().sorted().distinct().toList(), steps);
        }
    }

    @Test
    void theNumberOfWorkersChangesNothing() throws IOException {
        train(settings(shared, Variant.PAPER, 1, 1, 1e-2), dir.resolve("one"), false, Long.MAX_VALUE);
        train(settings(shared, Variant.PAPER, 1, 4, 1e-2), dir.resolve("four"), false, Long.MAX_VALUE);
        assertSameCheckpoint(dir.resolve("one"), dir.resolve("four"));
    }

    @Test
    void theLossFallsAndAReportIsWritten() throws IOException {
        Log log = train(settings(shared, Variant.PAPER, 15, 2, 5e-2), dir.resolve("run"), false, Long.MAX_VALUE);
        double first = log.losses.subList(0, 9).stream().mapToDouble(x -> x).sum();
        double last = log.losses.subList(81, 90).stream().mapToDouble(x -> x).sum();
        assertTrue(last < 0.95 * first, "loss went from " + first / 9 + " to " + last / 9);
        String report = Files.readString(dir.resolve("run/report.html"));
        assertTrue(report.contains("data:image/png"));
        assertTrue(report.contains("The same samples over the run") && report.contains("the samples, step 90"));
        int[] lines = {0};
        JsonLines.read(dir.resolve("run/metrics.jsonl"), line -> {
            if (line.has("gradient_norm")) {
                double squares = 0;
                for (String part : List.of("embedding", "encoder", "decoder", "heads")) {
                    squares += Math.pow(line.get("gradient_norm_" + part).doubleValue(), 2);
                }
                double norm = line.get("gradient_norm").doubleValue();
                assertEquals(norm, Math.sqrt(squares), 1e-6 * norm);
                lines[0]++;
            }
        });
        assertEquals(90, lines[0]);
        try (Safetensors model = Safetensors.open(dir.resolve("run/model.safetensors"))) {
            assertTrue(model.contains("blocks.0.attn.qkv.weight"));
            assertFalse(model.contains("exp_avg.blocks.0.attn.qkv.weight"));
        }
    }

    @Test
    void anUnreadableFileIsSkippedAndCounted() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 9, 40);
        Files.writeString(data.resolve("disc/broken.png"), "this is no picture");
        Log log = train(settings(data, Variant.PAPER, 4, 2, 1e-3), dir.resolve("run"), false, Long.MAX_VALUE);
        assertEquals(1, log.warnings.size(), log.warnings.toString());
        assertTrue(log.warnings.get(0).contains("broken.png"), log.warnings.toString());
        List<String> skipped = new ArrayList<>();
        JsonLines.read(dir.resolve("run/metrics.jsonl"), line -> {
            if (line.has("skipped_file")) {
                skipped.add(line.get("skipped_file").asText());
            }
        });
        assertEquals(1, skipped.size());
    }

    /** What a scan leaves out is told once, and stands in the metrics; so does how often a video gave one frame twice. */
    @Test
    void whatIsLeftOutIsToldAndCounted() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 9, 40);
        Files.createDirectories(data.resolve(".git"));
        Files.writeString(data.resolve("disc/notes.xml"), "no picture");
        Files.writeString(data.resolve("disc/more.xml"), "no picture");
        Log log = train(settings(data, Variant.PAPER, 1, 1, 1e-3), dir.resolve("run"), false, Long.MAX_VALUE);
        assertEquals(2, log.warnings.size(), log.warnings.toString());
        assertTrue(log.warnings.get(0).startsWith("Left out 1 hidden file or folder: .git"), log.warnings.toString());
        assertTrue(log.warnings.get(1).startsWith("Left out 2 files of unknown kinds: "), log.warnings.toString());
        List<String> lines = new ArrayList<>();
        JsonLines.read(dir.resolve("run/metrics.jsonl"), line -> {
            if (line.has("left_out")) {
                lines.add(line.get("left_out").toString());
            }
            assertEquals(0, line.path("repeated_frames").asInt());
            assertEquals(line.has("loss"), line.has("repeated_frames"));
        });
        assertEquals(List.of("{\"hidden\":1,\"unknown\":2}"), lines);
    }

    @Test
    void aLossThatIsNotFiniteStopsTheRunAndKeepsTheCheckpoint() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 2, 1, 1e30);
        IOException e = assertThrows(IOException.class, () -> train(settings, run, false, Long.MAX_VALUE));
        assertTrue(
                e.getMessage().matches("(?s)Step \\d+ gave a value that is not finite, first seen in '.+'.*"),
                e.getMessage());
        assertTrue(e.getMessage().contains("There is no checkpoint yet"), e.getMessage());
    }

    @Test
    void dataThatGoesAwayCostsNoStep() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 26, 40);
        Path run = dir.resolve("run");
        Log log = new Log();
        log.afterStep8 = () -> {
            for (String name : List.of("disc", "bar")) {
                for (File picture : data.resolve(name).toFile().listFiles()) {
                    assertTrue(picture.delete());
                }
            }
        };
        TrainSettings settings = settings(data, Variant.PAPER, 50, 1, 1e-3);
        IOException e = assertThrows(IOException.class, () -> train(settings, run, false, Long.MAX_VALUE, log));
        assertTrue(e.getMessage().contains("The run stops after step " + log.losses.size()), e.getMessage());
        try (Safetensors checkpoint = Safetensors.open(run.resolve("checkpoint.safetensors"))) {
            assertEquals(
                    Integer.toString(log.losses.size()), checkpoint.metadata().get("step"));
        }
    }

    @Test
    void aDeviceThatFailsInMidStepKeepsTheCheckpoint() throws IOException {
        TrainSettings settings = settings(shared, Variant.PAPER, 3, 2, 1e-2);
        Path whole = dir.resolve("whole");
        train(settings, whole, false, Long.MAX_VALUE);
        Path run = dir.resolve("run");
        WatchedDevice device = new WatchedDevice();
        Log log = new Log();
        log.afterStep8 = () -> device.failLaunch(50);
        DeviceException e =
                assertThrows(DeviceException.class, () -> train(device, settings, run, false, Long.MAX_VALUE, log));
        assertTrue(
                e.getMessage().startsWith("The run stops after step 8. The last good checkpoint is " + run),
                e.getMessage());
        assertTrue(e.getMessage().contains("checkpoint.safetensors after step 6. The device failed: "), e.getMessage());
        assertTrue(e.getMessage().endsWith(" was made to fail"), e.getMessage());
        assertEquals("", device.left());
        train(settings, run, true, Long.MAX_VALUE);
        assertSameCheckpoint(whole, run);
    }

    @Test
    void aRunThatFindsNoRoomLeavesNothingAndCanBeStartedAgain() throws IOException {
        TrainSettings settings = settings(shared, Variant.PAPER, 1, 1, 1e-2);
        Path run = dir.resolve("run");
        for (int n : new int[] {1, 20, 42, 44, 46, 60}) {
            WatchedDevice device = new WatchedDevice().failTaking(n);
            assertThrows(DeviceException.class, () -> train(device, settings, run, false, Long.MAX_VALUE, new Log()));
            assertEquals("", device.left());
            assertTrue(device.isClosed());
        }
        train(settings, run, false, Long.MAX_VALUE);
    }

    @Test
    void anOldRunIsNeitherOverwrittenNorContinuedWithOtherSettings() throws IOException {
        Path run = dir.resolve("run");
        train(settings(shared, Variant.PAPER, 2, 1, 1e-3), run, false, 2);
        byte[] before = Files.readAllBytes(run.resolve("checkpoint.safetensors"));
        IOException again = assertThrows(
                IOException.class, () -> train(settings(shared, Variant.PAPER, 2, 1, 1e-3), run, false, 9));
        assertTrue(again.getMessage().contains("--resume"), again.getMessage());
        IOException other =
                assertThrows(IOException.class, () -> train(settings(shared, Variant.PAPER, 2, 1, 2e-3), run, true, 9));
        assertTrue(other.getMessage().contains("baseLearningRate was 0.001 and is 0.002 now"), other.getMessage());
        assertArrayEquals(before, Files.readAllBytes(run.resolve("checkpoint.safetensors")));
    }

    @Test
    void aDamagedCheckpointIsRefused() throws IOException {
        Path run = dir.resolve("run");
        TrainSettings settings = settings(shared, Variant.PAPER, 2, 1, 1e-3);
        train(settings, run, false, 2);
        Path checkpoint = run.resolve("checkpoint.safetensors");
        byte[] whole = Files.readAllBytes(checkpoint);
        Files.write(checkpoint, java.util.Arrays.copyOf(whole, whole.length / 2));
        IOException e = assertThrows(IOException.class, () -> train(settings, run, true, 9));
        assertTrue(e.getMessage().contains("checkpoint.safetensors"), e.getMessage());
    }
}
