package io.github.vicmae.benchmarks;

import io.github.vicmae.report.Plot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Runs' results as one Markdown page with plots beside it. */
final class ResultsPage {
    private final StringBuilder page = new StringBuilder();
    private final Map<String, Plot> plots = new LinkedHashMap<>();

    ResultsPage() {
        page.append("""
                # Benchmarks

                Made from the files in [data](data) by `./vicmae results docs/results`; do not edit. Compare rows of one table: machines differ, and
                differ from hour to hour.

                - **latency** is the mean over the iterations, from the launch until the device is done, and **+-** the standard deviation
                  over them. **submit** is the part until the launch returns; on the CPU a launch returns when it is done. **device** is the
                  time of one launch among many, one behind the other, by a card's own clock. Rates are taken from it, on the CPU from the
                  latency.
                - **x vicmae** is the latency over this library's: above 1 the library is faster.
                - **GB/s** counts what must be read or written once at the least, and **of copy** is its share of a plain copy of as many bytes, made
                  in the same process; it is left out where the operations take longer than the bytes. More than 100 % comes of caches, and of
                  work in place: a copy also fetches the lines that it only writes.
                - **GFLOP/s** counts a multiply-add as two; **of product** is its share of a large matrix product in the same process and precision.
                - **heap** is what a launch allocates on the Java heap; **memory** is device memory of forward and backward pass, for losses and
                  steps; for libtorch through DJL it is the growth of the process, for torch the most that was allocated.
                - djl is libtorch 2.7.1 through DJL 0.36; torch and torch.compile are PyTorch, by a script of its own. Their backward pass
                  includes the forward pass, so it stands beside both. unfused is the same result from this library in more passes, with what
                  lies between them in memory.
                - Before a row of jmh is timed its result is held against the double-precision oracle.
                """);
    }

    Map<String, Plot> plots() {
        return plots;
    }

    String markdown() {
        return page.toString();
    }

    void add(String name, ResultsFile file) {
        String title = file.title() == null || file.title().isBlank() ? name : file.title();
        page.append("\n## ").append(title).append("\n\n");
        page.append(machine(file.machine()))
                .append("\n\n`")
                .append(file.command())
                .append("`, ")
                .append(file.date());
        page.append(". [data/").append(name).append(".json](data/").append(name).append(".json)\n");
        Map<String, List<Row>> groups = ResultTable.byBenchmark(file.rows());
        draw(ResultPlots.rooflines(name, file));
        groups.forEach((benchmark, rows) -> {
            List<List<String>> lines = ResultTable.lines(rows);
            if (lines.size() > 1) {
                page.append("\n### ").append(benchmark).append("\n\n");
                draw(ResultPlots.curves(name, file, benchmark, rows));
                table(lines);
            }
        });
        List<String> missing = ResultTable.missing(file.rows());
        if (!missing.isEmpty()) {
            page.append("\n### Not measured\n\n");
            missing.forEach(m -> page.append("- ").append(m).append('\n'));
        }
    }

    private static String machine(Map<String, Object> machine) {
        if (machine == null || machine.isEmpty()) {
            return "The file does not say on which machine.";
        }
        return machine.entrySet().stream()
                .filter(e -> e.getValue() instanceof String || e.getValue() instanceof Number)
                .map(e -> e.getKey() + ": " + e.getValue())
                .collect(Collectors.joining("; ", "", "."));
    }

    private void table(List<List<String>> lines) {
        List<Integer> shown = new ArrayList<>();
        for (int column = 0; column < lines.get(0).size(); column++) {
            int at = column;
            if (lines.stream().skip(1).anyMatch(l -> !l.get(at).isEmpty())) {
                shown.add(column);
            }
        }
        for (int i = 0; i < lines.size(); i++) {
            page.append('|');
            for (int column : shown) {
                page.append(' ').append(lines.get(i).get(column)).append(" |");
            }
            page.append('\n');
            if (i == 0) {
                page.append('|')
                        .append(shown.stream()
                                .map(c -> c < 4 ? "---|" : "---:|")
                                .collect(Collectors.joining()));
                page.append('\n');
            }
        }
    }

    private void draw(List<ResultPlots.Drawn> all) {
        for (ResultPlots.Drawn d : all) {
            plots.put(d.file(), d.plot());
            page.append("\n![")
                    .append(d.text())
                    .append("](plots/")
                    .append(d.file())
                    .append(")\n\n");
        }
    }
}
