package io.github.vicmae.report;

import java.util.Locale;

/** The symbol of a point in a {@link Plot}. */
public enum Mark {
    DOT(true, ""),
    RING(false, ""),
    SQUARE(true, "M%.1f %.1fm-3.3 -3.3h6.6v6.6h-6.6z"),
    FRAME(false, "M%.1f %.1fm-3.3 -3.3h6.6v6.6h-6.6z"),
    TRIANGLE(true, "M%.1f %.1fm0 -4.4l4.2 7.4h-8.4z"),
    HOLLOW_TRIANGLE(false, "M%.1f %.1fm0 -4.4l4.2 7.4h-8.4z"),
    DIAMOND(false, "M%.1f %.1fm0 -4.8l4.8 4.8l-4.8 4.8l-4.8 -4.8z");

    private final boolean filled;
    private final String path; // from its centre; empty for a circle

    Mark(boolean filled, String path) {
        this.filled = filled;
        this.path = path;
    }

    /** The symbol at a place, with a tooltip, which has to be XML already. */
    String svg(double x, double y, String colour, String words) {
        String shape = path.isEmpty()
                ? String.format(Locale.ROOT, "circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"", x, y)
                : String.format(Locale.ROOT, "path d=\"" + path + "\"", x, y);
        String paint = filled
                ? " fill=\"" + colour + "\""
                : " fill=\"#ffffff\" fill-opacity=\"0.6\" stroke=\"" + colour + "\" stroke-width=\"1.6\"";
        String name = path.isEmpty() ? "circle" : "path";
        return "<" + shape + paint + "><title>" + words + "</title></" + name + ">\n";
    }
}
