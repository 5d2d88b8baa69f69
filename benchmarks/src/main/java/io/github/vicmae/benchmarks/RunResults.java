package io.github.vicmae.benchmarks;

import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The rows of a run. Each is printed and written to the file at once, so that an interrupted run keeps its results; its table is printed as
 * well.
 */
final class RunResults implements AutoCloseable {
    private final PrintWriter console;
    private final Path file;
    private final String title;
    private final String command;
    private final List<Row> rows = new ArrayList<>();
    private final Thread atInterrupt = new Thread(this::interrupted, "interrupted");
    private Map<String, Object> machine;
    private boolean failed;
    private boolean ended;

    /**
     * @param file for the rows, or null; it is not touched before there is a row
     * @param command the command that produces them
     * @throws IOException if the file could not be written
     */
    RunResults(PrintWriter console, Path file, String title, String command) throws IOException {
        this.console = console;
        this.file = file;
        this.title = title;
        this.command = command;
        if (file != null) {
            tryToWrite();
        }
        Runtime.getRuntime().addShutdownHook(atInterrupt);
    }

    /** Before anything is measured; a file that is there stays as it is. */
    private void tryToWrite() throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw FileErrors.cannot("write", folder, e);
        }
        AtomicFile.checkWritable(file);
    }

    /** Adds a row with figures, or one that the machine or the library cannot measure. */
    synchronized void add(Row row) throws IOException {
        if (!ended) {
            rows.add(row);
            if (row.isMeasured()) {
                console.println("  " + work(row) + Figures.time(row.latency()));
            }
            save();
        }
    }

    /** Adds a row that should have figures but failed. */
    synchronized void addFailed(Row row) throws IOException {
        if (!ended) {
            failed = true;
            rows.add(row);
            console.println("  " + work(row) + row.missing());
            save();
        }
    }

    private static String work(Row row) {
        return row.benchmark() + " " + row.shape() + " " + row.precision() + " "
                + (row.pass() == null ? "" : row.pass() + " ") + row.implementation() + ": ";
    }

    /** A run in which everything failed does not replace earlier results. */
    private void save() throws IOException {
        console.flush();
        if (file == null || failed && rows.stream().noneMatch(Row::isMeasured)) {
            return;
        }
        if (machine == null) {
            machine = Machine.describe();
        }
        new ResultsFile(ResultsFile.SCHEMA, title, command, LocalDate.now().toString(), machine, rows).write(file);
    }

    /** Prints the table. */
    synchronized void end() {
        if (!ended) {
            ended = true;
            printTable();
        }
    }

    private void printTable() {
        ResultTable.print(console, rows);
        if (file != null) {
            console.println();
            console.println(
                    failed && rows.stream().noneMatch(Row::isMeasured)
                            ? "Nothing was measured, and " + file + " was not written."
                            : "Results: " + file);
        }
        console.flush();
    }

    /** Prints the rows of an unfinished run. */
    private synchronized void interrupted() {
        if (!ended) {
            ended = true;
            if (!rows.isEmpty()) {
                console.println("Interrupted. Results so far:");
                printTable();
            }
        }
    }

    boolean failed() {
        return failed;
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(atInterrupt);
        } catch (IllegalStateException e) {
            return; // the process is shutting down, and the hook is running
        }
        interrupted();
    }
}
