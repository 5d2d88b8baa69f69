package io.github.vicmae.report;

import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Several runs in one HTML page that needs no other file, no network and no script: a chart for each metric with a curve for each run, what each
 * run has reached, and the settings in which they differ.
 */
public final class Comparison {
    /** The charts are narrower than those of a report, which can be pointed at. */
    private static final int MOST_POINTS = 600;

    private final List<ComparedRun> runs = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private final List<XAxis> axes;
    private final boolean isComplete;

    /**
     * Reads runs. A folder without one hides no other: it is left out, with a remark.
     *
     * @param folders the runs' folders; one that is named twice is shown once
     * @param page where the page will be, which links to the runs' reports
     * @throws IOException if none of the folders holds a run whose metrics can be read
     */
    public Comparison(List<Path> folders, Path page) throws IOException {
        List<Path> distinct = distinct(folders);
        List<String> names = names(distinct);
        IOException first = null;
        for (int i = 0; i < distinct.size(); i++) {
            try {
                ComparedRun run = ComparedRun.read(distinct.get(i), names.get(i), page);
                runs.add(run);
                remark(run);
            } catch (IOException e) {
                first = first == null ? e : first;
                remarks.add(e.getMessage());
            }
        }
        isComplete = first == null;
        if (runs.isEmpty() && first != null) {
            throw first;
        }
        axes = XAxis.of(runs);
    }

    private List<Path> distinct(List<Path> folders) throws IOException {
        List<Path> distinct = new ArrayList<>();
        Set<Path> known = new HashSet<>();
        for (Path folder : folders) {
            if (known.add(Files.exists(folder) ? folder.toRealPath() : folder)) {
                distinct.add(folder);
            } else {
                remarks.add(folder + " is a run that was named before; it is shown once.");
            }
        }
        return distinct;
    }

    /** The folders' names, with as many folders above them as it takes to tell them apart. */
    static List<String> names(List<Path> folders) {
        List<Path> paths =
                folders.stream().map(f -> f.toAbsolutePath().normalize()).toList();
        int most = paths.stream().mapToInt(Path::getNameCount).max().orElse(1);
        for (int parts = 1; ; parts++) {
            int count = parts;
            List<String> names = paths.stream().map(path -> end(path, count)).toList();
            if (parts >= most || names.stream().distinct().count() == names.size()) {
                return names;
            }
        }
    }

    private static String end(Path path, int parts) {
        int count = path.getNameCount();
        return count == 0
                ? path.toString()
                : path.subpath(Math.max(0, count - parts), count).toString();
    }

    private void remark(ComparedRun run) {
        int unreadable = run.metrics().unreadableLines();
        if (unreadable > 0) {
            remarks.add(
                    run.name() + ": lines of the metrics that could not be read and are left out: " + unreadable + ".");
        }
        if (run.isEmpty()) {
            remarks.add(run.name() + ": the run has recorded no step yet.");
        } else if (!run.knowsSamples()) {
            remarks.add(
                    run.name() + ": its settings do not say how many samples a step takes (schedule.batch), so it has"
                            + " no curves by time or samples.");
        }
    }

    /** What a reader should know about the runs: whole sentences, which the page has too. */
    public List<String> remarks() {
        return List.copyOf(remarks);
    }

    /** Whether there was a run in each of the folders. */
    public boolean isComplete() {
        return isComplete;
    }

    /** The number of runs shown. */
    public int size() {
        return runs.size();
    }

    /**
     * Writes the page.
     *
     * @param page the HTML file; an old one is replaced
     * @throws IOException if it cannot be written; an old one is then unchanged
     */
    public void write(Path page) throws IOException {
        AtomicFile.write(page, html().getBytes(StandardCharsets.UTF_8));
    }

    String html() throws IOException {
        double[] dimensions =
                runs.stream().mapToDouble(ComparedRun::dimension).distinct().toArray();
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("title", runs.size() == 1 ? "One run" : runs.size() + " runs");
        parts.put("style", Page.resource("report.css") + Page.resource("compare.css"));
        parts.put("remarks", ComparisonTables.remarks(remarks));
        parts.put("accuracy", accuracy());
        parts.put("losses", figures(present(Chart.training())));
        parts.put("collapse", figures(present(Chart.collapse(dimensions.length == 1 ? dimensions[0] : Double.NaN))));
        parts.put("speed", figures(present(Chart.speed())));
        parts.put("results", ComparisonTables.results(runs, present(Chart.losses())));
        parts.put("differences", ComparisonTables.differences(runs));
        return Page.fill("compare.html", parts);
    }

    /** Charts of one series each that at least one run has. */
    private List<Chart> present(List<Chart> candidates) {
        return candidates.stream()
                .flatMap(chart -> chart.separate().stream())
                .filter(chart -> runs.stream()
                        .anyMatch(run -> !chart.present(run.metrics()).isEmpty()))
                .toList();
    }

    /** The section of the accuracy; nothing where no run has measured it. */
    private String accuracy() {
        List<Chart> charts = present(Chart.accuracy(Double.NaN));
        if (charts.isEmpty()) {
            return "";
        }
        long sets = runs.stream()
                .map(run -> run.metrics().monitor().id())
                .filter(id -> !id.isEmpty())
                .distinct()
                .count();
        return "<section aria-labelledby=\"accuracy\">\n<h2 id=\"accuracy\">k-NN accuracy</h2>\n"
                + (sets > 1
                        ? "<p>The runs were measured on different samples, so their accuracies cannot be compared.</p>\n"
                        : "")
                + "<div class=\"charts\">\n" + figures(charts) + "</div>\n</section>\n";
    }

    /** Each chart by each of the axes, of which the page's style shows one. */
    private String figures(List<Chart> charts) {
        StringBuilder html = new StringBuilder();
        for (Chart chart : charts) {
            html.append("<figure class=\"chart\"><figcaption>");
            html.append(ReportTables.escape(chart.title())).append("</figcaption>\n");
            html.append(ComparisonTables.legend(runs, chart.metric()));
            drawings(chart).forEach((id, svg) -> html.append("<div class=\"by-")
                    .append(id)
                    .append("\">")
                    .append(svg)
                    .append("</div>\n"));
            html.append("</figure>\n");
        }
        return html.length() == 0 ? "<p>The runs have recorded nothing of this yet.</p>" : html.toString();
    }

    /** A chart by each of the axes. */
    private Map<String, String> drawings(Chart chart) {
        Map<XAxis, CurveChart> drawings = new LinkedHashMap<>();
        axes.forEach(axis -> drawings.put(axis, new CurveChart(chart, axis)));
        for (int i = 0; i < runs.size(); i++) {
            ComparedRun run = runs.get(i);
            if (!chart.present(run.metrics()).isEmpty()) {
                Curve curve = run.metrics().curve(chart.metric()).thinned(MOST_POINTS);
                for (CurveChart drawing : drawings.values()) {
                    drawing.add(i, run, curve);
                }
            }
        }
        Map<String, String> svgs = new LinkedHashMap<>();
        drawings.forEach((axis, drawing) -> svgs.put(axis.id(), drawing.svg()));
        return svgs;
    }
}
