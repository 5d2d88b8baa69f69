package io.github.vicmae.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** How a report begins: what was asked, and what came of it. */
final class ReportSummary {
    private static final List<String> LOSSES =
            List.of("loss", "reconstruction", "image_reconstruction", "clip_reconstruction", "contrastive");

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int MINUTE = 60;
    private static final int HOUR = 3600;

    private ReportSummary() {}

    /** What was asked: data, model, method, where and when. What an older run did not record is left out. */
    static String asked(ReportData data) {
        RunFacts facts = data.facts();
        Map<String, String> items = new LinkedHashMap<>();
        items.put("data", facts.data());
        items.put("where", paths(data.settings().getOrDefault("data", "")));
        items.put("method", method(data.settings()));
        items.put("model", facts.model());
        items.put("parameters", facts.parameters() == 0 ? "" : String.format(Locale.ROOT, "%,d", facts.parameters()));
        items.put("training", training(data));
        List<RunFacts.Session> sessions = facts.sessions();
        if (!sessions.isEmpty()) {
            RunFacts.Session last = sessions.get(sessions.size() - 1);
            items.put("command", sessions.get(0).command());
            items.put("last resumed by", sessions.size() == 1 ? "" : last.command());
            items.put("device", last.device());
            items.put("version", last.version());
            items.put("started", time(sessions.get(0).started()));
            items.put("duration", duration(facts.seconds()) + resumed(sessions));
        }
        StringBuilder html = new StringBuilder("<dl class=\"asked\">\n");
        items.forEach((name, value) -> {
            if (value != null && !value.isEmpty()) {
                html.append("<div><dt>").append(name).append("</dt><dd>");
                html.append(ReportTables.escape(value)).append("</dd></div>\n");
            }
        });
        html.append("</dl>\n");
        if (sessions.isEmpty()) {
            html.append("<p>Model, device, command and duration were not recorded: the run was made by an older"
                    + " version.</p>\n");
        }
        return html.toString();
    }

    /** The texts of a JSON array, as settings have it. */
    private static String paths(String json) {
        try {
            return String.join(", ", MAPPER.readValue(json, String[].class));
        } catch (JsonProcessingException e) {
            return json; // a file that was edited
        }
    }

    private static String method(Map<String, String> settings) {
        String method = settings.getOrDefault("model.objective.method", "");
        String contrast = settings.getOrDefault("model.objective.contrast", "");
        String mask = settings.getOrDefault("model.objective.maskRatio", "");
        return method
                + (contrast.isEmpty() ? "" : ", contrastive loss " + contrast)
                + (mask.isEmpty() || method.isEmpty() ? "" : ", mask ratio " + mask);
    }

    private static String training(ReportData data) {
        Map<String, String> settings = data.settings();
        String epochs = settings.getOrDefault("schedule.epochs", "");
        String batch = settings.getOrDefault("schedule.batch", "");
        if (epochs.isEmpty() || batch.isEmpty()) {
            return "";
        }
        String passes = settings.getOrDefault("schedule.accumulate", "1");
        String rate = ReportTables.number(data.metrics().curve("learning_rate").largest());
        return epochs + " epochs, " + batch + " samples" + (passes.equals("1") ? "" : " times " + passes + " passes")
                + " a step, learning rate up to " + rate + ", seed " + settings.getOrDefault("seed", "unknown");
    }

    /** ISO 8601 as people read it. */
    private static String time(String iso) {
        return iso.replace('T', ' ').replaceAll("\\.\\d+", "").replaceAll("Z$", " UTC");
    }

    private static String resumed(List<RunFacts.Session> sessions) {
        int times = sessions.size() - 1;
        return times == 0 ? "" : ", resumed " + (times == 1 ? "once" : times + " times");
    }

    static String duration(double seconds) {
        long whole = Math.round(seconds);
        if (whole < MINUTE) {
            return whole + " s";
        }
        return whole < HOUR
                ? String.format(Locale.ROOT, "%d min %02d s", whole / MINUTE, whole % MINUTE)
                : String.format(Locale.ROOT, "%,d h %02d min", whole / HOUR, whole % HOUR / MINUTE);
    }

    /** What came of it: accuracies, losses, the verdict on collapse, and the same pictures early and late. */
    static String outcome(ReportData data) {
        if (!data.isPreTraining()) {
            return results(data.results()) + tested(data.metrics()) + losses(data.metrics());
        }
        CollapseVerdict verdict = CollapseVerdict.of(data.metrics());
        return results(data.results())
                + knn(data.metrics())
                + losses(data.metrics())
                + comparison(data.metrics())
                + "<p class=\"verdict " + verdict.state().name().toLowerCase(Locale.ROOT) + "\">"
                + ReportTables.escape(verdict.sentence()) + "</p>\n"
                + earlyAndLate(data.snapshots());
    }

    private static String results(AccuracyTable results) {
        if (results.rows().isEmpty()) {
            return "";
        }
        StringBuilder html = table(results.title());
        for (Evaluation.Row row : results.rows()) {
            row(html, row.name(), row.accuracy(), row.error());
        }
        return html.append("</tbody></table>\n").toString();
    }

    private static String tested(MetricLog log) {
        double last = log.last(MetricLog.TEST_ACCURACY);
        if (Double.isNaN(last)) {
            return "";
        }
        StringBuilder html =
                table("Top-1 accuracy on test samples, one view of each; the folder test has the whole test");
        row(html, "last", last, 0);
        row(html, "best", log.curve(MetricLog.TEST_ACCURACY).largest(), 0);
        return html.append("</tbody></table>\n").toString();
    }

    private static String knn(MetricLog log) {
        MonitorFacts facts = log.monitor();
        Curve curve = log.curve(MetricLog.KNN);
        double last = log.last(MetricLog.KNN);
        if (!facts.isPresent() || Double.isNaN(last)) {
            return "";
        }
        StringBuilder html = table("k-NN accuracy: " + facts.how());
        row(html, "encoder after step " + number(curve.steps()[curve.steps().length - 1]), last, facts.error(last));
        int best = 0;
        for (int i = 1; i < curve.values().length; i++) {
            best = curve.values()[i] > curve.values()[best] ? i : best;
        }
        double most = curve.values()[best];
        if (most > last) {
            row(html, "best, after step " + number(curve.steps()[best]), most, facts.error(most));
        }
        row(html, "untrained encoder", facts.untrained(), facts.error(facts.untrained()));
        if (!Double.isNaN(facts.pixels())) {
            row(html, "raw pixels", facts.pixels(), facts.error(facts.pixels()));
        }
        row(html, "chance", facts.chance(), 0);
        return html.append("</tbody></table>\n").toString();
    }

    private static String comparison(MetricLog log) {
        double last = log.last(MetricLog.KNN);
        return Double.isNaN(last) || !log.monitor().isPresent() ? "" : "<p>" + beside(log.monitor(), last) + "</p>\n";
    }

    private static String number(double step) {
        return String.format(Locale.ROOT, "%,.0f", step);
    }

    /** Whether the encoder is better than what it began as, in words: two standard errors of the difference count as a difference. */
    static String beside(MonitorFacts facts, double last) {
        double other = Double.isNaN(facts.pixels()) ? facts.untrained() : Math.max(facts.untrained(), facts.pixels());
        String what = Double.isNaN(facts.pixels())
                ? "an untrained encoder"
                : facts.pixels() > facts.untrained() ? "raw pixels" : "an untrained encoder";
        double error = Math.hypot(facts.error(last), facts.error(other));
        double points = 100 * (last - other);
        String by = String.format(Locale.ROOT, "%.1f points", Math.abs(points));
        if (Math.abs(last - other) <= 2 * error) {
            return "No clear difference from " + what + ": " + by + " lie within twice the standard error.";
        }
        return points > 0
                ? "The encoder is better than " + what + " by " + by + "."
                : "The encoder is worse than " + what + " by " + by
                        + ": what it has learned is not what tells these classes apart.";
    }

    private static StringBuilder table(String title) {
        return new StringBuilder("<table class=\"results\"><caption>")
                .append(ReportTables.escape(title))
                .append("</caption>\n<tbody>\n");
    }

    private static void row(StringBuilder html, String name, double accuracy, double error) {
        html.append("<tr><th scope=\"row\">").append(ReportTables.escape(name)).append("</th><td>");
        html.append(ReportTables.percent(accuracy)).append("</td><td>");
        html.append(error == 0 ? "" : String.format(Locale.ROOT, "\u00b1 %.1f", 100 * error));
        html.append("</td></tr>\n");
    }

    /** Each loss at the beginning and at the end, as means over a few steps, since single steps are noisy. */
    private static String losses(MetricLog log) {
        StringBuilder rows = new StringBuilder();
        for (String name : LOSSES) {
            Curve curve = log.curve(name);
            if (curve.values().length > 0) {
                rows.append("<tr><th scope=\"row\">").append(name.equals("loss") ? "total" : name.replace('_', ' '));
                rows.append("</th><td>")
                        .append(ReportTables.number(curve.smooth()[0]))
                        .append("</td><td>");
                rows.append(ReportTables.number(curve.smooth()[curve.smooth().length - 1]));
                rows.append("</td></tr>\n");
            }
        }
        return rows.length() == 0
                ? "<p>No step was recorded yet.</p>\n"
                : "<table class=\"results\"><caption>Losses</caption>\n<thead><tr><td></td><th scope=\"col\">first</th>"
                        + "<th scope=\"col\">last</th></tr></thead>\n<tbody>\n" + rows + "</tbody></table>\n";
    }

    /** The first and the last reconstructions of the same samples, beside their originals. */
    private static String earlyAndLate(Map<String, byte[]> snapshots) {
        List<String> names = List.copyOf(snapshots.keySet());
        List<String> steps =
                names.stream().filter(name -> name.startsWith("step ")).toList();
        if (steps.size() < 2) {
            return "";
        }
        Map<String, String> shown = new LinkedHashMap<>();
        for (String name : List.of("input", "masked")) {
            if (snapshots.containsKey(name)) {
                shown.put(name, name);
            }
        }
        shown.put(steps.get(0).equals("step 0") ? "untrained" : steps.get(0), steps.get(0));
        shown.put("after " + steps.get(steps.size() - 1), steps.get(steps.size() - 1));
        StringBuilder html = new StringBuilder("<h3>The same samples early and late</h3>\n<div class=\"early\">\n");
        shown.forEach((title, name) -> {
            html.append("<figure><img alt=\"the samples, ").append(title);
            html.append("\" src=\"data:image/png;base64,");
            html.append(Base64.getEncoder().encodeToString(snapshots.get(name)));
            html.append("\"><figcaption>").append(title).append("</figcaption></figure>\n");
        });
        return html.append("</div>\n").toString();
    }
}
