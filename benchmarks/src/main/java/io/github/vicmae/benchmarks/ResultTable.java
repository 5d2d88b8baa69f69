package io.github.vicmae.benchmarks;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Rows as a table: those of the same work stand together, vicmae's first, with the others' time over its own. */
final class ResultTable {
    private static final List<String> HEAD = List.of(
            "shape",
            "pass",
            "precision",
            "implementation",
            "latency",
            "+-",
            "submit",
            "device",
            "samples/s",
            "x vicmae",
            "GB/s",
            "of copy",
            "GFLOP/s",
            "of product",
            "heap",
            "memory");

    private static final String STEP = TrainingStep.class.getSimpleName();

    private static final String STAGES = DataStages.class.getSimpleName();

    private static final String FEATURES = FeatureExtraction.class.getSimpleName();

    private static final Set<String> WITH_MEMORY = Suite.KERNELS.stream()
            .filter(e -> LossBenchmark.class.isAssignableFrom(e.type()) || e.type() == TrainingStep.class)
            .map(Suite.Entry::name)
            .collect(Collectors.toUnmodifiableSet());

    private ResultTable() {}

    /** The rows by benchmark, in their order. */
    static Map<String, List<Row>> byBenchmark(List<Row> rows) {
        Map<String, List<Row>> groups = new LinkedHashMap<>();
        for (Row row : rows) {
            groups.computeIfAbsent(row.benchmark(), b -> new ArrayList<>()).add(row);
        }
        return groups;
    }

    /** Head and lines of one benchmark's table; rows without figures are left to {@link #missing}. */
    static List<List<String>> lines(List<Row> rows) {
        Map<String, List<Row>> works = new LinkedHashMap<>();
        rows.stream().filter(Row::isMeasured).forEach(r -> works.computeIfAbsent(r.work(), w -> new ArrayList<>())
                .add(r));
        List<List<String>> lines = new ArrayList<>();
        lines.add(HEAD);
        for (List<Row> same : works.values()) {
            double own = same.stream()
                    .filter(r -> r.implementation().equals("vicmae"))
                    .mapToDouble(Row::latency)
                    .findFirst()
                    .orElse(Double.NaN);
            same.forEach(r -> lines.add(line(r, own)));
        }
        return lines;
    }

    /**
     * The share of a copy, or NaN where it says nothing: of a step the bytes are those of the weights alone, and where the operations take longer
     * than the bytes at the machine's own rates, the copy is not what limits.
     */
    private static double shareOfCopy(Row r) {
        boolean byOperations = r.flops() != null
                && r.productRate() != null
                && r.bytes() != null
                && r.copyRate() != null
                && r.flops() / r.productRate() > r.bytes() / r.copyRate();
        return byOperations || r.benchmark().equals(STEP) ? Double.NaN : r.shareOfCopy();
    }

    /** The memory of losses and steps, where it is what tells implementations apart; a forward row counts the gradients' tensors too. */
    private static Double memory(Row r) {
        return WITH_MEMORY.contains(r.benchmark()) && !"forward".equals(r.pass()) ? r.memory() : null;
    }

    /** The files of a row that reads some, else NaN. */
    private static double samples(Row r) {
        if (r.benchmark().equals(STAGES)) {
            return KernelBenchmark.sizes(r.shape(), 4)[1];
        }
        return r.benchmark().equals(FEATURES) ? Double.parseDouble(r.shape().split(":")[1]) : Double.NaN;
    }

    private static List<String> line(Row r, double own) {
        return List.of(
                r.shape(),
                r.pass() == null ? "" : r.pass(),
                r.precision(),
                r.implementation(),
                Figures.time(r.latency()),
                Figures.time(r.error()),
                Figures.time(r.submit()),
                Figures.time(r.deviceTime()),
                Figures.rate(samples(r) / r.latency(), 1),
                Double.isNaN(own) ? "" : Figures.digits(r.latency() / own),
                Figures.rate(r.bytesPerSecond(), 1e9),
                Figures.share(shareOfCopy(r)),
                Figures.rate(r.flopsPerSecond(), 1e9),
                Figures.share(r.shareOfProduct()),
                Figures.bytes(r.heap()),
                Figures.bytes(memory(r)));
    }

    /** A sentence for each thing that was not measured, with all the rows that it stands for. */
    static List<String> missing(List<Row> rows) {
        Map<String, List<String>> reasons = new LinkedHashMap<>();
        for (Row r : rows) {
            if (!r.isMeasured()) {
                String what = r.implementation() + (r.precision().equals("fp32") ? "" : " in " + r.precision());
                List<String> who = reasons.computeIfAbsent(what + "|" + r.missing(), k -> new ArrayList<>());
                String row = r.benchmark() + " " + r.shape() + (r.pass() == null ? "" : " " + r.pass());
                if (!who.contains(row)) {
                    who.add(row);
                }
            }
        }
        List<String> sentences = new ArrayList<>();
        reasons.forEach((key, works) -> sentences.add(key.substring(0, key.indexOf('|')) + " was not measured ("
                + String.join(", ", works) + "): " + key.substring(key.indexOf('|') + 1)));
        return sentences;
    }

    static void print(PrintWriter out, List<Row> rows) {
        byBenchmark(rows).forEach((name, some) -> {
            List<List<String>> lines = lines(some);
            if (lines.size() > 1) {
                out.println();
                out.println(name);
                printAligned(out, lines);
            }
        });
        List<String> missing = missing(rows);
        if (!missing.isEmpty()) {
            out.println();
            missing.forEach(out::println);
        }
        out.flush();
    }

    private static void printAligned(PrintWriter out, List<List<String>> lines) {
        for (List<String> line : lines) {
            StringBuilder text = new StringBuilder(" ");
            for (int column = 0; column < line.size(); column++) {
                int at = column;
                int width =
                        lines.stream().mapToInt(l -> l.get(at).length()).max().orElse(0);
                if (width == 0 || isEmpty(lines, column)) {
                    continue;
                }
                text.append(' ')
                        .append(column < 4 ? padded(line.get(column), -width) : padded(line.get(column), width));
            }
            out.println(text.toString().stripTrailing());
        }
    }

    private static boolean isEmpty(List<List<String>> lines, int column) {
        return lines.stream().skip(1).allMatch(l -> l.get(column).isEmpty());
    }

    private static String padded(String text, int width) {
        return String.format("%" + width + "s", text);
    }
}
