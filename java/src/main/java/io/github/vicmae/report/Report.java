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
        parts.put("collapse", figures(Chart.collapse(data.dimension()), data.metrics(), charts));
        parts.put("speed", figures(Chart.speed(), data.metrics(), charts));
        parts.put("numbers", ReportTables.numbers(charts, data.metrics()));
        parts.put("reconstructions", ReportTables.reconstructions(data.samples()));
        parts.put("snapshots", ReportTables.snapshots(data.snapshots()));
        parts.put("settings", ReportTables.settings(data.settings()));
        parts.put("skipped", ReportTables.skipped(data.metrics()));
        parts.put("data", json(charts, data.metrics()));
        return Page.fill("report.html", parts);
    }

    /** The section of the accuracy over the run; nothing where it was not measured. */
    private static String accuracy(MetricLog log, List<Chart> charts) {
        List<Chart> candidates = Chart.accuracy(log.monitor().untrained());
        if (candidates.stream().allMatch(chart -> chart.present(log).isEmpty())) {
            return "";
        }
        return "<section aria-labelledby=\"accuracy\">\n<h2 id=\"accuracy\">k-NN accuracy</h2>\n<p>On "
                + ReportTables.escape(log.monitor().how()) + ".</p>\n<div class=\"charts\">\n"
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
