package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Device;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/** Runs the benchmarks with JMH, the peers in the same run, and prints one table. */
@Command(
        name = "jmh",
        mixinStandardHelpOptions = true,
        description = {
            "Measure every kernel and the whole step beside the unfused form, cuBLAS, cuDNN and libtorch, with JMH.",
            "Further arguments go to JMH: regular expressions choose benchmarks by name, -p shape=1024x128 a parameter,"
                    + " -f, -wi, -i, -w, -r, -prof and the others are JMH's own ('-h' of JMH lists them)."
        })
final class JmhCommand implements Callable<Integer> {
    private static final Pattern PACKAGE = Pattern.compile("^.*\\.");

    @Option(
            names = "--device",
            defaultValue = "auto",
            description = "auto, cpu, cuda or cuda:N (default: ${DEFAULT-VALUE})")
    private String device;

    @Option(names = "--short", description = "tiny shapes, a moment each, in this process: to see that everything runs")
    private boolean brief;

    @Option(
            names = "--scaling",
            description =
                    "the loss against its rows, the step against samples, tokens and depth, the loader against workers")
    private boolean scaling;

    @Option(names = "--out", paramLabel = "FILE", description = "write the results as JSON, after every benchmark")
    private Path out;

    @Option(names = "--title", defaultValue = "", description = "the run's title on the results page")
    private String title;

    @Option(names = "--list", description = "list the benchmarks and what can do them here")
    private boolean list;

    @Unmatched
    private List<String> forJmh = new ArrayList<>();

    @Spec
    private CommandSpec spec;

    private final List<Row> rows = new ArrayList<>();
    private Failure failure;
    private String opened;
    private boolean failed;

    @Override
    public Integer call() throws IOException, RunnerException {
        PrintWriter console = spec.commandLine().getOut();
        JmhSettings jmh;
        try {
            jmh = new JmhSettings(forJmh.toArray(new String[0]));
        } catch (CommandLineOptionException e) {
            throw new IllegalArgumentException("JMH does not understand that: " + e.getMessage(), e);
        }
        if (device.startsWith("emulated")) {
            throw new IllegalArgumentException("The emulated device has no speed to measure; use cpu or cuda");
        }
        Device.Kind kind;
        try (Device d = Device.open(device)) {
            console.println("device: " + d.description());
            kind = d.kind();
        }
        opened = kind == Device.Kind.CPU ? "cpu" : device.equals("auto") ? "cuda" : device;
        Suite.Size size = brief ? Suite.Size.TINY : kind == Device.Kind.CPU ? Suite.Size.CPU : Suite.Size.CARD;
        failure = new Failure();
        List<Suite.Entry> chosen = chosen(jmh);
        if (list) {
            chosen.forEach(e -> describe(console, e, size));
            return 0;
        }
        save(); // what cannot be written shows before anything is measured
        for (Suite.Entry entry : chosen) {
            run(console, entry, size, jmh);
            save();
        }
        ResultTable.print(console, rows);
        if (out != null) {
            console.println();
            console.println("Results: " + out);
        }
        return failed ? 1 : 0;
    }

    private List<Suite.Entry> chosen(JmhSettings jmh) {
        List<Suite.Entry> all = scaling ? Suite.SCALING : Suite.KERNELS;
        List<String> wanted = jmh.names();
        List<Suite.Entry> chosen = all.stream()
                .filter(e -> wanted.isEmpty() || finds(wanted, e.name()))
                .filter(e -> !finds(jmh.getExcludes(), e.name()))
                .toList();
        if (chosen.isEmpty()) {
            throw new IllegalArgumentException(
                    (wanted.isEmpty() ? "No benchmark is left" : "There is no benchmark " + String.join(" or ", wanted))
                            + "; there are "
                            + String.join(
                                    ", ", all.stream().map(Suite.Entry::name).toList()));
        }
        return chosen;
    }

    private static boolean finds(List<String> expressions, String name) {
        return expressions.stream()
                .anyMatch(
                        expression -> Pattern.compile(expression).matcher(name).find());
    }

    private void describe(PrintWriter console, Suite.Entry entry, Suite.Size size) {
        console.println(entry.name() + ": shapes " + String.join(", ", entry.shapes(size))
                + (entry.passes().isEmpty() ? "" : "; passes " + String.join(", ", entry.passes())));
        for (Implementation who : entry.who()) {
            String reason =
                    Suite.reason(entry, who, opened, "fp32", entry.shapes(size).get(0));
            console.println("  " + who + (reason == null ? "" : ": not here, " + reason));
        }
    }

    private void run(PrintWriter console, Suite.Entry entry, Suite.Size size, JmhSettings jmh) throws RunnerException {
        List<String> precisions = entry.bf16() ? List.of("fp32", "bf16") : List.of("fp32");
        List<String> who = entry.who().stream().map(Implementation::toString).toList();
        for (String shape : values(jmh, "shape", entry.shapes(size))) {
            for (String precision : values(jmh, "precision", precisions)) {
                for (String name : values(jmh, "implementation", who)) {
                    Implementation one = Implementation.of(name);
                    String reason = Suite.reason(entry, one, opened, precision, shape);
                    if (reason != null) {
                        rows.add(Row.missing(entry.name(), one, opened, precision, shape, null, reason));
                        continue;
                    }
                    List<String> passes = entry.passes().isEmpty() ? List.of() : values(jmh, "pass", entry.passes());
                    if (one == Implementation.DJL) {
                        passes = passes.stream()
                                .filter(p -> !entry.notInTorch().contains(p))
                                .toList();
                    }
                    if (!passes.isEmpty() || entry.passes().isEmpty()) {
                        measure(console, entry, jmh, one, precision, shape, passes);
                    }
                }
            }
        }
    }

    private static List<String> values(JmhSettings jmh, String parameter, List<String> otherwise) {
        Collection<String> given = jmh.getParameter(parameter).orElse(null);
        return given == null ? otherwise : List.copyOf(given);
    }

    private void measure(
            PrintWriter console,
            Suite.Entry entry,
            JmhSettings jmh,
            Implementation who,
            String precision,
            String shape,
            List<String> passes)
            throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .parent(jmh)
                .include("^" + Pattern.quote(entry.type().getName()) + "\\.latency$")
                .mode(Mode.AverageTime) // the figures beside JMH's own are those of one launch
                .timeUnit(TimeUnit.MICROSECONDS)
                .param("device", opened)
                .param("implementation", who.toString())
                .param("precision", precision)
                .param("shape", shape)
                .jvmArgsAppend(failure.option())
                .addProfiler(LaunchProfiler.class)
                .shouldFailOnError(false);
        if (!passes.isEmpty()) {
            options.param("pass", passes.toArray(new String[0]));
        }
        if (!jmh.verbosity().hasValue()) {
            options.verbosity(VerboseMode.SILENT);
        }
        if (scaling && !brief) {
            options.warmupIterations(jmh.getWarmupIterations().orElse(1))
                    .measurementIterations(jmh.getMeasurementIterations().orElse(3));
        }
        if (brief) {
            options.forks(0).warmupIterations(0).measurementIterations(1).measurementTime(TimeValue.milliseconds(20));
        }
        Collection<RunResult> results = new Runner(options.build()).run();
        results.forEach(r -> add(console, entry, r));
        if (results.size() < Math.max(1, passes.size())) {
            Failure.Told told = failure.take("it failed without a word; run it alone with -v NORMAL to see how");
            String why = told.why();
            rows.add(Row.missing(entry.name(), who, opened, precision, shape, null, why));
            console.println("  " + entry.name() + " " + shape + " " + precision + " " + who + ": " + why);
            failed |= !told.memory(); // to run out of memory is a result
        }
        console.flush();
    }

    private void add(PrintWriter console, Suite.Entry entry, RunResult result) {
        BenchmarkParams p = result.getParams();
        Result<?> primary = result.getPrimaryResult();
        double toSeconds = 1e-6;
        Map<String, Double> more = new LinkedHashMap<>();
        result.getSecondaryResults()
                .forEach((name, r) -> more.put(PACKAGE.matcher(name).replaceFirst(""), r.getScore()));
        Double error = Double.isNaN(primary.getScoreError()) ? null : primary.getScoreError() * toSeconds;
        Row row = new Row(
                entry.name(),
                p.getParam("implementation"),
                opened,
                p.getParam("precision"),
                p.getParam("shape"),
                p.getParam("pass"),
                primary.getScore() * toSeconds,
                error,
                more.get(Measured.SUBMIT),
                more.get(Measured.DEVICE),
                more.get(Measured.HEAP),
                more.get(Measured.BYTES),
                more.get(Measured.FLOPS),
                more.get(Measured.COPY),
                more.get(Measured.PRODUCT),
                more.get(Measured.MEMORY),
                null);
        rows.add(row);
        console.println("  " + row.benchmark() + " " + row.shape() + " " + row.precision() + " "
                + (row.pass() == null ? "" : row.pass() + " ") + row.implementation() + ": "
                + Figures.time(row.latency()));
        console.flush();
    }

    /** After every benchmark, so that an interrupted run keeps what it has. */
    private void save() throws IOException {
        if (out != null) {
            String command = "./vicmae jmh" + (brief ? " --short" : "") + (scaling ? " --scaling" : "") + " --device "
                    + device + (forJmh.isEmpty() ? "" : " " + String.join(" ", forJmh));
            new ResultsFile(ResultsFile.SCHEMA, title, command, LocalDate.now().toString(), Machine.describe(), rows)
                    .write(out);
        }
    }
}
