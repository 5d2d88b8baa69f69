package io.github.vicmae.cli;

import io.github.vicmae.eval.ProbeTraining;
import java.io.PrintWriter;
import java.util.Locale;

/** Epochs of a linear probe that are done, and how long the rest takes: one line that is redrawn on a terminal, elsewhere one every ten seconds. */
final class EpochProgress implements AutoCloseable {
    private static final long TERMINAL_NANOS = 200_000_000L;
    private static final long LOG_NANOS = 10_000_000_000L;
    private static final String CLEAR_TO_END = "\u001b[K";

    private final PrintWriter err;
    private final Terminal terminal;
    private long begun;
    /** The epoch that was done at {@link #begun}; -1 before any. */
    private int first = -1;

    private long last = System.nanoTime() - LOG_NANOS;
    private boolean drawn;

    EpochProgress(PrintWriter err) {
        this.err = err;
        terminal = Terminal.of(err);
    }

    /**
     * Tells of an epoch.
     *
     * @param accuracy on the test samples, 0 to 1; NaN if it was not taken
     */
    void done(ProbeTraining.Epoch epoch, double accuracy) {
        long now = System.nanoTime();
        if (first < 0) { // how long the first one took is not known
            first = epoch.number();
            begun = now;
        }
        boolean end = epoch.number() == epoch.of();
        if (end || now - last >= (terminal.isPresent() ? TERMINAL_NANOS : LOG_NANOS)) {
            last = now;
            int since = epoch.number() - first;
            show(line(epoch, accuracy, since == 0 ? Double.NaN : (now - begun) / 1e9 / since));
        }
        if (end) {
            first = -1;
            endLine();
        }
    }

    private void show(String line) {
        if (terminal.isPresent()) {
            int columns = Math.max(1, terminal.columns() - 1);
            err.print("\r" + line.substring(0, Math.min(columns, line.length())) + CLEAR_TO_END);
            err.flush();
            drawn = true;
        } else {
            err.println(line);
        }
    }

    /** @param secondsAnEpoch not a number if it is not known */
    static String line(ProbeTraining.Epoch epoch, double accuracy, double secondsAnEpoch) {
        String line =
                String.format(Locale.ROOT, "epoch %d/%d  loss %s", epoch.number(), epoch.of(), losses(epoch.losses()));
        if (!Double.isNaN(accuracy)) {
            line += String.format(Locale.ROOT, "  test accuracy %.1f %%", 100 * accuracy);
        }
        long left = Math.round((epoch.of() - epoch.number()) * secondsAnEpoch); // 0 for not a number
        return left == 0 ? line : line + String.format(Locale.ROOT, "  %dm%02ds left", left / 60, left % 60);
    }

    private static String losses(double[] losses) {
        StringBuilder text = new StringBuilder();
        for (double loss : losses) {
            text.append(text.isEmpty() ? "" : " ").append(String.format(Locale.ROOT, "%.3f", loss));
        }
        return text.toString();
    }

    private void endLine() {
        if (drawn) {
            err.println();
            drawn = false;
        }
    }

    /** Ends the line, and stops following the terminal's width. */
    @Override
    public void close() {
        endLine();
        terminal.close();
    }
}
