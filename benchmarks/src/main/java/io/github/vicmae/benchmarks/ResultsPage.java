package io.github.vicmae.benchmarks;

import io.github.vicmae.report.Plot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** Runs' results as one Markdown page with plots beside it. */
final class ResultsPage {
    private static final Plot.Axis INTENSITY = new Plot.Axis("operations per byte that must be moved", true);
    private static final Plot.Axis GFLOPS = new Plot.Axis("GFLOP/s", true);
    private static final Plot.Axis MILLISECONDS = new Plot.Axis("milliseconds", true);
    private static final Plot.Axis MEGABYTES = new Plot.Axis("megabytes", true);

    private final StringBuilder page = new StringBuilder();
    private final Map<String, Plot> plots = new LinkedHashMap<>();

    ResultsPage() {
        page.append("""
                # Benchmarks

                Made from the files in [data](data) by `./vicmae results docs/results`; do not edit. Compare rows of one table: machines differ, and
                differ from hour to hour.

                - **latency** is JMH's score: from the launch until the device is done, with half of its 99.9 % confidence interval (**+-**).
                  **submit** is the part until the launch returns; on the CPU a launch returns when it is done. **device** is the time of one launch
                  among many, one behind the other.
                - **x vicmae** is the latency over this library's: above 1 the library is faster.
                - **GB/s** counts what must be read or written once at the least, and **of copy** is its share of a plain copy of as many bytes, made
                  in the same process. **GFLOP/s** counts a multiply-add as two; **of product** is its share of a large matrix product in the same
                  process and precision.
                - **heap** is what a launch allocates on the Java heap; **memory** is device memory, for libtorch the growth of the process.
                - djl is libtorch 2.7.1 through DJL 0.36. Its backward pass includes the forward pass, so it stands beside both. unfused is the
                  same result from this library in more passes, with what lies between them in memory.
                - Before a row is timed its result is held against the double-precision oracle.
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
        roofline(name, file.rows());
        groups.forEach((benchmark, rows) -> {
            List<List<String>> lines = ResultTable.lines(rows);
            if (lines.size() > 1) {
                page.append("\n### ").append(benchmark).append("\n\n");
                curves(name, benchmark, rows);
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

    private void plot(String file, String text, Plot plot) {
        if (!plot.isEmpty()) {
            plots.put(file, plot);
            page.append("\n![").append(text).append("](plots/").append(file).append(")\n\n");
        }
    }

    /** Rates over intensities, below the machine's own copy and product as they were measured with the rows. */
    private void roofline(String name, List<Row> all) {
        for (String precision : List.of("fp32", "bf16")) {
            List<Row> rows = all.stream()
                    .filter(r -> r.isMeasured() && r.precision().equals(precision))
                    .filter(r -> r.flops() != null && r.flops() > 0 && r.bytes() != null && r.productRate() != null)
                    .filter(r -> !r.benchmark().equals("TrainingStep"))
                    .toList();
            if (rows.stream().map(Row::benchmark).distinct().count() < 2) {
                continue;
            }
            Plot plot = new Plot("Roofline, " + precision, INTENSITY, GFLOPS);
            for (String who : names(rows, Row::implementation)) {
                List<Row> own = rows.stream()
                        .filter(r -> r.implementation().equals(who))
                        .toList();
                for (String benchmark : names(own, Row::benchmark)) {
                    List<Row> some = own.stream()
                            .filter(r -> r.benchmark().equals(benchmark))
                            .toList();
                    if (who.equals("vicmae") || who.equals("djl")) {
                        plot.points(
                                benchmark + ", " + who,
                                values(some, r -> r.flops() / r.bytes()),
                                values(some, r -> r.flopsPerSecond() / 1e9));
                    }
                }
            }
            double copy = median(values(rows, Row::copyRate)) / 1e9;
            double product = median(values(rows, Row::productRate)) / 1e9;
            double knee = product / copy;
            plot.guide("copy, matrix product", new double[] {knee / 1000, knee, knee * 1000}, new double[] {
                product / 1000, product, product
            });
            plot(name + "-roofline-" + precision + ".svg", "Roofline, " + precision, plot);
        }
    }

    /** Time and memory over the size where a benchmark was run for three sizes or more. */
    private void curves(String name, String benchmark, List<Row> rows) {
        switch (benchmark) {
            case "InfoNce" -> {
                if (rows.stream().map(Row::shape).distinct().count() >= 3) {
                    Plot.Axis sizes = new Plot.Axis("rows R, 128 wide", true);
                    ToDoubleFunction<Row> size =
                            r -> Double.parseDouble(r.shape().split("x")[0]);
                    curve(
                            name + "-infonce-time.svg",
                            "InfoNCE, forward and backward: time",
                            sizes,
                            MILLISECONDS,
                            rows,
                            size,
                            r -> 1e3 * r.latency());
                    curve(
                            name + "-infonce-memory.svg",
                            "InfoNCE, forward and backward: memory",
                            sizes,
                            MEGABYTES,
                            rows,
                            size,
                            r -> r.memory() == null ? Double.NaN : r.memory() / 1e6);
                }
            }
            case "TrainingStep" -> {
                step(
                        name,
                        rows,
                        "samples",
                        "samples of a step",
                        r -> r.shape().matches("[^:]+:[0-9]+"),
                        r -> Double.parseDouble(r.shape().split(":")[1]));
                step(
                        name,
                        rows,
                        "image",
                        "pixels of a side",
                        r -> r.shape().matches("[^:]+:[0-9]+:image=[0-9]+"),
                        ResultsPage::change);
                step(
                        name,
                        rows,
                        "depth",
                        "blocks of the encoder",
                        r -> r.shape().matches("[^:]+:[0-9]+:depth=[0-9]+"),
                        ResultsPage::change);
            }
            case "Loader" -> {
                Plot.Axis workers = new Plot.Axis("workers", false);
                Plot plot = new Plot("Loader: samples a second", workers, new Plot.Axis("samples/s", false));
                List<Row> some = rows.stream().filter(Row::isMeasured).toList();
                plot.series(
                        "vicmae",
                        values(some, r -> Double.parseDouble(r.shape().split("x")[0])),
                        values(some, r -> Double.parseDouble(r.shape().split("x")[1]) / r.latency()));
                plot(name + "-loader.svg", "Loader", plot);
            }
            default -> {
                return;
            }
        }
    }

    private static double change(Row row) {
        return Double.parseDouble(row.shape().substring(row.shape().indexOf('=') + 1));
    }

    private void step(
            String name,
            List<Row> rows,
            String what,
            String words,
            java.util.function.Predicate<Row> wanted,
            ToDoubleFunction<Row> size) {
        List<Row> some = rows.stream()
                .filter(wanted)
                .filter(r -> "passes".equals(r.pass()) || r.pass() == null)
                .filter(r -> r.precision().equals("fp32"))
                .toList();
        if (some.stream().filter(Row::isMeasured).mapToDouble(size).distinct().count() >= 3) {
            curve(
                    name + "-step-" + what + ".svg",
                    "Forward and backward of a step against " + words,
                    new Plot.Axis(words, true),
                    MILLISECONDS,
                    some,
                    size,
                    r -> 1e3 * r.latency());
        }
    }

    private void curve(
            String file,
            String title,
            Plot.Axis x,
            Plot.Axis y,
            List<Row> rows,
            ToDoubleFunction<Row> size,
            ToDoubleFunction<Row> value) {
        Plot plot = new Plot(title, x, y);
        for (String who : names(rows, Row::implementation)) {
            List<Row> some = rows.stream()
                    .filter(r -> r.isMeasured() && r.implementation().equals(who))
                    .sorted(java.util.Comparator.comparingDouble(size))
                    .toList();
            plot.series(who, values(some, size), values(some, value));
        }
        plot(file, title, plot);
    }

    private static List<String> names(List<Row> rows, java.util.function.Function<Row, String> name) {
        return rows.stream().map(name).distinct().toList();
    }

    private static double[] values(List<Row> rows, ToDoubleFunction<Row> value) {
        return rows.stream().mapToDouble(value).toArray();
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        java.util.Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
