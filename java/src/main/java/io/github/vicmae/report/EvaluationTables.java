package io.github.vicmae.report;

import io.github.vicmae.eval.Scores;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The parts of an evaluation's page. */
final class EvaluationTables {
    private static final int MOST_SKIPPED = 500;
    private static final int MOST_IN_ORDER = 30;

    private EvaluationTables() {}

    static String headline(Scores scores) {
        StringBuilder html = new StringBuilder("<dl class=\"headline\">\n");
        item(html, "top-1 accuracy", withError(scores.accuracy(), scores.standardError(scores.accuracy())));
        if (scores.hasTop5()) {
            item(html, "top-5 accuracy", withError(scores.top5(), scores.standardError(scores.top5())));
        }
        item(html, "mean over the classes", ReportTables.percent(scores.meanClassAccuracy()));
        item(html, "chance", ReportTables.percent(scores.chance()));
        item(html, "test samples", String.format(Locale.ROOT, "%,d", scores.count()));
        item(html, "of them right", String.format(Locale.ROOT, "%,d", scores.right()));
        html.append("</dl>\n<p class=\"note\">\u00b1 is one standard error");
        if (!scores.hasTop5()) {
            html.append(". Top-5 is left out: it says nothing of ")
                    .append(scores.classes().known())
                    .append(" classes");
        }
        return html.append(".</p>\n").toString();
    }

    private static void item(StringBuilder html, String name, String value) {
        html.append("<div><dt>").append(name).append("</dt><dd>").append(value).append("</dd></div>\n");
    }

    private static String withError(double share, double error) {
        return ReportTables.percent(share) + " <small>\u00b1 " + String.format(Locale.ROOT, "%.1f", 100 * error)
                + "</small>";
    }

    static String remarks(List<String> remarks) {
        if (remarks.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder("<ul class=\"remarks\">\n");
        remarks.forEach(remark ->
                html.append("<li>").append(ReportTables.escape(remark)).append("</li>\n"));
        return html.append("</ul>\n").toString();
    }

    static String comparison(List<Evaluation.Row> rows) {
        if (rows.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder("<table class=\"numbers results\"><thead><tr><th scope=\"col\"></th>")
                .append(
                        "<th scope=\"col\">top-1</th><th scope=\"col\">right</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n");
        for (Evaluation.Row row : rows) {
            boolean measured = row.count() > 0;
            html.append("<tr><th scope=\"row\">")
                    .append(ReportTables.escape(row.name()))
                    .append("</th><td>");
            html.append(measured ? withError(row.accuracy(), row.error()) : ReportTables.percent(row.accuracy()));
            html.append("</td><td>");
            html.append(measured ? String.format(Locale.ROOT, "%,d of %,d", row.right(), row.count()) : "");
            html.append("</td>").append(bar(row.accuracy())).append("</tr>\n");
        }
        return html.append("</tbody></table>\n").toString();
    }

    private static String bar(double share) {
        return String.format(
                Locale.ROOT,
                "<td class=\"bar\"><span style=\"width:%.1f%%\"></span></td>",
                Double.isNaN(share) ? 0 : 100 * share);
    }

    static String mistakes(Scores scores, List<BufferedImage> pictures) throws IOException {
        List<Integer> mistakes = scores.mistakes(Evaluation.MISTAKES);
        if (mistakes.isEmpty()) {
            return "<p>Every test sample was classified correctly.</p>";
        }
        StringBuilder html = new StringBuilder("<div class=\"mistakes\">\n");
        for (int i = 0; i < mistakes.size(); i++) {
            int sample = mistakes.get(i);
            String name = ReportTables.escape(scores.name(sample));
            html.append("<figure title=\"").append(name).append("\">");
            if (i < pictures.size() && pictures.get(i) != null) {
                html.append("<img alt=\"").append(name).append("\" src=\"data:image/png;base64,");
                html.append(Base64.getEncoder().encodeToString(ReconstructionGrid.png(pictures.get(i))));
                html.append("\">");
            } else {
                html.append("<div class=\"missing\">cannot be shown</div>");
            }
            html.append("<figcaption><b>")
                    .append(ReportTables.escape(scores.predictedClass(sample)))
                    .append("</b> ")
                    .append(ReportTables.percent(scores.confidence(sample)))
                    .append("<br>is ")
                    .append(ReportTables.escape(scores.trueClass(sample)))
                    .append("<br><small>")
                    .append(ReportTables.escape(ending(scores.name(sample))))
                    .append("</small></figcaption></figure>\n");
        }
        return html.append("</div>\n").toString();
    }

    /** The last part of a path. */
    private static String ending(String name) {
        return name.substring(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
    }

    /** Of many classes, those that are recognised worst are looked for. */
    private static boolean isWorstFirst(List<Scores.ClassRow> rows) {
        return rows.size() > MOST_IN_ORDER;
    }

    static String order(List<Scores.ClassRow> rows) {
        return isWorstFirst(rows) ? "<p>Those of the lowest accuracy first.</p>" : "";
    }

    static String classes(List<Scores.ClassRow> table) {
        List<Scores.ClassRow> rows = new ArrayList<>(table);
        if (isWorstFirst(rows)) {
            rows.sort(Comparator.comparingDouble(Scores.ClassRow::accuracy)); // those without samples last
        }
        StringBuilder html = new StringBuilder();
        for (Scores.ClassRow row : rows) {
            html.append("<tr><th scope=\"row\">")
                    .append(ReportTables.escape(row.name()))
                    .append("</th>");
            html.append(String.format(Locale.ROOT, "<td>%,d</td><td>%,d</td>", row.count(), row.right()));
            html.append("<td>")
                    .append(ReportTables.percent(row.accuracy()))
                    .append("</td>")
                    .append(bar(row.accuracy()));
            html.append("<td class=\"words\">");
            if (row.confusedWith() != null) {
                html.append(ReportTables.escape(row.confusedWith()))
                        .append(String.format(Locale.ROOT, " (%,d)", row.confused()));
            }
            html.append("</td></tr>\n");
        }
        return html.toString();
    }

    static String confusion(Scores scores, byte[] picture) {
        return "<img class=\"confusion\" alt=\"confusion matrix of "
                + scores.classes().names().size()
                + " classes; the table above has each class's most frequent confusion\""
                + " src=\"data:image/png;base64," + Base64.getEncoder().encodeToString(picture) + "\">";
    }

    static String skipped(Map<String, String> skipped) {
        if (skipped.isEmpty()) {
            return "<p>Every file could be read.</p>";
        }
        StringBuilder html = new StringBuilder("<p>")
                .append(skipped.size() == 1 ? "One file" : String.format(Locale.ROOT, "%,d files", skipped.size()))
                .append(" could not be read and took no part.</p>\n")
                .append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Skipped files\">")
                .append("<table class=\"skipped\"><thead><tr><th scope=\"col\">File</th>")
                .append("<th scope=\"col\">Reason</th></tr></thead>\n<tbody>\n");
        skipped.entrySet().stream().limit(MOST_SKIPPED).forEach(entry -> html.append("<tr><td>")
                .append(ReportTables.escape(entry.getKey()))
                .append("</td><td>")
                .append(ReportTables.escape(entry.getValue()))
                .append("</td></tr>\n"));
        html.append("</tbody></table></div>\n");
        if (skipped.size() > MOST_SKIPPED) {
            html.append("<p>evaluation.json has all of them; ")
                    .append(skipped.size() - MOST_SKIPPED)
                    .append(" are not listed here.</p>\n");
        }
        return html.toString();
    }
}
