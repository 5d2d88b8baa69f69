package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.io.JsonLines;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a report begins with. */
class ReportSummaryTest {
    private static final Map<String, Double> UNTRAINED = Map.of(
            "feature_deviation", 0.68,
            "effective_rank", 4.9,
            "positive_similarity", 0.57,
            "negative_similarity", 0.48);

    @TempDir
    Path run;

    private static CollapseVerdict verdict(double deviation, double rank, Map<String, Double> untrained) {
        return CollapseVerdict.of(deviation, rank, 0.83, 0.73, untrained);
    }

    @Test
    void theVerdictComparesWithAnUntrainedEncoder() {
        CollapseVerdict healthy = verdict(0.49, 8.8, UNTRAINED);
        assertEquals(CollapseVerdict.State.NONE, healthy.state());
        assertEquals(
                "No collapse. Effective rank 8.8 (untrained 4.9), feature deviation 0.49 (untrained 0.68); views of one"
                        + " sample have a similarity of 0.83 (untrained 0.57), those of different samples 0.73 (untrained 0.48).",
                healthy.sentence());
        CollapseVerdict point = verdict(0.01, 6, UNTRAINED);
        assertEquals(CollapseVerdict.State.COLLAPSED, point.state());
        assertTrue(point.sentence().startsWith("Collapsed: the features of all samples are nearly the same."));
        CollapseVerdict line = verdict(0.78, 1.1, UNTRAINED);
        assertEquals(CollapseVerdict.State.COLLAPSED, line.state());
        assertTrue(line.sentence().contains("one direction"), line.sentence());
        CollapseVerdict most = verdict(0.7, 2.0, UNTRAINED);
        assertEquals(CollapseVerdict.State.COLLAPSED, most.state());
        assertTrue(most.sentence().contains("have lost most of what"), most.sentence());
        assertEquals(
                CollapseVerdict.State.COLLAPSED, verdict(0.23, 2.6, UNTRAINED).state(), "both are low");
        assertEquals(
                CollapseVerdict.State.NONE,
                verdict(0.5, 1.4, Map.of("feature_deviation", 0.5, "effective_rank", 1.3))
                        .state(),
                "the data have no more directions");
        CollapseVerdict alike = verdict(0.2, 5, UNTRAINED);
        assertEquals(CollapseVerdict.State.DOUBTFUL, alike.state());
        assertTrue(alike.sentence().contains("differ less from each other"), alike.sentence());
        CollapseVerdict fewer = verdict(0.5, 2.9, UNTRAINED);
        assertEquals(CollapseVerdict.State.DOUBTFUL, fewer.state());
        assertTrue(fewer.sentence().contains("fewer directions"), fewer.sentence());
        CollapseVerdict old = verdict(0.5, 2.9, Map.of());
        assertEquals(CollapseVerdict.State.NONE, old.state());
        assertTrue(old.sentence().endsWith("What an untrained encoder gives on these data was not measured."));
        assertEquals(
                CollapseVerdict.State.UNKNOWN,
                verdict(Double.NaN, Double.NaN, UNTRAINED).state());
    }

    private void step(JsonLines lines, int step, double loss) throws IOException {
        lines.write(Map.of("step", step, "epoch", (double) step, "loss", loss, "learning_rate", 1e-3));
    }

    @Test
    void aRunOfAnOlderVersionHasAReport() throws IOException {
        try (JsonLines lines = JsonLines.open(run.resolve("metrics.jsonl"))) {
            step(lines, 1, 2.5);
            step(lines, 2, 1.25);
        }
        Files.writeString(run.resolve("run.json"), "{cut off");
        String html = Files.readString(Report.write(run, List.of()));
        assertTrue(html.contains("were not recorded: the run was made by an older version"), html);
        assertTrue(html.contains("Whether the encoder has collapsed is not known"), html);
        assertTrue(html.contains("<td>2.5</td><td>1.25</td>"), html);
        assertFalse(html.contains("k-NN"), html);
    }

    @Test
    void whatWasAskedAndWhatCameOfItComeFirst() throws IOException {
        Files.writeString(
                run.resolve("settings.yaml"),
                "model: {objective: {method: vicmae, contrast: infonce, maskRatio: 0.5}}\ndata: [clips]\n"
                        + "schedule: {epochs: 2, batch: 32, accumulate: 1}\nseed: 3\n");
        try (JsonLines lines = JsonLines.open(run.resolve("metrics.jsonl"))) {
            lines.write(Map.of("step", 0, "epoch", 0.0, "untrained", UNTRAINED));
            MonitorFacts facts = new MonitorFacts("abc", 192, "videos", 704, 8, 20, 4, 0.24, 0.193, 0.125);
            lines.write(Map.of("step", 0, "epoch", 0.0, "monitored", facts.line()));
            lines.write(Map.of("step", 0, "epoch", 0.0, "knn_top1", 0.24));
            step(lines, 1, 2.5);
            lines.write(Map.of("step", 1, "epoch", 1.0, "knn_top1", 0.75));
            step(lines, 2, 1.25);
            lines.write(Map.of(
                    "step", 2, "epoch", 2.0, "collapse", Map.of("effective_rank", 9.0, "feature_deviation", 0.5)));
            lines.write(Map.of("step", 2, "epoch", 2.0, "knn_top1", 0.71));
        }
        RunFacts.Session first = new RunFacts.Session(
                "vicmae pretrain --data '<clips>'", "vicmae 1", "a <device>", "2026-05-04T03:02:01.123Z", 50, 0, 1);
        RunFacts.Session second =
                new RunFacts.Session("vicmae pretrain --resume r", "vicmae 2", "cpu", "2026-05-05T03:02:01Z", 75, 1, 2);
        new RunFacts("640 videos", "4 blocks", 751232, List.of())
                .with(first)
                .with(second)
                .write(run);
        new AccuracyTable(
                        "k-NN of the demo",
                        List.of(new Evaluation.Row("trained encoder", 154, 192, 0.8021), Evaluation.Row.chance(0.125)))
                .write(run);
        Snapshots snapshots = new Snapshots(run);
        BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
        ReportData.Sample sample =
                new ReportData.Sample("a", "", List.of(new ReconstructionGrid.Images(1, image, image, image, image)));
        snapshots.add(0, List.of(sample));
        snapshots.add(2, List.of(sample));

        String html = Files.readString(Report.write(run, List.of()));
        int asked = html.indexOf("What was asked");
        int came = html.indexOf("What came of it");
        assertTrue(asked > 0 && came > asked && html.indexOf("<h2 id=\"losses\">") > came);
        for (String text : List.of(
                "<dd>751,232</dd>",
                "<dt>command</dt><dd>vicmae pretrain --data &#39;&lt;clips&gt;&#39;</dd>",
                "<dt>last resumed by</dt><dd>vicmae pretrain --resume r</dd>",
                "<dd>2026-05-04 03:02:01 UTC</dd>",
                "<dd>2 min 05 s, resumed once</dd>",
                "vicmae, contrastive loss infonce, mask ratio 0.5",
                "2 epochs, 32 samples a step, learning rate up to 0.001, seed 3",
                "192 labelled videos of 8 classes, classified by 704 others (k = 20, features averaged over 4 frames)",
                "<th scope=\"row\">encoder after step 2</th><td>71.0 %</td><td>\u00b1 3.3</td>",
                "<th scope=\"row\">best, after step 1</th><td>75.0 %</td>",
                "<th scope=\"row\">raw pixels</th><td>19.3 %</td>",
                "The encoder is better than an untrained encoder by 47.0 points.",
                "No collapse. Effective rank 9.0 (untrained 4.9), feature deviation 0.50 (untrained 0.68).",
                "<caption>k-NN of the demo</caption>",
                "<td>80.2 %</td><td>\u00b1 2.9</td>",
                "<td>12.5 %</td><td></td>",
                "<figcaption>untrained</figcaption>",
                "<figcaption>after step 2</figcaption>")) {
            assertTrue(html.contains(text), text + "\n" + html.substring(0, html.indexOf("<h2 id=\"losses\">")));
        }
        assertFalse(html.contains("<clips>"), "command lines are texts");

        // The page that compares runs has the curve and the numbers.
        Path page = run.resolve("compare.html");
        new Comparison(List.of(run), page).write(page);
        String compared = Files.readString(page);
        assertTrue(compared.contains("<h2 id=\"accuracy\">k-NN accuracy</h2>"), compared);
        assertTrue(compared.contains("75.0 % <small>at step 1</small>"), compared);
    }

    @Test
    void smallDifferencesAreNoDifferences() {
        MonitorFacts facts = new MonitorFacts("abc", 100, "images", 0, 2, 20, 1, 0.5, 0.55, 0.5);
        assertTrue(ReportSummary.beside(facts, 0.6).startsWith("No clear difference from raw pixels: 5.0 points"));
        assertTrue(ReportSummary.beside(facts, 0.9).startsWith("The encoder is better than raw pixels by 35.0 points"));
        assertTrue(ReportSummary.beside(facts, 0.2).startsWith("The encoder is worse than raw pixels by 35.0 points"));
        assertEquals(
                "k-NN on 100 labelled images: 90.0 % +- 3.0 (untrained 50.0 %, raw pixels 55.0 %, chance 50.0 %)",
                facts.sentence(0.9));
    }

    @Test
    void accuracyOnOtherSamplesBeginsAnew() throws IOException {
        try (JsonLines lines = JsonLines.open(run.resolve("metrics.jsonl"))) {
            for (String id : List.of("one", "two")) {
                int step = id.equals("one") ? 1 : 5;
                MonitorFacts facts = new MonitorFacts(id, 10, "images", 0, 2, 5, 1, 0.5, Double.NaN, 0.5);
                lines.write(Map.of("step", step, "monitored", facts.line()));
                lines.write(Map.of("step", step, "knn_top1", 0.1 * step));
            }
        }
        MetricLog log = MetricLog.read(run.resolve("metrics.jsonl"));
        assertEquals(1, log.curve("knn_top1").values().length);
        assertEquals("two", log.monitor().id());
        assertTrue(Double.isNaN(log.monitor().pixels()));
    }
}
