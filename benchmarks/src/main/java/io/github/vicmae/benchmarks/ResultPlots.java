package io.github.vicmae.benchmarks;

import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.report.Mark;
import io.github.vicmae.report.Plot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The plots of one file of results. */
final class ResultPlots {
    private static final Plot.Axis INTENSITY = new Plot.Axis("operations per byte that must be moved", true);
    private static final Plot.Axis GFLOPS = new Plot.Axis("GFLOP/s", true);
    private static final Plot.Axis MILLISECONDS = new Plot.Axis("milliseconds", true);
    private static final Plot.Axis MEGABYTES = new Plot.Axis("megabytes", true);

    /** Filled for the fused and compiled forms, hollow for those that are neither. */
    private static final Map<String, Mark> MARKS = Map.of(
            "vicmae", Mark.DOT,
            "unfused", Mark.RING,
            "torch.compile", Mark.SQUARE,
            "torch", Mark.FRAME,
            "cublas", Mark.TRIANGLE,
            "cudnn", Mark.HOLLOW_TRIANGLE);

    private static final Pattern ROWS = Pattern.compile("([0-9]+)x128");
    private static final Pattern LOADER = Pattern.compile("([0-9]+)x([0-9]+)x[0-9]+");
    private static final Pattern STEP = Pattern.compile("([^:]+):([0-9]+)(?::(image|depth)=([0-9]+))?");
    private static final Pattern NO_MEMORY = Pattern.compile("(?i)out ?of ?memory|memory left|bytes left|are free");
    private static final Pattern MEBIBYTES = Pattern.compile("([0-9]+) MiB");

    /**
     * A plot.
     *
     * @param file its name
     * @param text what it shows, for those who cannot see it
     * @param plot with a point at least
     */
    record Drawn(String file, String text, Plot plot) {}

    private final String name;
    private final ResultsFile file;
    private final List<Drawn> drawn = new ArrayList<>();

    private ResultPlots(String name, ResultsFile file) {
        this.name = name;
        this.file = file;
    }

    /** Rates over intensities, below the machine's own copy and product as they were measured with the rows. */
    static List<Drawn> rooflines(String name, ResultsFile file) {
        ResultPlots plots = new ResultPlots(name, file);
        List.of("fp32", "bf16").forEach(plots::roofline);
        return plots.drawn;
    }

    /** Time and memory of a benchmark over the size, where it was run for three sizes or more. */
    static List<Drawn> curves(String name, ResultsFile file, String benchmark, List<Row> rows) {
        ResultPlots plots = new ResultPlots(name, file);
        switch (benchmark) {
            case "InfoNce" -> plots.loss(rows);
            case "TrainingStep" -> plots.steps(rows);
            case "Loader" -> plots.loader(rows);
            default -> {
                return List.of();
            }
        }
        return plots.drawn;
    }

    private void add(String end, String text, Plot plot) {
        if (!plot.isEmpty()) {
            drawn.add(new Drawn(name + "-" + end + ".svg", text, plot));
        }
    }

    /** A colour for each benchmark, a mark for who did it. */
    private void roofline(String precision) {
        List<Row> rows = file.rows().stream()
                .filter(r -> r.isMeasured() && r.precision().equals(precision))
                .filter(r -> r.flops() != null && r.flops() > 0 && r.bytes() != null && r.bytes() > 0)
                .filter(r -> r.productRate() != null && r.copyRate() != null)
                .filter(r -> !r.benchmark().equals("TrainingStep"))
                .toList();
        List<String> benchmarks = names(rows, Row::benchmark);
        if (benchmarks.size() < 2) {
            return;
        }
        Plot plot = new Plot("Roofline, " + precision, INTENSITY, GFLOPS);
        for (String benchmark : benchmarks) {
            for (String who : names(rows, Row::implementation)) {
                List<Row> some = rows.stream()
                        .filter(r -> r.benchmark().equals(benchmark)
                                && r.implementation().equals(who))
                        .toList();
                Mark mark = MARKS.getOrDefault(who, Mark.DIAMOND);
                double[] rates = values(some, r -> r.flopsPerSecond() / 1e9);
                plot.points(benchmark, mark, values(some, r -> r.flops() / r.bytes()), rates)
                        .mark(mark, who);
            }
        }
        double copy = median(values(rows, Row::copyRate)) / 1e9;
        double product = median(values(rows, Row::productRate)) / 1e9;
        double knee = product / copy;
        double[] limit = {product / 1000, product, product};
        plot.guide("copy, matrix product", new double[] {knee / 1000, knee, knee * 1000}, limit);
        add("roofline-" + precision, "Roofline, " + precision, plot);
    }

    private void loss(List<Row> all) {
        List<Row> rows = of(all, "both").stream()
                .filter(r -> ROWS.matcher(r.shape()).matches())
                .toList();
        ToDoubleFunction<Row> size = r -> number(ROWS, r, 1);
        Plot.Axis axis = new Plot.Axis("rows R, 128 wide", true);
        String title = "InfoNCE, forward and backward: ";
        curve(
                "infonce-time",
                new Plot(title + "time", axis, MILLISECONDS),
                title + "time",
                rows,
                size,
                r -> 1e3 * r.latency());
        Plot memory = new Plot(title + "memory", axis, MEGABYTES);
        double limit = machineMemory(all.get(0).device());
        if (limit > 0) {
            double[] ends = {1, 1e9};
            memory.guide("the device's memory", ends, new double[] {limit / 1e6, limit / 1e6});
        }
        curve(
                "infonce-memory",
                memory,
                title + "memory",
                rows,
                size,
                r -> r.memory() == null ? Double.NaN : r.memory() / 1e6);
    }

    /** Each model's steps against their samples, and those of one number of samples against the tokens and the depth. */
    private void steps(List<Row> all) {
        List<Row> rows = of(all, "passes").stream()
                .filter(r -> STEP.matcher(r.shape()).matches() && model(r) != null)
                .toList();
        for (String model : names(rows, r -> part(r, 1))) {
            List<Row> some = rows.stream()
                    .filter(r -> part(r, 1).equals(model) && part(r, 3) == null)
                    .toList();
            step(model, "samples", "samples of a step", some, r -> number(STEP, r, 2));
        }
        for (String base : names(rows, r -> part(r, 1) + ":" + part(r, 2))) {
            List<Row> same = rows.stream()
                    .filter(r -> base.equals(part(r, 1) + ":" + part(r, 2)))
                    .toList();
            String words = "tokens of a view: 1 + patches";
            step(base, "tokens", words, changed(same, "image"), r -> {
                double across = Math.floor(change(r, model(r).image) / model(r).patch);
                return 1 + across * across;
            });
            step(base, "depth", "blocks of the encoder", changed(same, "depth"), r -> change(r, model(r).depth));
        }
    }

    /** The rows with a setting changed, and the one where it is the model's own. */
    private static List<Row> changed(List<Row> rows, String setting) {
        return rows.stream()
                .filter(r -> part(r, 3) == null || part(r, 3).equals(setting))
                .toList();
    }

    private static double change(Row row, double otherwise) {
        return part(row, 3) == null ? otherwise : number(STEP, row, 4);
    }

    /** The model of a step, or null if its name is none of this library's. */
    private static ModelSize model(Row row) {
        return Arrays.stream(ModelSize.values())
                .filter(s -> s.name().equalsIgnoreCase(part(row, 1)))
                .findFirst()
                .orElse(null);
    }

    private void step(String base, String what, String words, List<Row> rows, ToDoubleFunction<Row> size) {
        String[] parts = base.split(":");
        String of = parts[0] + (parts.length > 1 ? ", " + parts[1] + " samples" : "");
        String title = "Forward and backward of a step: " + of;
        Plot plot = new Plot(title, new Plot.Axis(words, true), MILLISECONDS);
        String text = title + ", time against " + words.replaceFirst(":.*", "");
        curve("step-" + base.replace(':', '-') + "-" + what, plot, text, rows, size, r -> 1e3 * r.latency());
    }

    private void loader(List<Row> all) {
        List<Row> rows = all.stream()
                .filter(r -> r.isMeasured() && LOADER.matcher(r.shape()).matches())
                .toList();
        double[] workers = values(rows, r -> number(LOADER, r, 1));
        Plot plot = new Plot(
                        "Loader: samples a second", new Plot.Axis("workers", false), new Plot.Axis("samples/s", false))
                .series("vicmae", workers, values(rows, r -> number(LOADER, r, 2) / r.latency()))
                .ticksAt(workers);
        add("loader", "Loader", plot);
    }

    /** A line for each implementation, which says where it ended if a larger size was tried. */
    private void curve(
            String end,
            Plot plot,
            String text,
            List<Row> rows,
            ToDoubleFunction<Row> size,
            ToDoubleFunction<Row> value) {
        double[] sizes = rows.stream()
                .filter(Row::isMeasured)
                .mapToDouble(size)
                .distinct()
                .sorted()
                .toArray();
        if (sizes.length < 3) {
            return;
        }
        for (String who : names(rows, Row::implementation)) {
            List<Row> some = rows.stream()
                    .filter(r -> r.isMeasured() && r.implementation().equals(who))
                    .sorted(Comparator.comparingDouble(size))
                    .toList();
            if (!some.isEmpty()) {
                double largest = size.applyAsDouble(some.get(some.size() - 1));
                String ended = rows.stream()
                        .filter(r -> !r.isMeasured() && r.implementation().equals(who))
                        .filter(r -> size.applyAsDouble(r) > largest)
                        .min(Comparator.comparingDouble(size))
                        .map(r -> (NO_MEMORY.matcher(r.missing()).find() ? "\nno memory at " : "\nnone at ")
                                + (long) size.applyAsDouble(r))
                        .orElse("");
                plot.series(who + ended, values(some, size), values(some, value));
            }
        }
        add(end, text, plot.ticksAt(sizes));
    }

    /** Bytes of what a device's tensors lie in as the machine's description has it, or 0 if it does not say. */
    private double machineMemory(String device) {
        Map<String, Object> machine = file.machine() == null ? Map.of() : file.machine();
        Object says = machine.get("memory");
        if (device != null && device.startsWith("cuda") && machine.get("cards") instanceof String cards) {
            String[] all = cards.split("; ");
            int which = device.contains(":") ? Integer.parseInt(device.substring(device.indexOf(':') + 1)) : 0;
            says = which < all.length ? all[which] : null;
        }
        Matcher found = MEBIBYTES.matcher(String.valueOf(says));
        return found.find() ? Double.parseDouble(found.group(1)) * (1 << 20) : 0;
    }

    /** The rows in floats of a pass, measured or not. */
    private static List<Row> of(List<Row> rows, String pass) {
        return rows.stream()
                .filter(r -> r.precision().equals("fp32"))
                .filter(r -> r.pass() == null || r.pass().equals(pass))
                .filter(r -> r.isMeasured() || r.missing() != null)
                .toList();
    }

    private static String part(Row row, int group) {
        Matcher shape = STEP.matcher(row.shape());
        return shape.matches() ? shape.group(group) : null;
    }

    private static double number(Pattern pattern, Row row, int group) {
        Matcher shape = pattern.matcher(row.shape());
        return shape.matches() ? Double.parseDouble(shape.group(group)) : Double.NaN;
    }

    private static List<String> names(List<Row> rows, Function<Row, String> name) {
        return rows.stream().map(name).distinct().toList();
    }

    private static double[] values(List<Row> rows, ToDoubleFunction<Row> value) {
        return rows.stream().mapToDouble(value).toArray();
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
