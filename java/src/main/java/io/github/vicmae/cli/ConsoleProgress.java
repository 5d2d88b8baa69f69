package io.github.vicmae.cli;

import io.github.vicmae.objective.Losses;
import io.github.vicmae.train.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;

/** A progress bar on a terminal; elsewhere a line every ten seconds. A line is never longer than the terminal is wide. */
final class ConsoleProgress implements Progress, AutoCloseable {
    private static final int USUAL_COLUMNS = 80;
    private static final int LONGEST_BAR = 24;
    private static final int SHORTEST_BAR = 4;
    private static final long TERMINAL_NANOS = 200_000_000L;
    private static final long LOG_NANOS = 10_000_000_000L;

    private final PrintWriter err;
    private final boolean terminal;
    private final int columns;
    private long last = System.nanoTime() - LOG_NANOS;
    private boolean drawn;

    ConsoleProgress(PrintWriter err) {
        this(err, System.console() != null && System.getenv("TERM") != null, columns(System.getenv("COLUMNS")));
    }

    /**
     * @param columns the terminal's width
     */
    ConsoleProgress(PrintWriter err, boolean terminal, int columns) {
        this.err = err;
        this.terminal = terminal;
        this.columns = columns;
    }

    /** The width in the environment variable, or the usual one where it is not a number. */
    static int columns(String variable) {
        return variable != null && variable.matches("[1-9][0-9]{1,4}") ? Integer.parseInt(variable) : USUAL_COLUMNS;
    }

    @Override
    public void started(String message) {
        note(message);
    }

    @Override
    public synchronized void step(Update u) {
        long now = System.nanoTime();
        boolean end = u.step() == u.totalSteps();
        if (!end && now - last < (terminal ? TERMINAL_NANOS : LOG_NANOS)) {
            return;
        }
        last = now;
        String line = line(u, columns - 1); // some terminals wrap a full line
        if (terminal) {
            err.print("\r" + line + "\u001b[K");
            err.flush();
            drawn = true;
        } else {
            err.println(line);
        }
    }

    /** As much as fits, and a bar if there is room for one; position and remaining time take precedence over the losses. */
    static String line(Update u, int width) {
        String steps = u.step() + "/" + u.totalSteps();
        String epoch = String.format(Locale.ROOT, "  epoch %.1f", u.epoch());
        String loss = String.format(Locale.ROOT, "  loss %.4f", u.losses().total());
        String parts = u.losses().names().length < 2 ? "" : " (" + parts(u.losses()) + ")";
        String rate = String.format(Locale.ROOT, "  %.1f samples/s", u.pairsPerSecond());
        String left = "  " + format(u.remaining()) + " left";
        String[] forms = {
            steps + epoch + loss + parts + rate + left,
            steps + loss + parts + rate + left,
            steps + loss + rate + left,
            steps + loss + left,
            steps + left
        };
        for (String form : forms) {
            if (form.length() <= width) {
                return bar(u, width - form.length()) + form;
            }
        }
        return steps.length() <= width ? steps : steps.substring(0, width);
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

    @Override
    public void warning(String message) {
        note("warning: " + message);
    }

    /** Prints a separate line. */
    synchronized void note(String message) {
        if (drawn) {
            err.println();
            drawn = false;
        }
        err.println(message);
    }

    @Override
    public synchronized void close() {
        if (drawn) {
            err.println();
        }
    }
}
