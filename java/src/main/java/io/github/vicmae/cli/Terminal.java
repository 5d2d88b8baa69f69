package io.github.vicmae.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The terminal that standard error is, if it is one, and its width, which may change while a run lasts. */
final class Terminal implements AutoCloseable {
    /** The width of a terminal that does not say. */
    static final int USUAL_COLUMNS = 80;

    /** Standard error. Another writer, such as a log file, is no terminal, whatever standard error is. */
    static final PrintWriter STANDARD_ERROR = new PrintWriter(System.err, true);

    private static final long REFRESH_MILLIS = 2000;
    /** Java knows of standard input and output alone whether they are a terminal, and nothing of its size. */
    private static final String[] SIZE = {"sh", "-c", "[ -t 2 ] || exit 1; stty size <&2 2>/dev/null || echo unknown"};

    private static final Pattern ROWS_AND_COLUMNS = Pattern.compile("\\d+ ([1-9]\\d{0,4})\\s*");

    private final boolean present;
    private final Thread watch;
    private volatile int columns;

    private Terminal(String size, String term, String columnsVariable) {
        present = !size.isEmpty() && term != null && !term.equals("dumb");
        columns = columns(size, columns(columnsVariable));
        watch = new Thread(this::watch, "vicmae-terminal");
        watch.setDaemon(true);
        if (present) {
            watch.start();
        }
    }

    /**
     * The terminal that a writer draws on at present. Where standard error is a file or a pipe there is none, and neither is there on Windows, or for
     * another writer than {@link #STANDARD_ERROR}.
     */
    static Terminal of(PrintWriter writer) {
        String size;
        try {
            size = writer == STANDARD_ERROR ? size() : "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            size = "";
        }
        return new Terminal(size, System.getenv("TERM"), System.getenv("COLUMNS"));
    }

    /** What stty says; nothing if standard error is no terminal, or there is no shell to find that out. */
    private static String size() throws InterruptedException {
        Process process = null;
        try {
            process = new ProcessBuilder(SIZE)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            process.getOutputStream().close();
            if (process.waitFor(REFRESH_MILLIS, TimeUnit.MILLISECONDS) && process.exitValue() == 0) {
                return new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            }
            return "";
        } catch (IOException e) {
            return "";
        } finally {
            if (process != null) {
                process.destroy();
            }
        }
    }

    /** The columns in stty's answer "ROWS COLUMNS", or others where it is something else. */
    static int columns(String size, int otherwise) {
        Matcher matcher = ROWS_AND_COLUMNS.matcher(size);
        return matcher.matches() ? Integer.parseInt(matcher.group(1)) : otherwise;
    }

    /** The width in the environment variable, or the usual one where it is not a number. */
    static int columns(String variable) {
        return variable != null && variable.matches("[1-9][0-9]{1,4}") ? Integer.parseInt(variable) : USUAL_COLUMNS;
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(REFRESH_MILLIS);
                columns = columns(size(), columns);
            }
        } catch (InterruptedException e) {
            return; // closed
        }
    }

    /** Whether there is a terminal that lines can be redrawn on. */
    boolean isPresent() {
        return present;
    }

    /** The width in characters, not older than about two seconds. */
    int columns() {
        return columns;
    }

    @Override
    public void close() {
        watch.interrupt();
    }
}
