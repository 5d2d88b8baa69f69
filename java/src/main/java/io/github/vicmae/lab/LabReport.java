package io.github.vicmae.lab;

import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.loss.UserLoss;
import io.github.vicmae.report.Plot;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Writes the findings as files: a page, a table, plots, and all of it as JSON. */
final class LabReport {
    /** The page's file name. */
    static final String PAGE = "index.html";

    private final LabSettings settings;
    private final UserLoss loss;
    private final Verdict verdict;
    private final List<String> notes;
    private final List<String> devices;
    private final List<Deviation> deviations;
    private final List<LossTiming> timings;

    LabReport(
            LabSettings settings,
            UserLoss loss,
            Verdict verdict,
            List<String> notes,
            List<String> devices,
            List<Deviation> deviations,
            List<LossTiming> timings) {
        this.settings = settings;
        this.loss = loss;
        this.verdict = verdict;
        this.notes = notes;
        this.devices = devices;
        this.deviations = deviations;
        this.timings = timings;
    }

    void write(Path folder) throws IOException {
        write(folder.resolve("table.md"), markdown());
        for (Map.Entry<String, Plot> plot : plots().entrySet()) {
            write(folder.resolve(plot.getKey()), plot.getValue().svg());
        }
        write(folder.resolve("lab.json"), json());
        write(folder.resolve(PAGE), page());
    }

    private static void write(Path file, String text) throws IOException {
        AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Times and memory in Markdown: a row for each loss and form, a column for each size. */
    static List<String> table(List<LossTiming> timings) {
        List<Integer> sizes = timings.stream().map(LossTiming::rows).distinct().toList();
        Map<String, Map<Integer, LossTiming>> rows = new LinkedHashMap<>();
        for (LossTiming t : timings) {
            String row = "| " + t.loss() + " | " + t.form().words() + " | " + t.device() + " |";
            rows.computeIfAbsent(row, r -> new LinkedHashMap<>()).put(t.rows(), t);
        }
        List<String> lines = new ArrayList<>();
        StringBuilder head = new StringBuilder("| loss | form | device |");
        StringBuilder rule = new StringBuilder("|---|---|---|");
        for (int size : sizes) {
            head.append(' ').append(size).append(" rows |");
            rule.append("---:|");
        }
        lines.add(head.toString());
        lines.add(rule.toString());
        rows.forEach((row, bySize) -> {
            StringBuilder line = new StringBuilder(row);
            for (int size : sizes) {
                LossTiming t = bySize.get(size);
                line.append(t == null ? " - |" : " " + t.cell() + " |");
            }
            lines.add(line.toString());
        });
        return lines;
    }

    private String markdown() {
        StringBuilder text = new StringBuilder("# " + settings.file().getFileName() + ": " + verdict + "\n\n");
        notes.forEach(note -> text.append(note).append("\n\n"));
        if (!deviations.isEmpty()) {
            text.append("| quantity | where | error | limit | |\n|---|---|---:|---:|---|\n");
            for (Deviation d : deviations) {
                text.append(String.format(
                        Locale.ROOT,
                        "| %s | %s | %.1e | %.0e | %s |%n",
                        d.quantity(),
                        d.where(),
                        d.error(),
                        d.limit(),
                        d.passes() ? "ok" : "WRONG: " + d.worst()));
            }
            text.append('\n');
        }
        if (!timings.isEmpty()) {
            text.append("Median time of both passes at width ")
                    .append(settings.width())
                    .append(", and memory beyond inputs and gradients:\n\n");
            table(timings).forEach(line -> text.append(line).append('\n'));
        }
        return text.toString();
    }

    /** A plot for each form and device, with a line for each loss; keys are file names. */
    private Map<String, Plot> plots() {
        Map<String, Plot> plots = new LinkedHashMap<>();
        Map<String, Map<String, List<LossTiming>>> lines = new LinkedHashMap<>();
        for (LossTiming t : timings) {
            String file = "plot-" + t.form().words() + "-" + t.device() + ".svg";
            plots.computeIfAbsent(
                    file,
                    f -> new Plot(
                            "Both passes at width " + settings.width() + ", "
                                    + t.form().words() + ", " + t.device(),
                            new Plot.Axis("rows", true),
                            new Plot.Axis("milliseconds", true)));
            if (!t.isMissing()) {
                lines.computeIfAbsent(file, f -> new LinkedHashMap<>())
                        .computeIfAbsent(t.loss(), l -> new ArrayList<>())
                        .add(t);
            }
        }
        lines.forEach((file, byLoss) -> byLoss.forEach((name, all) -> plots.get(file)
                .series(
                        name,
                        all.stream().mapToDouble(LossTiming::rows).toArray(),
                        all.stream().mapToDouble(LossTiming::milliseconds).toArray())));
        return plots;
    }

    private String json() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("file", settings.file().toString());
        all.put("hash", loss.hash());
        all.put("verdict", verdict.toString());
        all.put("like", settings.like());
        all.put("temperature", settings.temperature());
        all.put("width", settings.width());
        all.put("devices", devices);
        all.put("notes", notes);
        all.put("deviations", deviations);
        all.put("timings", timings);
        return SettingTree.prettyJson(all) + "\n";
    }

    private String page() {
        StringBuilder page =
                new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"
                        + escaped(settings.file().getFileName().toString())
                        + "</title>\n<style>body{font:15px/1.45 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1a1a1a}"
                        + "table{border-collapse:collapse;margin:1em 0}td,th{border-bottom:1px solid #ddd;padding:.25em .7em;text-align:left}"
                        + "pre{background:#f5f5f5;padding:.7em;overflow:auto;white-space:pre-wrap}.bad{color:#b00020;font-weight:bold}"
                        + ".good{color:#00703c;font-weight:bold}svg{max-width:100%}</style></head><body>\n");
        page.append("<h1>").append(escaped(settings.file().getFileName().toString()));
        page.append(": <span class=\"")
                .append(verdict == Verdict.CORRECT ? "good" : "bad")
                .append("\">")
                .append(verdict)
                .append("</span></h1>\n");
        page.append("<p>").append(escaped(method())).append("</p>\n");
        notes.forEach(note -> page.append("<pre>").append(escaped(note)).append("</pre>\n"));
        devices.forEach(device -> page.append("<p>").append(escaped(device)).append("</p>\n"));
        if (!timings.isEmpty()) {
            page.append("<h2>Time and memory</h2>\n");
            plots().values().forEach(plot -> page.append(plot.svg()));
            page.append(
                    "<p>Medians of both passes together, taken in turns; memory beyond inputs and gradients.</p>\n");
            rows(page, table(timings));
        }
        if (!deviations.isEmpty()) {
            page.append(
                    "<h2>Results</h2>\n<table><tr><th>quantity</th><th>where</th><th>error</th><th>limit</th><th></th></tr>\n");
            for (Deviation d : deviations) {
                page.append(String.format(
                        Locale.ROOT,
                        "<tr><td>%s</td><td>%s</td><td>%.1e</td><td>%.0e</td><td%s>%s</td></tr>%n",
                        d.quantity(),
                        escaped(d.where()),
                        d.error(),
                        d.limit(),
                        d.passes() ? "" : " class=\"bad\"",
                        d.passes() ? "ok" : escaped(d.worst())));
            }
            page.append("</table>\n");
        }
        return page.append("</body></html>\n").toString();
    }

    /** Describes the check; a loss that was found unsafe has no results. */
    private String method() {
        if (deviations.isEmpty()) {
            return "Its results were not checked.";
        }
        return (settings.like() == null
                        ? "Its gradient was compared with finite differences of the loss."
                        : "It was compared with the definition of " + settings.like() + " in double precision.")
                + " Temperature " + settings.temperature() + ".";
    }

    private static void rows(StringBuilder page, List<String> table) {
        page.append("<table>\n");
        for (int i = 0; i < table.size(); i++) {
            if (i != 1) { // the rule below the head
                String cell = i == 0 ? "th" : "td";
                page.append("<tr>");
                for (String value : table.get(i).substring(1).split("\\|")) {
                    page.append('<').append(cell).append('>').append(escaped(value.strip()));
                    page.append("</").append(cell).append('>');
                }
                page.append("</tr>\n");
            }
        }
        page.append("</table>\n");
    }

    private static String escaped(String words) {
        return words.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
