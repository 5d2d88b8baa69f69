package io.github.vicmae.cli.evidence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.cli.evidence.EvidenceTable.Command;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.JsonText;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Runs the commands of a table in this process, one after the other, and writes the table after each evaluation. What an earlier process has finished is
 * left as it is, and what it was interrupted in goes on.
 *
 * <p>The folder: {@code evidence.json} says what the table is made from, {@code commands.jsonl} which commands were run, {@code logs} what they printed,
 * {@code runs} and {@code evaluations} are theirs, {@code table.json} and {@code table.md} the results.
 */
public final class EvidenceRun {
    /** The exit status of a command that was interrupted. */
    public static final int INTERRUPTED = 130;

    private static final String IDENTITY = "evidence.json";
    private static final String COMMANDS = "commands.jsonl";
    private static final String TABLE = "table.json";
    private static final String MARKDOWN = "table.md";
    private static final int SHOWN_LINES = 5;

    private final EvidenceTable table;
    private final Path out;
    private final Map<String, String> identity;
    private final Program program;
    private final PrintWriter err;
    private final Map<String, Double> seconds = new HashMap<>();
    /** The expected and the measured seconds of the commands that this process ran from beginning to end. */
    private double expected;

    private double measured;

    /** The program whose commands are run. */
    public interface Program {
        /**
         * Runs a command in this process.
         *
         * @param log for all that it prints
         * @return its exit status
         */
        int run(PrintWriter log, List<String> args);
    }

    /**
     * @param identity what the table is made from, by name: a folder's table goes on with the same alone
     * @param err for progress
     */
    EvidenceRun(EvidenceTable table, Path out, Map<String, String> identity, Program program, PrintWriter err) {
        this.table = table;
        this.out = out;
        this.identity = new LinkedHashMap<>(identity);
        this.program = program;
        this.err = err;
    }

    /**
     * Runs what is left.
     *
     * @param stopping whether to stop before the next command
     * @return 0, or {@link #INTERRUPTED} if a command was interrupted
     * @throws IOException if the folder holds another table, cannot be written, or a command fails; the message says which, and where its log is
     */
    public int run(BooleanSupplier stopping) throws IOException {
        begin();
        int number = 0;
        for (Command command : table.commands()) {
            number++;
            if (Files.exists(command.result())) {
                continue;
            }
            if (stopping.getAsBoolean()) {
                return INTERRUPTED;
            }
            err.println("[" + number + "/" + table.commands().size() + "] " + command.name() + left(command));
            if (run(command) == INTERRUPTED) {
                return INTERRUPTED;
            }
            if (command.result().endsWith(EvidenceResults.EVALUATION)) {
                write();
            }
        }
        write();
        return 0;
    }

    private void begin() throws IOException {
        Path file = out.resolve(IDENTITY);
        if (Files.exists(file)) {
            JsonNode former = new ObjectMapper().readTree(file.toFile());
            for (Map.Entry<String, String> now : identity.entrySet()) {
                String was = former.path(now.getKey()).asText();
                if (!was.equals(now.getValue())) {
                    throw new IOException("The table in " + out + " cannot go on: its " + now.getKey() + " was " + was
                            + ", and now it is " + now.getValue()
                            + ". Give what it was begun with, or name a new folder"
                            + " with --out");
                }
            }
        }
        Files.createDirectories(out.resolve("logs"));
        AtomicFile.write(file, (JsonText.indented(identity) + "\n").getBytes(StandardCharsets.UTF_8));
        Path lines = out.resolve(COMMANDS);
        if (Files.exists(lines)) {
            JsonLines.read(
                    lines,
                    line -> seconds.merge(
                            line.path("name").asText(), line.path("seconds").asDouble(), Double::sum));
        }
    }

    /** How long the rest takes, by what was measured; nothing before there is any. */
    private String left(Command next) {
        if (measured == 0) {
            return "";
        }
        double rest = 0;
        boolean counts = false;
        for (Command command : table.commands()) {
            counts |= command == next;
            rest += counts && !Files.exists(command.result()) ? command.seconds() : 0;
        }
        return "  (about " + duration(rest * measured / expected) + " left)";
    }

    /** Minutes, or hours and minutes. */
    static String duration(double seconds) {
        long minutes = Math.max(1, Math.round(seconds / 60));
        return minutes < 60
                ? minutes + " min"
                : String.format(Locale.ROOT, "%d h %02d min", minutes / 60, minutes % 60);
    }

    private int run(Command command) throws IOException {
        boolean goesOn = Files.exists(command.begun());
        List<String> args = goesOn ? command.resumed() : command.args();
        Path log = out.resolve("logs").resolve(command.name() + ".log");
        long start = System.nanoTime();
        int status;
        try (PrintWriter text = new PrintWriter(
                Files.newBufferedWriter(
                        log, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND),
                true)) {
            text.println("$ " + Command.line(args));
            status = program.run(text, args);
        }
        double time = (System.nanoTime() - start) / 1e9;
        note(command, args, status, time);
        if (status == INTERRUPTED) {
            return status;
        }
        if (status != 0 || !Files.exists(command.result())) {
            throw new IOException("'" + Command.line(args) + "' "
                    + (status != 0 ? "ended with exit status " + status : "left no " + command.result())
                    + "; the same command line of the table goes on after that is put right. The end of " + log
                    + ":\n  "
                    + String.join("\n  ", end(log)));
        }
        if (!goesOn) {
            expected += command.seconds();
            measured += time;
        }
        return 0;
    }

    private void note(Command command, List<String> args, int status, double time) throws IOException {
        seconds.merge(command.name(), time, Double::sum);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("name", command.name());
        line.put("line", Command.line(args));
        line.put("status", status);
        line.put("seconds", Math.round(time * 10) / 10.0);
        try (JsonLines lines = JsonLines.open(out.resolve(COMMANDS))) {
            lines.write(line);
        }
    }

    private static List<String> end(Path log) throws IOException {
        List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
        return lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size());
    }

    private void write() throws IOException {
        EvidenceReport report = new EvidenceReport(table, new EvidenceResults(table));
        String json = JsonText.indented(report.tree(identity, seconds)) + "\n";
        AtomicFile.write(out.resolve(TABLE), json.getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(out.resolve(MARKDOWN), report.markdown().getBytes(StandardCharsets.UTF_8));
    }

    /** The table as Markdown. */
    public String markdown() throws IOException {
        return new EvidenceReport(table, new EvidenceResults(table)).markdown();
    }

    /** The folder's file of the table. */
    public Path file() {
        return out.resolve(MARKDOWN);
    }
}
