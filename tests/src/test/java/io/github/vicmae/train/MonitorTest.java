package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.LabelledSplit;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.Variant;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run measures of its encoder while it trains: epochs have six steps here. */
class MonitorTest extends RunFixture {
    private static final long ALL = Long.MAX_VALUE;

    @TempDir
    Path dir;

    @TempDir
    static Path shared;

    @BeforeAll
    static void render() throws IOException {
        TestData.pictures(shared, 26, 40);
    }

    private static TrainSettings settings(int epochs) {
        return settings(shared, Variant.PAPER, epochs, 2, 1e-2);
    }

    private static TrainSettings monitored(int epochs) {
        return settings(epochs).with("monitor.data", List.of(shared.toString()));
    }

    /** The accuracies by their step. */
    private static Map<Long, Double> accuracies(Path run) throws IOException {
        Map<Long, Double> found = new TreeMap<>();
        JsonLines.read(run.resolve("metrics.jsonl"), line -> {
            if (line.has("knn_top1")) {
                assertEquals(
                        null,
                        found.put(
                                line.get("step").longValue(),
                                line.get("knn_top1").doubleValue()));
            }
        });
        return found;
    }

    private static int monitoredSets(Path run) throws IOException {
        int[] count = new int[1];
        JsonLines.read(run.resolve("metrics.jsonl"), line -> count[0] += line.has("monitored") ? 1 : 0);
        return count[0];
    }

    @Test
    void theWeightsAreBitEqualWithAndWithoutIt() throws IOException {
        Path without = dir.resolve("without");
        train(settings(3), without, false, ALL);
        Path with = dir.resolve("with");
        train(monitored(3), with, false, ALL);
        assertSameCheckpoint(without, with);
        Path resumed = dir.resolve("resumed");
        train(monitored(3), resumed, false, 8);
        train(monitored(3), resumed, true, ALL);
        assertSameCheckpoint(without, resumed);
        Map<Long, Double> measured = accuracies(with);
        assertEquals(Set.of(0L, 6L, 12L, 18L), measured.keySet());
        assertEquals(measured, accuracies(resumed));
        assertTrue(measured.values().stream().allMatch(a -> a >= 0 && a <= 1 && a * 26 == Math.rint(a * 26)));
        assertEquals(1, monitoredSets(resumed));
        assertEquals(Map.of(), accuracies(without));

        // The same in the report, for TensorBoard, and in the facts that the report begins with.
        String report = Files.readString(resumed.resolve("report.html"));
        assertTrue(report.contains("26 labelled images of 2 classes, each half classified by the other"), report);
        assertTrue(report.contains("resumed once"), report);
        assertFalse(Files.readString(without.resolve("report.html")).contains("k-NN accuracy"));
        try (Stream<Path> files = Files.list(with)) {
            Path events = files.filter(f -> f.toString().contains("tfevents"))
                    .findFirst()
                    .orElseThrow();
            String bytes = new String(Files.readAllBytes(events), StandardCharsets.ISO_8859_1);
            assertTrue(bytes.contains("eval/knn_top1"));
        }
    }

    @Test
    void anotherMonitorMayFollowButNoOtherShare() throws IOException {
        Path other = TestData.pictures(dir.resolve("other"), 14, 40);
        Path run = dir.resolve("run");
        train(settings(2).with("monitor.share", 0.2), run, false, 4);
        IOException e =
                assertThrows(IOException.class, () -> train(settings(2).with("monitor.share", 0.3), run, true, ALL));
        assertTrue(e.getMessage().contains("monitor.share was 0.2 and is 0.3 now"), e.getMessage());
        Path free = dir.resolve("free");
        train(settings(2), free, false, 6);
        train(monitored(2), free, true, 8);
        assertEquals(Set.of(), accuracies(free).keySet(), "an epoch was not completed");
        Log log = train(settings(2).with("monitor.data", List.of(other.toString())), free, true, ALL);
        assertEquals(Set.of(12L), accuracies(free).keySet());
        assertEquals(2, monitoredSets(free));
        assertEquals(List.of(), log.warnings);
    }

    @Test
    void theModelOfTheHighestAccuracyIsKept() throws IOException {
        Path run = dir.resolve("run");
        train(monitored(3).with("checkpoints.keepBest", "knn"), run, false, ALL);
        Map<Long, Double> measured = accuracies(run);
        measured.remove(0L); // before the first step
        long best = measured.keySet().iterator().next();
        for (long step : measured.keySet()) {
            best = measured.get(step) > measured.get(best) ? step : best;
        }
        try (Safetensors file = Safetensors.open(run.resolve("best.safetensors"))) {
            assertEquals(Long.toString(best), file.metadata().get("step"));
            assertEquals(measured.get(best), Double.parseDouble(file.metadata().get("value")), 0);
        }
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> settings(3).with("checkpoints.keepBest", "knn"));
        assertTrue(e.getMessage().contains("--monitor"), e.getMessage());
    }

    private static Set<String> names(Dataset data) {
        return data.samples().stream().map(Sample::id).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void aShareIsHeldBackFromEachClassWhateverTheOrder() throws IOException {
        Dataset data = Dataset.scan(List.of(shared));
        LabelledSplit split = LabelledSplit.share(data, 0.3, 7);
        assertEquals(8, split.taken().size());
        assertEquals(18, split.rest().size());
        assertEquals(
                4,
                split.taken().samples().stream()
                        .filter(s -> s.className().equals("disc"))
                        .count());
        // In another order, and with another class beside them, the same samples of these are held back.
        Path more = TestData.pictures(dir.resolve("more"), 10, 16);
        Files.move(more.resolve("disc"), more.resolve("a"));
        Files.move(more.resolve("bar"), more.resolve("zebra"));
        Dataset all = Dataset.scan(List.of(more, shared));
        Set<String> known = names(data);
        Set<String> taken = names(LabelledSplit.share(all, 0.3, 7).taken());
        taken.retainAll(known);
        assertEquals(names(split.taken()), taken);
        assertFalse(names(LabelledSplit.share(data, 0.3, 8).taken()).equals(names(split.taken())));
        LabelledSplit halves = LabelledSplit.halves(data, 0);
        assertEquals(13, halves.taken().size());
        assertEquals(13, halves.rest().size());

        // A run trains on the others alone, and counts them.
        RunPlan plan = new RunPlan(settings(1).with("monitor.share", 0.3));
        assertEquals(18, plan.data().size());
        assertEquals(8, plan.monitored().classified());
        assertEquals("8 labelled images of 2 classes, each half classified by the other", plan.monitor());
    }

    private String refused(TrainSettings settings) {
        return assertThrows(IOException.class, () -> new RunPlan(settings)).getMessage();
    }

    @Test
    void whatCannotBeMeasuredOnIsASentence() throws IOException {
        Path flat = Files.createDirectories(dir.resolve("flat"));
        Files.copy(shared.resolve("disc/000.png"), flat.resolve("a.png"));
        String none = refused(settings(1).with("monitor.data", List.of(flat.toString())));
        assertTrue(none.contains("The 1 samples of --monitor have no classes, which k-NN needs"), none);
        Path one = dir.resolve("one");
        Files.createDirectories(one.resolve("disc"));
        Files.copy(shared.resolve("disc/000.png"), one.resolve("disc/a.png"));
        String single = refused(settings(1).with("monitor.data", List.of(one.toString())));
        assertTrue(single.contains("all of one class, disc"), single);
        Path others = dir.resolve("others");
        for (String name : List.of("cat", "dog")) {
            Files.createDirectories(others.resolve(name));
            Files.copy(shared.resolve("disc/000.png"), others.resolve(name).resolve("a.png"));
        }
        String foreign = refused(monitored(1).with("monitor.test", List.of(others.toString())));
        assertTrue(foreign.contains("of other classes than those of --monitor, such as cat"), foreign);
        String pairs = refused(settings(1).with("monitor.data", List.of(others.toString())));
        assertTrue(pairs.contains("need two samples each; found 2 samples of 2 classes"), pairs);
        String small = refused(settings(1).with("monitor.share", 0.01));
        assertTrue(small.contains("samples of no class"), small);
        IllegalArgumentException both =
                assertThrows(IllegalArgumentException.class, () -> monitored(1).with("monitor.share", 0.1));
        assertTrue(both.getMessage().contains("leave it out"), both.getMessage());
    }

    @Test
    void aFileThatCannotBeReadIsLeftOutAndNamed() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 12, 40);
        Files.writeString(data.resolve("disc/broken.png"), "no picture");
        Log log = train(settings(1).with("monitor.data", List.of(data.toString())), dir.resolve("run"), false, ALL);
        assertEquals(1, log.warnings.size(), log.warnings.toString());
        assertTrue(log.warnings.get(0).contains("broken.png"), log.warnings.toString());
        JsonLines.read(dir.resolve("run/metrics.jsonl"), line -> {
            if (line.has("monitored")) {
                assertEquals(12, line.at("/monitored/samples").asInt());
            }
        });
    }

    @Test
    void neighboursAreNoMoreThanAClassHas() {
        assertEquals(20, Monitor.neighbours(5000, 10));
        assertEquals(12, Monitor.neighbours(96, 8));
        assertEquals(1, Monitor.neighbours(3, 4));
    }

    @Test
    void itsMemoryIsPlannedToTheByte() {
        TrainSettings settings = settings(1);
        try (Device device = Device.open("cpu")) {
            long before = device.liveBytes();
            try (FeatureExtractor extractor = new FeatureExtractor(
                    device,
                    settings.model().trunk(),
                    settings.model().objective().pooling(),
                    32)) {
                assertEquals(32, extractor.batch());
                assertEquals(
                        MonitorSettings.plannedBytes(Device.Kind.CPU, settings.model()), device.liveBytes() - before);
            }
        }
    }

    @Test
    void aRunWhoseRatesAreTinyIsAdvised() throws IOException {
        String tiny = new RunPlan(settings(shared, Variant.PAPER, 2, 2, 1.5e-4)).advice();
        assertTrue(tiny.contains("peaks at 2.3e-06"), tiny);
        assertTrue(tiny.contains("--recipe small"), tiny);
        assertEquals(null, new RunPlan(settings(shared, Variant.PAPER, 40, 2, 0.1)).advice());
        assertEquals(
                null, new RunPlan(settings(shared, Variant.PAPER, 2, 2, 1.5e-4).with("init", "weights.pth")).advice());
        Log log = train(settings(shared, Variant.PAPER, 1, 2, 1e-5), dir.resolve("run"), false, ALL);
        assertEquals(1, log.advice.size());
    }
}
