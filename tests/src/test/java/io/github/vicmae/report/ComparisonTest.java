package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.io.JsonLines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
    @TempDir
    Path folder;

    private Path page;

    /** Metrics as the trainer writes them; a run without a contrastive loss is one of MAE. */
    private Path run(String name, int steps, double rate, boolean contrastive, String settings) throws IOException {
        Path run = Files.createDirectories(folder.resolve(name));
        Files.writeString(run.resolve("settings.json"), settings);
        try (JsonLines lines = JsonLines.open(run.resolve("metrics.jsonl"))) {
            for (int step = 1; step <= steps; step++) {
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("step", step);
                line.put("epoch", 0.5 * step);
                line.put("loss", step == 3 ? Double.NaN : 2.0 / step);
                line.put("reconstruction", 1.0 / step);
                if (contrastive) {
                    line.put("contrastive", 5.0 / step);
                }
                line.put("learning_rate", 1e-4 * step);
                line.put("gradient_norm", 0.5);
                line.put("pairs_per_second", rate);
                lines.write(line);
            }
            lines.write(Map.of("step", steps, "collapse", Map.of("effective_rank", 7.5)));
        }
        return run;
    }

    private static String settings(int batch, String method) {
        return "{\"model\":{\"trunk\":{\"dim\":192},\"objective\":{\"method\":\"" + method + "\"}},"
                + "\"schedule\":{\"batch\":" + batch + ",\"accumulate\":2},\"seed\":0}";
    }

    private Comparison compare(Path... runs) throws IOException {
        page = folder.resolve("compare.html");
        return new Comparison(List.of(runs), page);
    }

    /** The chart with a title. */
    private static String figure(String html, String title) {
        int at = html.indexOf("<figcaption>" + title + "</figcaption>");
        assertTrue(at >= 0, title);
        return html.substring(at, html.indexOf("</figure>", at));
    }

    private static int count(String text, String part) {
        return text.split(Pattern.quote(part), -1).length - 1;
    }

    /** The cells of a table's row, without the markup within. */
    private static List<String> row(String html, String name) {
        String head = "<tr><th scope=\"row\">" + name + "</th>";
        assertEquals(1, count(html, head), name);
        int at = html.indexOf(head);
        return Pattern.compile("<td>(.*?)</td>")
                .matcher(html.substring(at, html.indexOf("</tr>", at)))
                .results()
                .map(cell -> cell.group(1).replaceAll("<[^>]*>", ""))
                .toList();
    }

    @Test
    void eachChartHasACurveOfEachRunThatRecordedIt() throws IOException {
        String html = compare(
                        run("first", 30, 4, true, settings(8, "vicmae")),
                        run("another", 60, 4, false, settings(4, "mae")))
                .html();
        for (String title :
                List.of("Total loss", "Reconstruction loss", "Learning rate", "Gradient norm", "Effective rank")) {
            String figure = figure(html, title);
            assertEquals(1 + 3, count(figure, "line strong run0\""), title + ": the legend's, and one by each axis");
            assertEquals(1 + 3, count(figure, "line strong run1\""), title);
        }
        String contrastive = figure(html, "Contrastive loss");
        assertEquals(4, count(contrastive, "line strong run0\""));
        assertEquals(0, count(contrastive, "run1"));
        assertFalse(contrastive.contains("another"));
        assertFalse(html.contains("Feature deviation"), "nobody has recorded it");
        assertTrue(figure(html, "Effective rank").contains("D = 192"));
        assertEquals(3, count(figure(html, "Total loss"), "line raw run1\""), "60 values have a mean, and 30 none");
        assertEquals(0, count(figure(html, "Total loss"), "line raw run0\""));
        assertEquals(0, count(figure(html, "Learning rate"), "line raw"), "a schedule is exact");
        Pattern path = Pattern.compile("<path [^>]*d=\"([^\"]*)\"");
        for (MatchResult one : path.matcher(html).results().toList()) {
            assertTrue(one.group(1).matches("[MLHhv0-9.,-]+"), one.group(1));
        }
    }

    @Test
    void timeAndSamplesFollowFromTheRatesAndTheSettings() throws IOException {
        Path run = run("first", 30, 4, true, settings(8, "vicmae"));
        ComparedRun read = ComparedRun.read(run, "first", folder.resolve("x.html"));
        assertEquals(16 / 4.0 * 10, read.seconds(10), 1e-9);
        assertEquals(16 * 10, read.samples(10));
        assertEquals(4, read.samplesPerSecond(), 1e-9);
        assertEquals("2 min 00 s", read.time());
        List<XAxis> axes = XAxis.of(List.of(read));
        assertEquals(
                List.of("step", "seconds of training", "samples seen"),
                axes.stream().map(XAxis::label).toList());
        assertEquals(40, axes.get(1).places(read, new double[] {10})[0], 1e-9);
        Path longer = run("longer", 1000, 0.4, true, settings(8, "vicmae"));
        List<XAxis> hours = XAxis.of(List.of(read, ComparedRun.read(longer, "longer", folder.resolve("x.html"))));
        assertEquals("hours of training", hours.get(1).label());
        assertEquals(40 / 3600.0, hours.get(1).places(read, new double[] {10})[0], 1e-9);
    }

    @Test
    void settingsOfOlderRunsHaveTheirSamplesToo() throws IOException {
        Path run = run("old", 3, 4, true, "{\"batch\": 5, \"accumulate\": 3}");
        assertEquals(30, ComparedRun.read(run, "old", folder.resolve("x.html")).samples(2));
    }

    @Test
    void theTablesHaveWhatWasReachedAndWhatDiffers() throws IOException {
        Path first = run("first", 30, 4, true, settings(8, "vicmae"));
        Files.writeString(first.resolve("report.html"), "");
        String html =
                compare(first, run("another", 60, 4, false, settings(4, "mae"))).html();
        assertEquals(List.of("30", "60"), row(html, "steps"));
        assertEquals(List.of("480", "480"), row(html, "samples seen"));
        assertEquals(List.of("2 min 00 s", "2 min 00 s"), row(html, "time in steps"));
        assertEquals(List.of("4", "4"), row(html, "samples per second"));
        assertEquals(List.of("0.06667", "0.03333"), row(html, "Total loss, last"));
        assertEquals(List.of("0.06667 at step 30", "0.03333 at step 60"), row(html, "Total loss, smallest"));
        assertEquals(List.of("0.1667", "\u2013"), row(html, "Contrastive loss, last"));
        assertEquals(List.of("report.html", "\u2013"), row(html, "report"));
        assertTrue(html.contains("<a href=\"./first/report.html#reconstructions\">"));
        assertEquals(List.of("8", "4"), row(html, "schedule.batch"));
        assertEquals(List.of("vicmae", "mae"), row(html, "model.objective.method"));
        assertFalse(html.contains("schedule.accumulate") || html.contains(">seed<"), "these are the same");
    }

    @Test
    void aRunWithoutASettingDiffersInIt() throws IOException {
        String html = compare(
                        run("a", 3, 4, true, "{\"schedule\":{\"batch\":4}}"),
                        run("b", 3, 4, true, "{\"schedule\":{\"batch\":4},\"tube\":2}"))
                .html();
        assertEquals(List.of("\u2013", "2"), row(html, "tube"));
        String same = compare(folder.resolve("a")).html();
        assertTrue(same.contains("There is one run"), "no settings to compare");
    }

    @Test
    void namesTellRunsApart() throws IOException {
        assertEquals(List.of("a", "b"), Comparison.names(List.of(Path.of("x/a"), Path.of("y/b"))));
        assertEquals(
                List.of(Path.of("x", "a").toString(), Path.of("y", "a").toString()),
                Comparison.names(List.of(Path.of("x/a"), Path.of("y/a/"))));
        assertEquals(1, Comparison.names(List.of(Path.of("/"))).size());
    }

    @Test
    void whatIsOddIsRemarkedInThePage() throws IOException {
        Path good = run("good", 5, 4, true, settings(8, "vicmae"));
        Files.writeString(
                good.resolve("metrics.jsonl"), Files.readString(good.resolve("metrics.jsonl")) + "{\"st\nx\n");
        Path empty = Files.createDirectories(folder.resolve("empty"));
        Files.createFile(empty.resolve("metrics.jsonl"));
        Path unknown = run("unknown", 5, 4, true, "{\"schedule\":");
        Comparison comparison = compare(good, empty, unknown, folder.resolve("empty/../good"));
        assertEquals(3, comparison.size());
        List<String> remarks = comparison.remarks();
        String html = comparison.html();
        assertEquals(4, remarks.size(), remarks.toString());
        for (String says : List.of(
                "is a run that was named before",
                "good: lines of the metrics that could not be read and are left out: 2.",
                "empty: the run has recorded no step yet.",
                "unknown: its settings do not say how many samples a step takes")) {
            assertTrue(remarks.stream().anyMatch(remark -> remark.contains(says)), says);
            assertTrue(html.contains(says), says);
        }
        assertEquals(1 + 1, count(figure(html, "Total loss"), "line strong run2\""), "by the step alone");
        assertEquals(List.of("5", "0", "5"), row(html, "steps"));
        assertEquals(List.of("80", "\u2013", "\u2013"), row(html, "samples seen"));
        assertEquals(3, count(compare(empty).html(), "recorded nothing of this yet"), "one for each section");
        String lonely = compare(unknown).html();
        assertEquals(2, count(figure(lonely, "Total loss"), "Not known of any of the runs."));
    }

    @Test
    void linksAreRelativeAndTextsAreEscaped() throws IOException {
        Path run = run("runs/<b>&\"x\" #1%", 5, 4, true, settings(8, "</style><script>"));
        Files.writeString(run.resolve("report.html"), "");
        String html = compare(run, run("plain", 5, 4, true, settings(8, "mae"))).html();
        assertTrue(html.contains("href=\"./runs/%3Cb%3E&amp;%22x%22%20%231%25/report.html\""), html);
        assertTrue(html.contains("&lt;b&gt;&amp;&quot;x&quot; #1%"));
        assertFalse(html.contains("<script") || html.contains("<b>&"));
        assertEquals(1, count(html, "</style>"));
        assertFalse(html.contains("://"), "no outer address");
    }

    @Test
    void moreThanEightRunsHaveDashes() throws IOException {
        List<Path> runs = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            runs.add(run("run" + i, 2, 4, true, settings(8, "vicmae")));
        }
        String html = compare(runs.toArray(Path[]::new)).html();
        assertEquals(
                10,
                figure(html, "Total loss")
                        .lines()
                        .filter(l -> l.contains("<b>"))
                        .count());
        assertTrue(html.contains("line strong run1 dash1\""));
    }

    /** Chooses each axis, and notes which charts are then to be seen. The page forbids scripts, its test does not. */
    private static final String PROBE = """
            <script>
            const seen = ['step', 'time', 'samples'].map(axis => {
              document.getElementById('by-' + axis).click();
              return axis + ': ' + ['step', 'time', 'samples'].filter(other => [...document.querySelectorAll('.by-' + other)]
                  .every(chart => chart.getBoundingClientRect().height > 100)).join(' ');
            });
            document.documentElement.dataset.probe = seen.join(', ');
            </script>
            """;

    @Test
    void theAxisIsChosenWithoutAScript() throws IOException, InterruptedException {
        Comparison comparison = compare(
                run("first", 100, 4, true, settings(8, "vicmae")), run("another", 60, 4, false, settings(4, "mae")));
        comparison.write(page);
        String html = Files.readString(page);
        Files.writeString(
                page,
                html.replaceAll("<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "")
                        .replace("</body>", PROBE + "</body>"));
        String dom = Browser.open(page, folder);
        assertTrue(dom.contains("data-probe=\"step: step, time: time, samples: samples\""), dom.substring(0, 300));
    }
}
