package io.github.vicmae.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;

/** One metric of several runs as inline SVG, in the colours of the page's style. */
final class CurveChart {
    private static final int WIDTH = 440;
    private static final int HEIGHT = 240;
    private static final int TOP = 12;
    private static final int BOTTOM = HEIGHT - 38;
    private static final int RIGHT = WIDTH - 16;
    private static final double CHARACTER = 7.4; // width of a digit
    /** Of a curve with more points they are not marked. */
    private static final int MOST_DOTS = 40;

    /** A run's curve, whose points lie at x; the run's number gives it its colour. */
    private record Line(int run, String name, double[] x, Curve curve) {
        /** Whether a moving mean is drawn over what was recorded. */
        boolean isSmoothed(Chart chart) {
            return chart.noisy() && curve.window() > 1;
        }

        double[] strong(Chart chart) {
            return isSmoothed(chart) ? curve.smooth() : curve.values();
        }
    }

    private final Chart chart;
    private final XAxis axis;
    private final List<Line> lines = new ArrayList<>();
    private double left;
    private double last;
    private double low;
    private double high;

    CurveChart(Chart chart, XAxis axis) {
        this.chart = chart;
        this.axis = axis;
    }

    /** Adds a run's curve. Where the run's place on the axis is not known nothing is drawn. */
    void add(int number, ComparedRun run, Curve curve) {
        double[] x = axis.places(run, curve.steps());
        if (Arrays.stream(x).anyMatch(Double::isFinite)) {
            lines.add(new Line(number, run.name(), x, curve));
        }
    }

    /** The picture, or a sentence where there is nothing to draw. */
    String svg() {
        if (lines.isEmpty()) {
            return "<p>Not known of any of the runs.</p>";
        }
        ranges();
        double[] ticks = Plot.ticks(new Plot.Axis("", false), low, high);
        left = 12
                + CHARACTER
                        * Arrays.stream(ticks)
                                .mapToObj(ReportTables::number)
                                .mapToInt(String::length)
                                .max()
                                .orElse(1);
        StringBuilder svg = new StringBuilder();
        svg.append("<svg viewBox=\"0 0 " + WIDTH + " " + HEIGHT + "\" role=\"img\" aria-label=\"");
        svg.append(ReportTables.escape(chart.title() + ", by " + axis.label())).append("\">\n");
        for (double tick : ticks) {
            rule(svg, "grid", tick);
            text(svg, left - 6, y(tick) + 4, "end", ReportTables.number(tick));
        }
        horizontalAxis(svg);
        if (!Double.isNaN(chart.reference())) {
            rule(svg, "reference", chart.reference());
            text(svg, RIGHT - 4, y(chart.reference()) + 14, "end", chart.referenceName());
        }
        lines.stream()
                .filter(line -> line.isSmoothed(chart))
                .forEach(line -> path(svg, "raw", line, line.curve.values()));
        for (Line line : lines) {
            path(svg, "strong", line, line.strong(chart));
            dots(svg, line);
        }
        return svg.append("</svg>\n").toString();
    }

    private void ranges() {
        last = lines.stream()
                .flatMapToDouble(line -> Arrays.stream(line.x))
                .filter(Double::isFinite)
                .max()
                .orElse(0);
        last = last > 0 ? last : 1;
        double[] shown = lines.stream()
                .flatMapToDouble(line ->
                        DoubleStream.concat(Arrays.stream(line.curve.values()), Arrays.stream(line.strong(chart))))
                .filter(Double::isFinite)
                .toArray();
        low = Arrays.stream(shown).min().orElse(0);
        high = Arrays.stream(shown).max().orElse(1);
        if (!Double.isNaN(chart.reference())) {
            low = Math.min(low, chart.reference());
            high = Math.max(high, chart.reference());
        }
        boolean fromZero = chart.zero() && low >= 0;
        if (chart.zero()) {
            low = Math.min(0, low);
            high = Math.max(0, high);
        }
        double room = high == low ? Math.max(0.1 * Math.abs(low), 1e-6) : 0.06 * (high - low);
        low -= fromZero ? 0 : room;
        high += room;
    }

    private double x(double place) {
        return left + place / last * (RIGHT - left);
    }

    private double y(double value) {
        return BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP);
    }

    private void rule(StringBuilder svg, String type, double value) {
        svg.append(
                String.format(Locale.ROOT, "<path class=\"%s\" d=\"M%.1f,%.1fH%d\"/>\n", type, left, y(value), RIGHT));
    }

    private void horizontalAxis(StringBuilder svg) {
        double free = 0;
        for (double tick : Plot.ticks(new Plot.Axis("", false), 0, last)) {
            String label = ReportTables.number(tick);
            double half = CHARACTER / 2 * label.length();
            double at = Math.min(x(tick), WIDTH - half - 1);
            svg.append(String.format(Locale.ROOT, "<path class=\"axis\" d=\"M%.1f,%dv4\"/>\n", x(tick), BOTTOM));
            if (at - half > free) { // or it would overlap the label before it
                text(svg, at, BOTTOM + 17, "middle", label);
                free = at + half;
            }
        }
        svg.append(String.format(Locale.ROOT, "<path class=\"axis\" d=\"M%.1f,%dH%d\"/>\n", left, BOTTOM, RIGHT));
        text(svg, (left + RIGHT) / 2, HEIGHT - 4, "middle", axis.label());
    }

    private static void text(StringBuilder svg, double x, double y, String anchor, String words) {
        svg.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor));
        svg.append(ReportTables.escape(words)).append("</text>\n");
    }

    /** A value that is not finite leaves a gap. */
    private void path(StringBuilder svg, String type, Line line, double[] values) {
        StringBuilder path = new StringBuilder();
        boolean joined = false;
        for (int i = 0; i < values.length; i++) {
            boolean shown = Double.isFinite(values[i]) && Double.isFinite(line.x[i]);
            if (shown) {
                path.append(
                        String.format(Locale.ROOT, joined ? "L%.1f,%.1f" : "M%.1f,%.1f", x(line.x[i]), y(values[i])));
            }
            joined = shown;
        }
        svg.append("<path class=\"line ").append(type).append(' ').append(style(line.run));
        svg.append("\" d=\"").append(path).append("\"><title>");
        svg.append(ReportTables.escape(line.name)).append("</title></path>\n");
    }

    private void dots(StringBuilder svg, Line line) {
        double[] values = line.curve.values();
        if (values.length > MOST_DOTS) {
            return;
        }
        for (int i = 0; i < values.length; i++) {
            if (Double.isFinite(values[i]) && Double.isFinite(line.x[i])) {
                svg.append("<circle class=\"").append(style(line.run));
                svg.append(String.format(
                        Locale.ROOT, "\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>", x(line.x[i]), y(values[i])));
                svg.append(ReportTables.escape(line.name)).append(": ").append(ReportTables.number(values[i]));
                svg.append("</title></circle>\n");
            }
        }
    }

    /** The classes of a run's lines: of eight colours, and then with dashes the same again. */
    static String style(int run) {
        return "run" + run % 8 + (run < 8 ? "" : " dash" + Math.min(2, run / 8));
    }
}
