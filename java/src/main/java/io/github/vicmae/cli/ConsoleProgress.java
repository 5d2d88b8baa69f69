package io.github.vicmae.cli;

import io.github.vicmae.objective.Losses;
import io.github.vicmae.train.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.function.IntSupplier;

/**
 * A progress bar on a terminal; elsewhere a line every ten seconds, without control characters. A line is never longer than the terminal is wide at
 * present.
 */
final class ConsoleProgress implements Progress, AutoCloseable {
    private static final int LONGEST_BAR = 24;
    private static final int SHORTEST_BAR = 4;
    private static final long TERMINAL_NANOS = 200_000_000L;
    private static final long LOG_NANOS = 10_000_000_000L;
    private static final String CLEAR_TO_END = "\u001b[K";
    /** Less waiting for data is not worth a remark. */
    private static final double NOTABLE_WAITING = 0.05;

    private final PrintWriter err;
    private final boolean redraws;
    private final IntSupplier columns;
    private final Runnable onClose;
    private long last = System.nanoTime() - LOG_NANOS;
    /** What the bar shows; null while there is none on the cursor's line. */
    private Update drawn;

    ConsoleProgress(PrintWriter err) {
        this(err, Terminal.of(err));
    }

    private ConsoleProgress(PrintWriter err, Terminal terminal) {
        this(err, terminal.isPresent(), terminal::columns, terminal::close);
    }

    /**
     * @param redraws whether the output is a terminal, on which a line can be drawn anew
     * @param columns its width at present
     * @param onClose what is no longer needed afterwards
     */
    ConsoleProgress(PrintWriter err, boolean redraws, IntSupplier columns, Runnable onClose) {
        this.err = err;
        this.redraws = redraws;
        this.columns = columns;
        this.onClose = onClose;
    }

    @Override
    public void started(String message) {
        note(message);
    }

    @Override
    public synchronized void step(Update u) {
        long now = System.nanoTime();
        boolean end = u.step() == u.totalSteps();
        if (!end && now - last < (redraws ? TERMINAL_NANOS : LOG_NANOS)) {
            return;
        }
        last = now;
        if (redraws) {
            drawn = u;
            err.print(bar());
            err.flush();
        } else {
            err.println(forms(u)[0]);
        }
    }

    /** The line that replaces the one before it. */
    private String bar() {
        return "\r" + line(drawn, width()) + CLEAR_TO_END;
    }

    private int width() {
        return Math.max(1, columns.getAsInt() - 1); // some terminals wrap a full line
    }

    /** As much as fits, and a bar if there is room for one; position and remaining time take precedence over the losses. */
    static String line(Update u, int width) {
        for (String form : forms(u)) {
            if (form.length() <= width) {
                return bar(u, width - form.length()) + form;
            }
        }
        String steps = u.step() + "/" + u.totalSteps();
        return steps.length() <= width ? steps : steps.substring(0, width);
    }

    /** What is said of a step, in full and with less and less. */
    private static String[] forms(Update u) {
        String steps = u.step() + "/" + u.totalSteps();
        String epoch = String.format(Locale.ROOT, "  epoch %.1f", u.epoch());
        String loss = String.format(Locale.ROOT, "  loss %.4f", u.losses().total());
        String parts = u.losses().names().length < 2 ? "" : " (" + parts(u.losses()) + ")";
        String rate = String.format(Locale.ROOT, "  %.1f samples/s", u.samplesPerSecond());
        String waiting = u.waiting() > NOTABLE_WAITING
                ? String.format(Locale.ROOT, "  waiting for data %.0f%%", 100 * u.waiting())
                : "";
        String left = "  " + format(u.remaining()) + " left";
        String accuracy = Double.isNaN(u.accuracy())
                ? ""
                : String.format(Locale.ROOT, "  %s %.1f%%", u.measure(), 100 * u.accuracy());
        return new String[] {
            steps + epoch + loss + parts + accuracy + rate + waiting + left,
            steps + loss + parts + accuracy + rate + waiting + left,
            steps + loss + accuracy + rate + waiting + left,
            steps + loss + accuracy + rate + left,
            steps + loss + accuracy + left,
            steps + left
        };
    }

    /** The parts of the loss, by short names. */
    private static String parts(Losses losses) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < losses.names().length; i++) {
            String name =
                    switch (losses.names()[i]) {
                        case Losses.RECONSTRUCTION -> "recon %.4f";
                        case Losses.CONTRASTIVE -> "contrast %.3f";
                        default -> losses.names()[i].replaceAll("_.*", "") + " %.4f";
                    };
            text.append(i == 0 ? "" : ", ").append(String.format(Locale.ROOT, name, losses.values()[i]));
        }
        return text.toString();
    }

    private static String bar(Update u, int room) {
        int length = Math.min(LONGEST_BAR, room - "[] ".length());
        if (length < SHORTEST_BAR) {
            return "";
        }
        int full = (int) (length * u.step() / u.totalSteps());
        return "[" + "#".repeat(full) + ".".repeat(length - full) + "] ";
    }

    private static String format(Duration d) {
        return d.toHours() > 0
                ? String.format(Locale.ROOT, "%dh%02dm", d.toHours(), d.toMinutesPart())
                : String.format(Locale.ROOT, "%dm%02ds", d.toMinutes(), d.toSecondsPart());
    }

    /** Prints a line above the bar. */
    @Override
    public synchronized void warning(String message) {
        String line = "warning: " + message + System.lineSeparator();
        err.print(drawn == null ? line : "\r" + CLEAR_TO_END + line + bar());
        err.flush();
    }

    /** Prints a line below the bar, which stays as it is. */
    synchronized void note(String message) {
        leaveBar();
        err.println(message);
    }

    private void leaveBar() {
        if (drawn != null) {
            err.println();
            drawn = null;
        }
    }

    @Override
    public synchronized void close() {
        leaveBar();
        onClose.run();
    }
}
