package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.io.JsonLines;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PixelTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    private static final long SEED = 4;

    @TempDir
    Path folder;

    /** Metrics as the trainer writes them, with one step whose numbers are not finite. */
    private void writeRun(int steps) throws IOException {
        Random random = new Random(SEED);
        Files.writeString(
                folder.resolve("settings.json"),
                "{\"model\": {\"name\": \"ti16\", \"dim\": 192}, \"title\": \"</script><b>{{data}}\"}");
        try (JsonLines lines = JsonLines.open(folder.resolve("metrics.jsonl"))) {
            for (int step = 1; step <= steps; step++) {
                double noise = step == steps / 2 ? Double.NaN : 0.1 * random.nextGaussian();
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("step", step);
                line.put("epoch", 10.0 * step / steps);
                line.put("loss", 1 + noise);
                line.put("reconstruction", 0.5 + noise);
                line.put("contrastive", 3 + noise);
                line.put("lambda", 0.03 * step / steps);
                line.put("learning_rate", 1.5e-4 * (steps - step) / steps);
                line.put("gradient_norm", 2 + noise);
                line.put("pairs_per_second", 60.0);
                line.put("data_wait", 0.25);
                line.put("skipped", 1);
                lines.write(line);
                if (step % Math.max(1, steps / 5) == 0) {
                    lines.write(Map.of("step", step, "epoch", 10.0 * step / steps, "collapse", collapse(step)));
                }
            }
            lines.write(Map.of("skipped_file", "odd/<b>&\"x\".mp4", "reason", "cut \u2028 off"));
        }
    }

    private static Map<String, Double> collapse(int step) {
        return Map.of(
                "feature_deviation",
                0.8,
                "effective_rank",
                10.0 + step,
                "positive_similarity",
                0.9,
                "negative_similarity",
                -0.1);
    }

    private static List<ReportData.Sample> samples() {
        PatchGrid cut = PatchGrid.ofImage(8, 8, 4);
        ReconstructionGrid grid =
                new ReconstructionGrid(cut, 1, new float[1], new float[] {1}, PixelTarget.of(cut, false));
        ReconstructionGrid.Images images = grid.images(new float[64], new float[64], new float[] {1, 0, 0, 1});
        return List.of(
                new ReportData.Sample("a.png", "", List.of(images, images)),
                new ReportData.Sample("b\".mp4", "", List.of(images, images)));
    }

    @Test
    void everythingIsEmbeddedAndEscaped() throws IOException {
        writeRun(100);
        String html = Files.readString(Report.write(folder, samples()));
        assertEquals(16, html.split("src=\"data:image/png;base64,", -1).length - 1);
        String withoutNamespace = html.replace("http://www.w3.org/2000/svg", "");
        assertFalse(withoutNamespace.contains("http://") || withoutNamespace.contains("https://"), "no outer address");
        assertFalse(Pattern.compile("(src|href)=\"(?!data:)").matcher(html).find(), "no outer resource");
        assertTrue(html.contains("&lt;/script&gt;&lt;b&gt;{{data}}"), "settings are texts");
        assertTrue(html.contains("odd/&lt;b&gt;&amp;&quot;x&quot;.mp4"), "paths are texts");
        assertEquals(2, html.split("</script>", -1).length - 1);
        for (String value : List.of("<dd>100</dd>", "<dd>60</dd>", "<dd>25.0 %</dd>", "<dd>192</dd>")) {
            assertTrue(html.contains(value), value);
        }
    }

    @Test
    void scriptTextCannotEndItsElement() {
        String escaped = Report.escapeForScript("{\"a\":\"</script><!-- \u2028\u2029&\"}");
        assertEquals("{\"a\":\"\\u003c/script\\u003e\\u003c!-- \\u2028\\u2029\\u0026\"}", escaped);
    }

    @Test
    void longRunsAreThinnedWithoutLosingAPeak() {
        int length = 120_000;
        double[] steps = new double[length];
        double[] values = new double[length];
        Random random = new Random(SEED);
        for (int i = 0; i < length; i++) {
            steps[i] = i;
            values[i] = random.nextGaussian();
        }
        values[77_777] = 100;
        values[33_333] = -100;
        values[5] = Double.NaN;
        Curve thin = Curve.of(steps, values).thinned(2000);
        assertTrue(thin.values().length <= 2000 && thin.values().length > 1900, "length " + thin.values().length);
        assertEquals(100, thin.largest());
        assertEquals(33_333, thin.smallest()[0]);
        assertEquals(length - 1, thin.steps()[thin.steps().length - 1]);
        for (int i = 1; i < thin.steps().length; i++) {
            assertTrue(thin.steps()[i] > thin.steps()[i - 1], "steps ascend");
        }
    }

    @Test
    void theMovingMeanIsTheMeanOfItsWindow() {
        double[] steps = new double[300];
        double[] values = new double[300];
        Random random = new Random(SEED);
        for (int i = 0; i < 300; i++) {
            steps[i] = i;
            values[i] = i % 50 == 7 ? Double.NaN : random.nextDouble();
        }
        Curve curve = Curve.of(steps, values);
        assertEquals(7, curve.window());
        for (int i = 0; i < 300; i++) {
            double expected = Arrays.stream(values, Math.max(0, i - 3), Math.min(300, i + 4))
                    .filter(v -> !Double.isNaN(v))
                    .average()
                    .orElseThrow();
            assertEquals(expected, curve.smooth()[i], 1e-9, "seed " + SEED + ", index " + i);
        }
    }

    @Test
    void numbersAreReadable() {
        assertEquals("0", ReportTables.number(0));
        assertEquals("0.03", ReportTables.number(0.03));
        assertEquals("62.57", ReportTables.number(62.5711));
        assertEquals("120,000", ReportTables.number(120_000));
        assertEquals("1.5e-4", ReportTables.number(1.5e-4));
        assertEquals("-2e10", ReportTables.number(-2e10));
        assertEquals("\u2013", ReportTables.number(Double.NaN));
    }

    @Test
    void aRunThatHasNotBegunHasAReport() throws IOException {
        Files.writeString(folder.resolve("metrics.jsonl"), "{\"step\":1,\"lo");
        String html = Files.readString(Report.write(folder, List.of()));
        assertTrue(html.contains("recorded nothing of this yet"));
        assertTrue(html.contains("could not be read and are left out: 1"));
        assertTrue(html.contains("No settings were recorded"));
    }

    /** Uses every control: the axis, the pointer and the keys. What they do is written into the document. */
    private static final String PROBE = """
            <script>
            const figure = document.querySelector('[data-chart="0"]');
            const picture = figure.querySelector(':scope > svg');
            const before = picture.innerHTML;
            figure.querySelector('button').click();
            const result = {log: picture.innerHTML !== before};
            const box = picture.getBoundingClientRect();
            picture.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2}));
            result.pointer = figure.querySelector('output').textContent;
            picture.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}));
            result.home = figure.querySelector('output').textContent;
            document.documentElement.dataset.probe = JSON.stringify(result);
            </script>
            """;

    @Test
    void aBrowserDrawsEveryChartWithoutErrors() throws IOException, InterruptedException {
        writeRun(5000);
        Path report = Report.write(folder, samples());
        Files.writeString(report, Files.readString(report).replace("</body>", PROBE + "</body>"));
        String dom = Browser.open(report, folder);
        assertCharts(dom);
        assertTrue(dom.contains("&quot;log&quot;:true"), "the logarithmic axis changes the picture");
        assertTrue(dom.contains("&quot;home&quot;:&quot;step 1, "), "keys select a step");
        assertTrue(
                dom.matches("(?s).*&quot;pointer&quot;:&quot;step 2,[45]\\d\\d, epoch .*"),
                "the pointer selects a step");
    }

    @Test
    void aBrowserDrawsTheChartsOfASingleStep() throws IOException, InterruptedException {
        writeRun(1);
        assertCharts(Browser.open(Report.write(folder, List.of()), folder));
    }

    private static void assertCharts(String dom) {
        assertTrue(dom.contains("data-drawn=\"11\""), "all charts are drawn");
        Matcher lines = Pattern.compile("<path class=\"line strong series[01]\" d=\"(M[^\"]*)\"")
                .matcher(dom);
        List<String> paths = new ArrayList<>();
        while (lines.find()) {
            paths.add(lines.group(1));
        }
        assertEquals(14, paths.size(), "twelve lines and the legend's two");
        for (String path : paths) {
            assertFalse(path.contains("NaN") || path.contains("Infinity"), path);
        }
        assertFalse(dom.contains(">NaN<"), "no label is NaN");
    }
}
