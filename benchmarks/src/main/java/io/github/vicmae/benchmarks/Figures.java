package io.github.vicmae.benchmarks;

import java.util.Locale;

/** Formats numbers for tables. */
final class Figures {
    private Figures() {}

    static String time(Double seconds) {
        if (seconds == null || Double.isNaN(seconds)) {
            return "";
        } else if (seconds < 1e-3) {
            return digits(seconds * 1e6) + " us";
        } else if (seconds < 1) {
            return digits(seconds * 1e3) + " ms";
        }
        return digits(seconds) + " s";
    }

    static String bytes(Double bytes) {
        if (bytes == null || Double.isNaN(bytes)) {
            return "";
        } else if (bytes < 10_000) {
            return digits(bytes) + " B";
        } else if (bytes < 1e7) {
            return digits(bytes / 1e3) + " kB";
        } else if (bytes < 1e10) {
            return digits(bytes / 1e6) + " MB";
        }
        return digits(bytes / 1e9) + " GB";
    }

    static String rate(double perSecond, double unit) {
        return Double.isNaN(perSecond) ? "" : digits(perSecond / unit);
    }

    static String share(double share) {
        return Double.isNaN(share) ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * share);
    }

    /** Three significant digits. */
    static String digits(double value) {
        double size = Math.abs(value);
        String format = size >= 99.95 ? "%.0f" : size >= 9.995 ? "%.1f" : "%.2f";
        return String.format(Locale.ROOT, format, value);
    }
}
