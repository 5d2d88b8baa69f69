package io.github.vicmae.report;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The parts of a report that are plain HTML. */
final class ReportTables {
    private static final int MOST_SKIPPED = 500;
    /** More views of a sample are not shown. */
    private static final List<String> VIEWS = List.of("First view", "Second view");

    private static final List<String> KINDS = List.of("input", "masked", "predicted", "pasted");

    private ReportTables() {}

    /** Escapes a text for HTML, in elements and in quoted attributes. */
    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }

    static String headline(MetricLog log) {
        StringBuilder html = new StringBuilder("<dl class=\"headline\">\n");
        item(html, "steps", String.format(Locale.ROOT, "%,d", log.lastStep()));
        item(html, "epochs", number(log.last("epoch")));
        item(html, "last total loss", number(log.last("loss")));
        item(html, "samples per second", number(log.curve("pairs_per_second").mean()));
        item(html, "time waiting for data", percent(log.curve("data_wait").mean()));
        item(html, "skipped files", String.format(Locale.ROOT, "%,d", log.skippedCount()));
        html.append("</dl>\n");
        if (log.unreadableLines() > 0) {
            html.append("<p>Lines of the metrics that could not be read and are left out: ")
                    .append(log.unreadableLines())
                    .append(".</p>\n");
        }
        return html.toString();
    }

    private static void item(StringBuilder html, String name, String value) {
        html.append("<div><dt>").append(name).append("</dt><dd>").append(value).append("</dd></div>\n");
    }

    /** The charts' numbers for readers who cannot see them. */
    static String numbers(List<Chart> charts, MetricLog log) {
        StringBuilder html = new StringBuilder();
        for (Chart chart : charts) {
            for (String metric : chart.present(log)) {
                Curve curve = log.curve(metric);
                String name = chart.series().get(metric);
                String label = name.equals(chart.title()) ? name : chart.title() + ", " + name;
                double[] smallest = curve.smallest();
                html.append("<tr><th scope=\"row\">").append(escape(label)).append("</th>");
                cell(html, number(curve.values()[0]));
                cell(html, number(smallest[1]));
                cell(html, String.format(Locale.ROOT, "%,.0f", smallest[0]));
                cell(html, number(curve.largest()));
                cell(html, number(log.last(metric)));
                html.append("</tr>\n");
            }
        }
        return html.toString();
    }

    private static void cell(StringBuilder html, String text) {
        html.append("<td>").append(text).append("</td>");
    }

    static String settings(Map<String, String> settings) {
        if (settings.isEmpty()) {
            return "<p>No settings were recorded.</p>";
        }
        StringBuilder html = new StringBuilder("<dl class=\"settings\">\n");
        settings.forEach((name, value) -> item(html, escape(name), escape(value)));
        return html.append("</dl>").toString();
    }

    static String skipped(MetricLog log) {
        if (log.skippedCount() == 0) {
            return "<p>Every file could be read.</p>";
        }
        StringBuilder html = new StringBuilder();
        html.append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Skipped files\">")
                .append("<table class=\"skipped\"><thead><tr><th scope=\"col\">File</th>")
                .append("<th scope=\"col\">Reason</th></tr></thead>\n<tbody>\n");
        log.skipped().entrySet().stream().limit(MOST_SKIPPED).forEach(entry -> html.append("<tr><td>")
                .append(escape(entry.getKey()))
                .append("</td><td>")
                .append(escape(entry.getValue()))
                .append("</td></tr>\n"));
        html.append("</tbody></table></div>\n");
        int unlisted = log.skippedCount() - Math.min(MOST_SKIPPED, log.skipped().size());
        if (unlisted > 0) {
            html.append("<p>Skipped files that are not listed here: ").append(unlisted);
            html.append(". The run's metrics.jsonl has those whose reason was recorded.</p>\n");
        }
        return html.toString();
    }

    static String reconstructions(List<ReportData.Sample> samples) throws IOException {
        if (samples.isEmpty()) {
            return "<p>The report was written without reconstructions.</p>";
        }
        Map<String, List<ReportData.Sample>> kinds = new LinkedHashMap<>();
        samples.forEach(
                s -> kinds.computeIfAbsent(s.kind(), kind -> new ArrayList<>()).add(s));
        StringBuilder html = new StringBuilder();
        for (Map.Entry<String, List<ReportData.Sample>> kind : kinds.entrySet()) {
            ReportData.Sample first = kind.getValue().get(0);
            int views = Math.min(VIEWS.size(), first.views().size());
            html.append("<div class=\"views\">\n");
            for (int view = 0; view < views; view++) {
                String name = views == 1 ? "" : VIEWS.get(view).toLowerCase(Locale.ROOT);
                name = kind.getKey() + (kind.getKey().isEmpty() || name.isEmpty() ? "" : ", ") + name;
                name = name.isEmpty() ? "view" : name;
                html.append(
                        first.views().get(view).frames() == 1
                                ? pictures(name, kind.getValue(), view)
                                : clips(name, kind.getValue(), view));
            }
            html.append("</div>\n");
        }
        return html.toString();
    }

    /** A row for each moment, the same samples in each; nothing where there are none. */
    static String snapshots(Map<String, byte[]> pictures) {
        if (pictures.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder("<h3>The same samples over the run</h3>\n")
                .append(
                        "<p>As many steps as fit, in the same views with the same masks; masked patches are predicted.</p>\n")
                .append("<table class=\"snapshots\"><tbody>\n");
        pictures.forEach((name, png) -> {
            html.append("<tr><th scope=\"row\">").append(escape(name)).append("</th><td><img alt=\"the samples, ");
            html.append(escape(name)).append("\" src=\"data:image/png;base64,");
            html.append(Base64.getEncoder().encodeToString(png)).append("\"></td></tr>\n");
        });
        return html.append("</tbody></table>\n").toString();
    }

    private static String caption(String type, String name) {
        return "<table class=\"" + type + "\"><caption>"
                + escape(name.substring(0, 1).toUpperCase(Locale.ROOT)) + escape(name.substring(1)) + "</caption>";
    }

    private static List<BufferedImage> images(ReportData.Sample sample, int view) {
        ReconstructionGrid.Images images = sample.views().get(view);
        return List.of(images.input(), images.masked(), images.predicted(), images.pasted());
    }

    private static String label(ReportData.Sample sample, int number, String name, int kind) {
        return "sample " + (number + 1) + " (" + sample.label() + "), " + name.toLowerCase(Locale.ROOT) + ", "
                + KINDS.get(kind);
    }

    /** A row for each sample, its four images side by side. */
    private static String pictures(String name, List<ReportData.Sample> samples, int view) throws IOException {
        StringBuilder html = new StringBuilder(caption("view", name)).append("<thead><tr><td></td>");
        for (String kind : KINDS) {
            html.append("<th scope=\"col\">").append(kind).append("</th>");
        }
        html.append("</tr></thead>\n<tbody>\n");
        for (int i = 0; i < samples.size(); i++) {
            ReportData.Sample sample = samples.get(i);
            html.append("<tr><th scope=\"row\" title=\"").append(escape(sample.label()));
            html.append("\">").append(i + 1).append("</th>");
            List<BufferedImage> images = images(sample, view);
            for (int kind = 0; kind < KINDS.size(); kind++) {
                image(html, images.get(kind), label(sample, i, name, kind));
            }
            html.append("</tr>\n");
        }
        return html.append("</tbody></table>\n").toString();
    }

    /** Four rows for each sample, the frames of each in a row. */
    private static String clips(String name, List<ReportData.Sample> samples, int view) throws IOException {
        StringBuilder html = new StringBuilder(caption("clips", name));
        for (int i = 0; i < samples.size(); i++) {
            ReportData.Sample sample = samples.get(i);
            html.append("<tbody>\n<tr><th colspan=\"2\" scope=\"rowgroup\">").append(i + 1);
            html.append(": ").append(escape(sample.label())).append("</th></tr>\n");
            List<BufferedImage> images = images(sample, view);
            for (int kind = 0; kind < KINDS.size(); kind++) {
                html.append("<tr><th scope=\"row\">").append(KINDS.get(kind)).append("</th>");
                image(html, images.get(kind), label(sample, i, name, kind));
                html.append("</tr>\n");
            }
            html.append("</tbody>\n");
        }
        return html.append("</table>\n").toString();
    }

    private static void image(StringBuilder html, BufferedImage image, String alt) throws IOException {
        html.append("<td><img alt=\"").append(escape(alt));
        html.append("\" title=\"").append(escape(alt));
        html.append("\" width=\"").append(image.getWidth());
        html.append("\" height=\"").append(image.getHeight());
        html.append("\" src=\"data:image/png;base64,")
                .append(Base64.getEncoder().encodeToString(ReconstructionGrid.png(image)))
                .append("\"></td>");
    }

    /** A share from 0 to 1 in percent; a dash for what is not a number. */
    static String percent(double share) {
        return Double.isNaN(share) ? "\u2013" : String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    /** Four significant digits, with a power of ten where that is shorter; a dash for what is not a number. */
    static String number(double value) {
        if (Double.isNaN(value)) {
            return "\u2013";
        }
        double size = Math.abs(value);
        if (value == 0 || size >= 1e-3 && size < 1e7) {
            int decimals = value == 0 ? 0 : Math.max(0, 3 - (int) Math.floor(Math.log10(size)));
            String text = String.format(Locale.ROOT, "%,." + decimals + "f", value);
            return text.contains(".") ? text.replaceAll("\\.?0+$", "") : text;
        }
        return String.format(Locale.ROOT, "%.3e", value)
                .replaceAll("\\.?0+e", "e")
                .replaceAll("e([+-])0*", "e$1")
                .replace("e+", "e");
    }
}
