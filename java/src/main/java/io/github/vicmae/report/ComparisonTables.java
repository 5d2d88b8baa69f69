package io.github.vicmae.report;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;

/** The parts of a comparison that are plain HTML: a column for each run. */
final class ComparisonTables {
    private static final String UNKNOWN = "\u2013";

    private ComparisonTables() {}

    /** A line as it is drawn for a run. */
    static String swatch(int run) {
        return "<svg width=\"28\" height=\"8\" aria-hidden=\"true\"><path class=\"line strong " + CurveChart.style(run)
                + "\" d=\"M1,4H27\"/></svg>";
    }

    /** The runs that have a metric, with their last values. */
    static String legend(List<ComparedRun> runs, String metric) {
        StringBuilder html = new StringBuilder("<div class=\"legend\">");
        for (int i = 0; i < runs.size(); i++) {
            double value = runs.get(i).metrics().last(metric);
            if (!Double.isNaN(value)) {
                html.append("<span>").append(swatch(i));
                html.append(ReportTables.escape(runs.get(i).name()));
                html.append(" <b>").append(ReportTables.number(value)).append("</b></span>\n");
            }
        }
        return html.append("</div>\n").toString();
    }

    static String remarks(List<String> remarks) {
        if (remarks.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder("<ul class=\"remarks\">\n");
        remarks.forEach(
                text -> html.append("<li>").append(ReportTables.escape(text)).append("</li>\n"));
        return html.append("</ul>\n").toString();
    }

    /** What each run has reached. */
    static String results(List<ComparedRun> runs, List<Chart> losses) {
        StringBuilder html = begin(runs, "Results");
        row(html, "steps", runs, run -> whole(run.metrics().lastStep()));
        row(html, "epochs", runs, run -> ReportTables.number(run.metrics().last("epoch")));
        row(html, "samples seen", runs, run -> whole(run.samples(run.metrics().lastStep())));
        row(html, "time in steps", runs, ComparedRun::time);
        row(html, "samples per second", runs, run -> ReportTables.number(run.samplesPerSecond()));
        if (runs.stream().anyMatch(run -> run.metrics().monitor().isPresent())) {
            row(html, "k-NN accuracy, last", runs, run -> percent(run.metrics().last(MetricLog.KNN)));
            row(html, "k-NN accuracy, best", runs, run -> best(run.metrics().curve(MetricLog.KNN)));
            row(
                    html,
                    "k-NN accuracy, untrained",
                    runs,
                    run -> percent(run.metrics().monitor().untrained()));
        }
        for (Chart chart : losses) {
            String metric = chart.metric();
            row(
                    html,
                    chart.title() + ", last",
                    runs,
                    run -> ReportTables.number(run.metrics().last(metric)));
            row(
                    html,
                    chart.title() + ", smallest",
                    runs,
                    run -> smallest(run.metrics().curve(metric)));
        }
        row(html, "skipped files", runs, run -> whole(run.metrics().skippedCount()));
        row(html, "report", runs, run -> link(run.report(), "", "report.html"));
        row(html, "reconstructions", runs, run -> link(run.report(), "#reconstructions", "in the report"));
        return end(html);
    }

    private static String link(String page, String place, String words) {
        return page == null ? UNKNOWN : "<a href=\"" + ReportTables.escape(page) + place + "\">" + words + "</a>";
    }

    private static String smallest(Curve curve) {
        double[] found = curve.smallest();
        return found == null
                ? UNKNOWN
                : ReportTables.number(found[1]) + " <small>at step " + whole(found[0]) + "</small>";
    }

    private static String percent(double accuracy) {
        return Double.isNaN(accuracy) ? UNKNOWN : ReportTables.percent(accuracy);
    }

    private static String best(Curve curve) {
        double most = curve.largest();
        if (Double.isNaN(most)) {
            return UNKNOWN;
        }
        for (int i = 0; i < curve.values().length; i++) {
            if (curve.values()[i] == most) {
                return percent(most) + " <small>at step " + whole(curve.steps()[i]) + "</small>";
            }
        }
        return percent(most);
    }

    private static String whole(double value) {
        return Double.isNaN(value) ? UNKNOWN : String.format(Locale.ROOT, "%,.0f", value);
    }

    /** The settings that are not the same in all runs. */
    static String differences(List<ComparedRun> runs) {
        Set<String> names = new LinkedHashSet<>();
        runs.forEach(run -> names.addAll(run.settings().keySet()));
        names.removeIf(
                name -> runs.stream().map(run -> value(run, name)).distinct().count() == 1);
        if (names.isEmpty()) {
            return runs.size() == 1
                    ? "<p>There is one run; its report has all settings.</p>"
                    : "<p>All settings are the same.</p>";
        }
        StringBuilder html = begin(runs, "Settings that differ");
        names.forEach(name -> row(html, name, runs, run -> ReportTables.escape(value(run, name))));
        return end(html);
    }

    private static String value(ComparedRun run, String name) {
        return run.settings().getOrDefault(name, UNKNOWN);
    }

    private static StringBuilder begin(List<ComparedRun> runs, String name) {
        StringBuilder html = new StringBuilder("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
        html.append(name).append("\"><table class=\"numbers runs\"><thead><tr><td></td>");
        for (int i = 0; i < runs.size(); i++) {
            html.append("<th scope=\"col\">").append(swatch(i)).append("<br>");
            html.append(ReportTables.escape(runs.get(i).name())).append("</th>");
        }
        return html.append("</tr></thead>\n<tbody>\n");
    }

    /** A row whose cells are HTML. */
    private static void row(
            StringBuilder html, String name, List<ComparedRun> runs, Function<ComparedRun, String> cell) {
        html.append("<tr><th scope=\"row\">").append(ReportTables.escape(name)).append("</th>");
        runs.forEach(run -> html.append("<td>").append(cell.apply(run)).append("</td>"));
        html.append("</tr>\n");
    }

    private static String end(StringBuilder html) {
        return html.append("</tbody></table></div>\n").toString();
    }
}
