package io.github.vicmae.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.IntConsumer;

/** How many samples are done, at which rate, and how long the rest takes: one line that is redrawn on a terminal, elsewhere one every ten seconds. */
final class SampleProgress implements IntConsumer, AutoCloseable {
    private static final long TERMINAL_NANOS = 200_000_000L;
    private static final long LOG_NANOS = 10_000_000_000L;
    private static final String CLEAR_TO_END = "\u001b[K";

    private final PrintWriter err;
    private final Terminal terminal;
    private final String what;
    private final int total;
    private final long start = System.nanoTime();
    private long last = start;
    private boolean drawn;

    /** @param what is done, such as "training samples" */
    SampleProgress(PrintWriter err, String what, int total) {
        this.err = err;
        this.what = what;
        this.total = total;
        terminal = Terminal.of(err);
    }

    @Override
    public void accept(int done) {
        long now = System.nanoTime();
        if (done < total && now - last < (terminal.isPresent() ? TERMINAL_NANOS : LOG_NANOS)) {
            return;
        }
        last = now;
        String line = line(what, done, total, (now - start) / 1e9);
        if (terminal.isPresent()) {
            int columns = Math.max(1, terminal.columns() - 1);
            err.print("\r" + line.substring(0, Math.min(columns, line.length())) + CLEAR_TO_END);
            err.flush();
            drawn = true;
        } else {
            err.println(line);
        }
    }

    static String line(String what, int done, int total, double seconds) {
        double rate = seconds > 0 ? done / seconds : 0;
        String line = String.format(Locale.ROOT, "%s %d/%d  %.1f samples/s", what, done, total, rate);
        if (done == total || rate == 0) {
            return line;
        }
        long left = Math.round((total - done) / rate);
        return line + String.format(Locale.ROOT, "  %dm%02ds left", left / 60, left % 60);
    }

    /** Ends the line. */
    @Override
    public void close() {
        if (drawn) {
            err.println();
        }
        terminal.close();
    }
}
