package io.github.vicmae.report;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A line plot with linear or logarithmic axes, as one self-contained SVG file. The same values give the same bytes on every machine.
 */
public final class Plot {
    private static final int WIDTH = 820;
    private static final int HEIGHT = 440;
    private static final int LEFT = 76;
    private static final int RIGHT = 230;
    private static final int TOP = 40;
    private static final int BOTTOM = 56;
    private static final int LEGEND = WIDTH - RIGHT + 14;
    private static final int LEGEND_LINE = 18;
    private static final String GREY = "#777777";
    /** The palette of Okabe and Ito (2008), which colour-blind readers can tell apart. */
    private static final List<String> COLOURS =
            List.of("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d00");

    /**
     * An axis.
     *
     * @param label what it shows, with its unit
     * @param logarithmic to the base of ten; then only values above 0 are drawn
     */
    public record Axis(String label, boolean logarithmic) {
        double place(double value) {
            return logarithmic ? Math.log10(value) : value;
        }

        boolean shows(double value) {
            return Double.isFinite(value) && (!logarithmic || value > 0);
        }
    }

    private enum Style {
        LINE,
        POINTS,
        GUIDE
    }

    private record Series(String name, double[] x, double[] y, Style style, Mark mark) {
        boolean isGuide() {
            return style == Style.GUIDE;
        }

        /** The first line of the name. */
        String title() {
            return name.lines().findFirst().orElse("");
        }
    }

    private final String title;
    private final Axis horizontal;
    private final Axis vertical;
    private final List<Series> series = new ArrayList<>();
    private final Map<Mark, String> marks = new EnumMap<>(Mark.class);
    private double[] sizes;
    private double left = Double.POSITIVE_INFINITY;
    private double right = Double.NEGATIVE_INFINITY;
    private double bottom = Double.POSITIVE_INFINITY;
    private double top = Double.NEGATIVE_INFINITY;

    public Plot(String title, Axis horizontal, Axis vertical) {
        this.title = title;
        this.horizontal = horizontal;
        this.vertical = vertical;
    }

    /**
     * Adds points joined by a line, in their order. Points that an axis cannot show (not finite, or not above 0 on a logarithmic one) are omitted.
     * Further lines of the name are remarks below it in the legend.
     *
     * @throws IllegalArgumentException if there are not as many x as y
     */
    public Plot series(String name, double[] x, double[] y) {
        return add(name, x, y, Style.LINE, Mark.DOT);
    }

    /** Adds points without a line. Points of one name share a colour and a line of the legend. */
    public Plot points(String name, Mark mark, double[] x, double[] y) {
        return add(name, x, y, Style.POINTS, mark);
    }

    /** Explains a mark in the legend. */
    public Plot mark(Mark mark, String words) {
        marks.put(mark, words);
        return this;
    }

    /** Puts the ticks of the horizontal axis at these values, such as the sizes measured, instead of round ones. */
    public Plot ticksAt(double... values) {
        sizes = values.clone();
        return this;
    }

    /** Adds a dashed line without marks, such as a limit; it does not widen the axes' ranges once a series has set them. */
    public Plot guide(String name, double[] x, double[] y) {
        return add(name, x, y, Style.GUIDE, Mark.DOT);
    }

    private Plot add(String name, double[] x, double[] y, Style style, Mark mark) {
        if (x.length != y.length) {
            throw new IllegalArgumentException(
                    "The series '" + name + "' has " + x.length + " x values but " + y.length + " y values");
        }
        series.add(new Series(name, x.clone(), y.clone(), style, mark));
        return this;
    }

    /** Whether there is a point to draw. */
    public boolean isEmpty() {
        return series.stream().noneMatch(s -> !s.isGuide() && points(s) > 0);
    }

    private int points(Series s) {
        int count = 0;
        for (int i = 0; i < s.x.length; i++) {
            count += isShown(s, i) ? 1 : 0;
        }
        return count;
    }

    private boolean isShown(Series s, int i) {
        return horizontal.shows(s.x[i]) && vertical.shows(s.y[i]);
    }

    /** The plot as SVG. A plot without points says so in words. */
    public String svg() {
        StringBuilder svg = new StringBuilder();
        svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ")
                .append(WIDTH)
                .append(' ')
                .append(HEIGHT)
                .append("\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"")
                .append(WIDTH)
                .append("\" height=\"")
                .append(HEIGHT)
                .append("\" fill=\"#ffffff\"/>\n");
        text(svg, LEFT, 24, "start", "#1a1a1a", "font-size=\"15\" font-weight=\"bold\"", title);
        if (isEmpty()) {
            text(svg, WIDTH / 2.0, HEIGHT / 2.0, "middle", "#555555", "", "Nothing was measured.");
        } else {
            ranges();
            svg.append("<clipPath id=\"area\"><path d=\"M")
                    .append(LEFT + " " + TOP + "H" + (WIDTH - RIGHT) + "V" + (HEIGHT - BOTTOM) + "H" + LEFT)
                    .append("z\"/></clipPath>\n");
            grid(svg);
            Map<String, String> colours = new HashMap<>();
            int row = 0;
            for (Series s : series) {
                boolean known = !s.isGuide() && colours.containsKey(s.name);
                String colour = s.isGuide()
                        ? GREY
                        : colours.computeIfAbsent(s.name, n -> COLOURS.get(colours.size() % COLOURS.size()));
                draw(svg, s, colour);
                row = known ? row : legend(svg, s, colour, row);
            }
            for (Map.Entry<Mark, String> entry : marks.entrySet()) {
                double at = TOP + 10 + row * LEGEND_LINE;
                svg.append(entry.getKey().svg(LEGEND + 11, at, GREY, escaped(entry.getValue())));
                text(svg, LEGEND + 28, at + 4, "start", "#1a1a1a", "", entry.getValue());
                row++;
            }
        }
        return svg.append("</svg>\n").toString();
    }

    private void ranges() {
        for (Series s : series) {
            for (int i = 0; i < s.x.length; i++) {
                if (!s.isGuide() && isShown(s, i)) {
                    left = Math.min(left, horizontal.place(s.x[i]));
                    right = Math.max(right, horizontal.place(s.x[i]));
                    bottom = Math.min(bottom, vertical.place(s.y[i]));
                    top = Math.max(top, vertical.place(s.y[i]));
                }
            }
        }
        // Limits slightly above the data stay visible.
        for (Series s : series) {
            for (int i = 0; i < s.x.length; i++) {
                if (s.isGuide() && isShown(s, i)) {
                    double place = vertical.place(s.y[i]);
                    double reach = vertical.logarithmic ? top + 1 : top + 0.5 * Math.abs(top);
                    top = place <= reach ? Math.max(top, place) : top;
                }
            }
        }
        bottom = vertical.logarithmic ? bottom : Math.min(0, bottom);
        double wide = right - left;
        double high = top - bottom;
        left -= wide == 0 ? 0.5 : 0.03 * wide;
        right += wide == 0 ? 0.5 : 0.03 * wide;
        bottom -= high == 0 ? 0.5 : vertical.logarithmic || bottom < 0 ? 0.05 * high : 0;
        top += high == 0 ? 0.5 : 0.06 * high;
    }

    private double x(double place) {
        return LEFT + (place - left) / (right - left) * (WIDTH - LEFT - RIGHT);
    }

    private double y(double place) {
        return HEIGHT - BOTTOM - (place - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM);
    }

    private void grid(StringBuilder svg) {
        double free = Double.NEGATIVE_INFINITY;
        for (double value : sizes == null ? ticks(horizontal, left, right) : sizes) {
            double at = x(horizontal.place(value));
            line(svg, at, TOP, at, HEIGHT - BOTTOM, "#e3e3e3");
            String label = sizes == null ? label(value) : whole(value);
            double half = 4.0 * label.length();
            if (at - half >= free) { // or it would overlap the label before it
                text(svg, at, HEIGHT - BOTTOM + 17, "middle", "#333333", "", label);
                free = at + half;
            }
        }
        for (double value : ticks(vertical, bottom, top)) {
            double at = y(vertical.place(value));
            line(svg, LEFT, at, WIDTH - RIGHT, at, "#e3e3e3");
            text(svg, LEFT - 7, at + 4, "end", "#333333", "", label(value));
        }
        line(svg, LEFT, TOP, LEFT, HEIGHT - BOTTOM, "#333333");
        line(svg, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "#333333");
        text(svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14, "middle", "#333333", "", horizontal.label);
        double middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        String turned = "transform=\"rotate(-90 18 " + number(middle) + ")\"";
        text(svg, 18, middle, "middle", "#333333", turned, vertical.label);
    }

    /** Round values between two places: powers of ten and their parts, or steps of 1, 2 or 5. */
    static double[] ticks(Axis axis, double from, double to) {
        List<Double> ticks = new ArrayList<>();
        if (axis.logarithmic) {
            double decades = to - from;
            double[] parts = decades > 3.5
                    ? new double[] {1}
                    : decades > 1.8
                            ? new double[] {1, 3}
                            : decades > 0.95 ? new double[] {1, 2, 5} : new double[] {1, 2, 3, 5, 7};
            for (int power = (int) Math.floor(from); power <= Math.ceil(to); power++) {
                for (double part : parts) {
                    double value = part * Math.pow(10, power);
                    if (Math.log10(value) >= from && Math.log10(value) <= to) {
                        ticks.add(value);
                    }
                }
            }
        } else {
            double rough = (to - from) / 6;
            double unit = Math.pow(10, Math.floor(Math.log10(rough)));
            double step = unit * (rough / unit > 5 ? 10 : rough / unit > 2 ? 5 : rough / unit > 1 ? 2 : 1);
            for (long i = (long) Math.ceil(from / step); i * step <= to; i++) {
                ticks.add(i * step);
            }
        }
        return ticks.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private static String label(double value) {
        double size = Math.abs(value);
        if (size >= 1e9) {
            return plain(value / 1e9) + "G";
        } else if (size >= 1e6) {
            return plain(value / 1e6) + "M";
        } else if (size >= 1e4) {
            return plain(value / 1e3) + "k";
        }
        return plain(value);
    }

    /** A size in full: readers know 65536, not 65.54k. */
    private static String whole(double value) {
        return value == Math.rint(value) ? String.valueOf((long) value) : plain(value);
    }

    /** Up to four significant digits, without trailing zeros. */
    private static String plain(double value) {
        if (value == 0) {
            return "0";
        }
        return new java.math.BigDecimal(value)
                .round(new java.math.MathContext(4))
                .stripTrailingZeros()
                .toPlainString();
    }

    private void draw(StringBuilder svg, Series s, String colour) {
        StringBuilder path = new StringBuilder();
        StringBuilder points = new StringBuilder();
        boolean joined = false;
        for (int i = 0; i < s.x.length; i++) {
            if (!isShown(s, i)) {
                joined = false;
                continue;
            }
            double x = x(horizontal.place(s.x[i]));
            double y = y(vertical.place(s.y[i]));
            path.append(joined ? "L" : "M").append(number(x)).append(' ').append(number(y));
            joined = true;
            String who = s.style == Style.POINTS && marks.containsKey(s.mark)
                    ? s.title() + ", " + marks.get(s.mark)
                    : s.title();
            points.append(s.mark.svg(x, y, colour, escaped(who + ": " + plain(s.x[i]) + ", " + plain(s.y[i]))));
        }
        if (path.length() > 0 && s.style != Style.POINTS) {
            svg.append("<path d=\"")
                    .append(path)
                    .append("\" fill=\"none\" stroke=\"")
                    .append(colour);
            svg.append("\" stroke-width=\"1.8\" clip-path=\"url(#area)\"")
                    .append(dashes(s))
                    .append("/>\n");
        }
        svg.append(s.isGuide() ? "" : points);
    }

    private static String dashes(Series s) {
        return s.isGuide() ? " stroke-dasharray=\"6 4\"" : "";
    }

    /** A series' line of the legend, and its remarks below; the row after them. */
    private static int legend(StringBuilder svg, Series s, String colour, int row) {
        double at = TOP + 10 + row * LEGEND_LINE;
        boolean points = s.style == Style.POINTS; // a dot is a short line with round ends
        svg.append("<path d=\"M")
                .append(points ? LEGEND + 11 : LEGEND)
                .append(' ')
                .append(number(at))
                .append(points ? "h0.1\" stroke-linecap=\"round\" stroke-width=\"7" : "h22\" stroke-width=\"2.5")
                .append("\" stroke=\"")
                .append(colour)
                .append('"')
                .append(dashes(s))
                .append("/>\n");
        for (String line : s.name.lines().toList()) {
            String tint = line.equals(s.title()) ? "#1a1a1a" : "#555555";
            text(svg, LEGEND + 28, TOP + 14 + row++ * LEGEND_LINE, "start", tint, "", line);
        }
        return row;
    }

    private static void line(StringBuilder svg, double x1, double y1, double x2, double y2, String colour) {
        svg.append("<path d=\"M")
                .append(number(x1))
                .append(' ')
                .append(number(y1))
                .append('L')
                .append(number(x2));
        svg.append(' ').append(number(y2)).append("\" stroke=\"").append(colour).append("\"/>\n");
    }

    private static void text(
            StringBuilder svg, double x, double y, String anchor, String colour, String more, String words) {
        svg.append("<text x=\"")
                .append(number(x))
                .append("\" y=\"")
                .append(number(y))
                .append("\" text-anchor=\"");
        svg.append(anchor).append("\" fill=\"").append(colour).append('"').append(more.isEmpty() ? "" : " " + more);
        svg.append('>').append(escaped(words)).append("</text>\n");
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    private static String escaped(String words) {
        return words.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
