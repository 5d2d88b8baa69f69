package io.github.vicmae.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes a run's report: one HTML file that needs no other file and no network. */
public final class Report {
    private Report() {}

    /**
     * Writes {@code report.html} in a run's folder from the {@code metrics.jsonl} and {@code settings.yaml} there.
     *
     * @param run the run's folder
     * @param samples reconstructions to show, may be empty
     * @return the report's path
     * @throws IOException if the metrics cannot be read or the report cannot be written
     */
    public static Path write(Path run, List<ReportData.Sample> samples) throws IOException {
        Path out = run.resolve("report.html");
        write(out, ReportData.read(run, samples).with(new Snapshots(run).read()));
        return out;
    }

    /**
     * Writes a report.
     *
     * @param out the HTML file; an old one is replaced
     * @throws IOException if it cannot be written; an old one is then unchanged
     */
    public static void write(Path out, ReportData data) throws IOException {
        AtomicFile.write(out, html(data).getBytes(StandardCharsets.UTF_8));
    }

    static String html(ReportData data) throws IOException {
        List<Chart> charts = new ArrayList<>();
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("title", ReportTables.escape(data.title()));
        parts.put("style", Page.resource("report.css"));
        parts.put("script", Page.resource("report.js"));
        parts.put("headline", ReportTables.headline(data.metrics()));
        parts.put("asked", ReportSummary.asked(data));
        parts.put("outcome", ReportSummary.outcome(data));
        parts.put("accuracy", accuracy(data.metrics(), charts));
        parts.put("losses", figures(Chart.training(), data.metrics(), charts));
        parts.put("pretraining", data.isPreTraining() ? preTraining(data, charts) : "");
        parts.put("speed", figures(Chart.speed(), data.metrics(), charts));
        parts.put("numbers", ReportTables.numbers(charts, data.metrics()));
        parts.put("settings", ReportTables.settings(data.settings()));
        parts.put("skipped", ReportTables.skipped(data.metrics()));
        parts.put("data", json(charts, data.metrics()));
        return Page.fill("report.html", parts);
    }

    /** The sections that a classifier's report has no use for. */
    private static String preTraining(ReportData data, List<Chart> charts) throws IOException {
        return """
                <section aria-labelledby="collapse">
                <h2 id="collapse">Collapse</h2>
                <p>An encoder has collapsed when its features no longer differ: the deviation falls towards 0, the effective rank towards
                1, and different samples become as similar as two views of one.</p>
                <div class="charts">
                %s
                </div>
                </section>

                <section aria-labelledby="reconstructions">
                <h2 id="reconstructions">Reconstructions</h2>
                <p>Masked patches are gray; \u201cpasted\u201d shows the prediction there and the input elsewhere.</p>
                %s
                %s
                </section>
                """.formatted(
                        figures(Chart.collapse(data.dimension()), data.metrics(), charts),
                        ReportTables.reconstructions(data.samples()),
                        ReportTables.snapshots(data.snapshots()));
    }

    /** The section of the accuracy over the run; nothing where it was not measured. */
    private static String accuracy(MetricLog log, List<Chart> charts) {
        List<Chart> candidates = Chart.accuracy(log.monitor().untrained());
        if (candidates.stream().allMatch(chart -> chart.present(log).isEmpty())) {
            return "";
        }
        boolean tested = log.curve(MetricLog.TEST_ACCURACY).values().length > 0;
        String title = tested ? "Accuracy on test samples" : "k-NN accuracy";
        String how = tested ? "One view of each sample" : "On " + log.monitor().how();
        return "<section aria-labelledby=\"accuracy\">\n<h2 id=\"accuracy\">" + title + "</h2>\n<p>"
                + ReportTables.escape(how) + ".</p>\n<div class=\"charts\">\n"
                + figures(candidates, log, charts) + "</div>\n</section>\n";
    }

    /** Makes the empty figures that the script draws into, and notes their charts in the same order. */
    private static String figures(List<Chart> candidates, MetricLog log, List<Chart> charts) {
        StringBuilder html = new StringBuilder();
        for (Chart chart : candidates) {
            if (!chart.present(log).isEmpty()) {
                html.append("<figure class=\"chart\" data-chart=\"").append(charts.size());
                html.append("\"><figcaption>").append(ReportTables.escape(chart.title(log)));
                html.append("</figcaption></figure>\n");
                charts.add(chart);
            }
        }
        return html.length() == 0 ? "<p>The run has recorded nothing of this yet.</p>" : html.toString();
    }

    private static String json(List<Chart> charts, MetricLog log) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            double epochs = log.last("epoch");
            if (epochs > 0 && log.lastStep() > 0) {
                json.writeNumberField("stepsPerEpoch", log.lastStep() / epochs);
            }
            json.writeArrayFieldStart("charts");
            for (Chart chart : charts) {
                chart.write(log, json);
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        return escapeForScript(text.toString());
    }

    /** Within a script element, {@code </script>} and {@code <!--} would end or change it, whatever the quotes. */
    static String escapeForScript(String json) {
        return json.replace("<", "\\u003c")
                .replace(">", "\\u003e")
                .replace("&", "\\u0026")
                .replace("\u2028", "\\u2028")
                .replace("\u2029", "\\u2029");
    }
}
