package io.github.vicmae.cli.evidence;

import io.github.vicmae.io.ShellWords;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A table of results: the commands that make it, and where each of its numbers comes from.
 *
 * @param name as the command line takes it
 * @param title what is compared, in a sentence
 * @param columns the protocols, in order
 * @param commands in the order in which they are run; each may use what those before it have written
 * @param rows the systems that are compared, the one that the others are compared with first
 */
public record EvidenceTable(String name, String title, List<String> columns, List<Command> commands, List<Row> rows) {
    /**
     * One command of vicmae.
     *
     * @param name of its log
     * @param args its command line, without the program's name
     * @param resumed the command line that goes on with it after an interruption
     * @param begun a file that is there once {@code resumed} applies
     * @param result a file that is there once the command has finished
     * @param seconds that it is expected to take on two free cores; remaining times are made from their proportions
     */
    public record Command(
            String name, List<String> args, List<String> resumed, Path begun, Path result, double seconds) {
        /** The command line as a shell takes it. */
        public String line() {
            return line(args);
        }

        static String line(List<String> args) {
            return "vicmae " + ShellWords.join(args);
        }
    }

    /**
     * A system.
     *
     * @param cells by column, one for each seed; a column that does not apply to the system is missing
     */
    public record Row(String name, Map<String, List<Cell>> cells) {}

    /**
     * One number.
     *
     * @param seed of training
     * @param command whose evaluation has it
     * @param result the name of the row among those that the evaluation compares; null for its first
     */
    public record Cell(long seed, Command command, String result) {}

    public EvidenceTable {
        columns = List.copyOf(columns);
        commands = List.copyOf(commands);
        rows = List.copyOf(rows);
    }

    /** Seconds that all commands are expected to take on two free cores. */
    public double seconds() {
        return commands.stream().mapToDouble(Command::seconds).sum();
    }

    /** A checksum of all commands, by which a table is told from one of other settings. */
    public String checksum() {
        CRC32C checksum = new CRC32C();
        commands.forEach(command -> checksum.update((command.line() + "\n").getBytes(StandardCharsets.UTF_8)));
        return Long.toHexString(checksum.getValue());
    }

    /** Puts a table together. */
    static final class Builder {
        private final List<Command> commands = new ArrayList<>();
        private final Map<String, Map<String, List<Cell>>> rows = new LinkedHashMap<>();

        Command add(Command command) {
            commands.add(command);
            return command;
        }

        /** Adds a cell to a row, which is made by its first cell. */
        void cell(String row, String column, long seed, Command command, String result) {
            rows.computeIfAbsent(row, name -> new LinkedHashMap<>())
                    .computeIfAbsent(column, name -> new ArrayList<>())
                    .add(new Cell(seed, command, result));
        }

        /** @param order of the rows */
        EvidenceTable build(String name, String title, List<String> columns, List<String> order) {
            return new EvidenceTable(
                    name,
                    title,
                    columns,
                    commands,
                    order.stream().map(row -> new Row(row, rows.get(row))).toList());
        }
    }
}
