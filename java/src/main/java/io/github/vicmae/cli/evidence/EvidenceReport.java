package io.github.vicmae.cli.evidence;

import io.github.vicmae.cli.evidence.EvidenceTable.Row;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** A table as Markdown, and as a tree for JSON. */
final class EvidenceReport {
    private static final String TIE = " ~";
    private static final String BETTER = " ^";
    private static final String NOT_APPLICABLE = "-";
    private static final String NOT_RUN = "not run yet";

    private final EvidenceTable table;
    private final EvidenceResults results;

    EvidenceReport(EvidenceTable table, EvidenceResults results) {
        this.table = table;
        this.results = results;
    }

    /** The table, with what its marks mean. */
    String markdown() {
        StringBuilder text = new StringBuilder("| |");
        table.columns().forEach(column -> text.append(' ').append(column).append(" |"));
        text.append("\n|---|").append("---|".repeat(table.columns().size())).append('\n');
        for (Row row : table.rows()) {
            text.append("| ").append(row.name()).append(" |");
            for (String column : table.columns()) {
                text.append(' ').append(cell(row, column)).append(" |");
            }
            text.append('\n');
        }
        if (results.samples() > 0) {
            text.append('\n').append(legend());
        }
        return text.toString();
    }

    private String cell(Row row, String column) {
        if (!row.cells().containsKey(column)) {
            return NOT_APPLICABLE;
        }
        Figures figures = results.figures(row, column);
        if (figures == null) {
            return NOT_RUN;
        }
        String text = percent(figures.mean())
                + (figures.seeds() > 1 ? " +- " + percent(figures.deviation()) : "")
                + mark(row, column, figures);
        int all = row.cells().get(column).size();
        return figures.seeds() < all ? text + " (" + figures.seeds() + " of " + all + " seeds)" : text;
    }

    /** How a cell stands to that of the first row. */
    private String mark(Row row, String column, Figures figures) {
        Row first = table.rows().get(0);
        Figures reference = row == first ? null : results.figures(first, column);
        if (reference == null) {
            return "";
        }
        return figures.ties(reference) ? TIE : figures.mean() > reference.mean() ? BETTER : "";
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f", 100 * share);
    }

    private String legend() {
        double half = Math.sqrt(0.25 / results.samples());
        return "Accuracy in %, mean +- standard deviation over the seeds (" + seeds() + ") on " + results.samples()
                + " test samples; chance is " + percent(results.chance())
                + " %. One standard error of a single test of so many samples is up to " + percent(half)
                + " points.\n`~` differs from the first row by less than two standard errors, those of the seeds and of the"
                + " test set together: a tie. `^` is above the first row by more, no mark below it by more. `-` does not"
                + " apply.\n";
    }

    private String seeds() {
        TreeSet<Long> seeds = new TreeSet<>();
        table.rows()
                .forEach(row -> row.cells().values().forEach(cells -> cells.forEach(cell -> seeds.add(cell.seed()))));
        return String.join(", ", seeds.stream().map(String::valueOf).toList());
    }

    /**
     * All numbers.
     *
     * @param identity what the table was made from
     * @param seconds that each command took, by its name
     */
    Map<String, Object> tree(Map<String, String> identity, Map<String, Double> seconds) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("title", table.title());
        tree.putAll(identity);
        tree.put("complete", results.isComplete());
        tree.put("device", results.fact("device"));
        tree.put("version", results.fact("version"));
        tree.put("testSamples", results.samples());
        tree.put("chance", results.chance());
        tree.put("columns", table.columns());
        tree.put("rows", table.rows().stream().map(this::row).toList());
        List<Object> commands = new ArrayList<>();
        for (EvidenceTable.Command command : table.commands()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("name", command.name());
            one.put("line", command.line());
            if (seconds.containsKey(command.name())) {
                one.put("seconds", Math.round(seconds.get(command.name()) * 10) / 10.0);
            }
            commands.add(one);
        }
        tree.put("commands", commands);
        tree.put(
                "seconds",
                Math.round(seconds.values().stream()
                        .mapToDouble(Double::doubleValue)
                        .sum()));
        return tree;
    }

    private Map<String, Object> row(Row row) {
        Map<String, Object> cells = new LinkedHashMap<>();
        for (String column : table.columns()) {
            Figures figures = results.figures(row, column);
            if (figures == null) {
                continue;
            }
            Map<String, Object> cell = new LinkedHashMap<>();
            cell.put("mean", figures.mean());
            if (figures.seeds() > 1) {
                cell.put("deviation", figures.deviation());
            }
            cell.put("testError", figures.testError());
            Row first = table.rows().get(0);
            Figures reference = results.figures(first, column);
            if (row != first && reference != null) {
                cell.put("tiesWithFirst", figures.ties(reference));
            }
            List<Object> runs = new ArrayList<>();
            for (EvidenceResults.Found found : results.found(row, column)) {
                Map<String, Object> run = new LinkedHashMap<>();
                run.put("seed", found.cell().seed());
                run.put("right", found.right());
                run.put("samples", found.samples());
                run.put("command", found.cell().command().name());
                runs.add(run);
            }
            cell.put("runs", runs);
            cells.put(column, cell);
        }
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("name", row.name());
        tree.put("cells", cells);
        return tree;
    }
}
