package io.github.vicmae.cli;

import io.github.vicmae.train.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;

/** A progress bar on a terminal; elsewhere a line now and then. */
final class ConsoleProgress implements Progress, AutoCloseable {
    private static final int BAR = 24;
    private static final long TERMINAL_NANOS = 200_000_000L;
    private static final long LOG_NANOS = 10_000_000_000L;

    private final PrintWriter err;
    private final boolean terminal = System.console() != null && System.getenv("TERM") != null;
    private long last = System.nanoTime() - LOG_NANOS;
    private boolean drawn;

    ConsoleProgress(PrintWriter err) {
        this.err = err;
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
        int full = (int) (BAR * u.step() / u.totalSteps());
        String line = String.format(
                Locale.ROOT,
                "[%s%s] %d/%d  epoch %.1f  loss %.4f (recon %.4f, contrast %.3f)  %.1f pairs/s  %s left",
                "#".repeat(full),
                ".".repeat(BAR - full),
                u.step(),
                u.totalSteps(),
                u.epoch(),
                u.losses().total(),
                u.losses().reconstruction(),
                u.losses().contrastive(),
                u.pairsPerSecond(),
                format(u.remaining()));
        if (terminal) {
            err.print("\r" + line + "\u001b[K");
            err.flush();
            drawn = true;
        } else {
            err.println(line);
        }
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

    /** Prints a line of its own. */
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
