package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Device;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
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
            "Regular expressions choose benchmarks by name, and -p NAME=VALUE,... what is measured of them: shape, precision,"
                    + " implementation or pass. DataStages -p data=PATH measures your own videos and images.",
            "Further options are JMH's: -f forks, -wi and -i iterations and -w and -r their time for warm-up and measurement,"
                    + " -prof a profiler (-lprof lists them), -e benchmarks to leave out, -v NORMAL for all that JMH says."
        })
final class JmhCommand implements Callable<Integer> {
    private static final Pattern PACKAGE = Pattern.compile("^.*\\.");
    private static final Pattern PLAIN = Pattern.compile("[\\w./:=,@%+-]+");

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

    @Option(names = "--out", paramLabel = "FILE", description = "write the results as JSON, after every row")
    private Path out;

    @Option(names = "--title", defaultValue = "", description = "the run's title on the results page")
    private String title;

    @Option(names = "--list", description = "list the benchmarks and the implementations available here")
    private boolean list;

    @Unmatched
    private List<String> forJmh = new ArrayList<>();

    @Spec
    private CommandSpec spec;

    private Failure failure;
    private String opened;

    @Override
    public Integer call() throws IOException, RunnerException {
        PrintWriter console = spec.commandLine().getOut();
        JmhSettings jmh = JmhSettings.of(forJmh);
        if (jmh.shouldListProfilers()) {
            jmh.listProfilers();
            return 0;
        }
        if (device.startsWith("emulated")) {
            throw new IllegalArgumentException("The emulated device has no speed to measure; use cpu or cuda");
        }
        List<Suite.Entry> entries = chosen(jmh);
        Device.Kind kind;
        try (Device d = Device.open(device)) {
            console.println("device: " + d.description());
            kind = d.kind();
        }
        opened = kind == Device.Kind.CPU ? "cpu" : device.equals("auto") ? "cuda" : device;
        Suite.Size size = brief ? Suite.Size.TINY : kind == Device.Kind.CPU ? Suite.Size.CPU : Suite.Size.CARD;
        if (list) {
            entries.forEach(e -> describe(console, e, size));
            return 0;
        }
        List<String> skipped = new ArrayList<>();
        List<Choice> choices = Choice.of(entries, size, jmh, skipped);
        skipped.forEach(console::println);
        failure = new Failure();
        try (RunResults results = new RunResults(console, out, title, command())) {
            for (Choice choice : choices) {
                run(results, choice, jmh);
            }
            results.end();
            return results.failed() ? 1 : 0;
        }
    }

    /** The command that produces the same file. */
    private String command() {
        List<String> words = new ArrayList<>(List.of("./vicmae", "jmh"));
        if (brief) {
            words.add("--short");
        }
        if (scaling) {
            words.add("--scaling");
        }
        words.addAll(List.of("--device", device));
        if (out != null) {
            words.addAll(List.of("--out", out.toString()));
        }
        if (!title.isEmpty()) {
            words.addAll(List.of("--title", title));
        }
        words.addAll(forJmh);
        return words.stream()
                .map(word -> PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
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
            console.println("  " + who + (reason == null ? "" : ": not available here, " + reason));
        }
    }

    private void run(RunResults results, Choice choice, JmhSettings jmh) throws IOException, RunnerException {
        Suite.Entry entry = choice.entry();
        for (String shape : choice.shapes()) {
            for (String precision : choice.precisions()) {
                for (Implementation one : choice.who()) {
                    List<String> passes = choice.passes(one);
                    String reason = passes.isEmpty() ? null : Suite.reason(entry, one, opened, precision, shape);
                    if (reason != null) {
                        results.add(Row.missing(entry.name(), one, opened, precision, shape, null, reason));
                        continue;
                    }
                    for (String pass : passes) {
                        measure(results, entry, jmh, one, precision, shape, pass);
                    }
                }
            }
        }
    }

    /** Measures one row, which is saved before the next begins. */
    private void measure(
            RunResults results,
            Suite.Entry entry,
            JmhSettings jmh,
            Implementation who,
            String precision,
            String shape,
            String pass)
            throws IOException, RunnerException {
        List<String> arguments = new ArrayList<>(jmh.getJvmArgsAppend().orElse(List.of()));
        arguments.add(failure.option());
        ChainedOptionsBuilder options = new OptionsBuilder()
                .parent(jmh)
                .include("^" + Pattern.quote(entry.type().getName()) + "\\.latency$")
                .mode(Mode.AverageTime) // the figures beside JMH's own are those of one launch
                .timeUnit(TimeUnit.MICROSECONDS)
                .param("device", opened)
                .param("implementation", who.toString())
                .param("precision", precision)
                .param("shape", shape)
                .operationsPerInvocation(1)
                .jvmArgsAppend(arguments.toArray(new String[0]))
                .addProfiler(LaunchProfiler.class)
                .shouldFailOnError(false);
        if (pass != null) {
            options.param("pass", pass);
        }
        if (!jmh.verbosity().hasValue()) {
            options.verbosity(VerboseMode.SILENT);
        }
        if (scaling && !brief) {
            options.warmupIterations(jmh.getWarmupIterations().orElse(1))
                    .measurementIterations(jmh.getMeasurementIterations().orElse(5));
        }
        if (brief) {
            options.forks(0).warmupIterations(0).measurementIterations(1).measurementTime(TimeValue.milliseconds(20));
        }
        Collection<RunResult> measured = new Runner(options.build()).run();
        for (RunResult result : measured) {
            results.add(row(entry, result));
        }
        if (measured.isEmpty()) {
            Failure.Told told = failure.take("it failed without a message; run it alone with -v NORMAL to see why");
            Row row = Row.missing(entry.name(), who, opened, precision, shape, pass, told.why());
            if (told.memory()) { // running out of memory is a result
                results.add(row);
            } else {
                results.addFailed(row);
            }
        }
    }

    private Row row(Suite.Entry entry, RunResult result) {
        BenchmarkParams p = result.getParams();
        Result<?> primary = result.getPrimaryResult();
        double toSeconds = 1e-6;
        Map<String, Double> more = new LinkedHashMap<>();
        result.getSecondaryResults()
                .forEach((name, r) -> more.put(PACKAGE.matcher(name).replaceFirst(""), r.getScore()));
        double deviation = primary.getStatistics().getStandardDeviation(); // NaN for a single iteration
        return new Row(
                entry.name(),
                p.getParam("implementation"),
                opened,
                p.getParam("precision"),
                p.getParam("shape"),
                p.getParam("pass"),
                primary.getScore() * toSeconds,
                Double.isNaN(deviation) ? null : deviation * toSeconds,
                more.get(Measured.SUBMIT),
                more.get(Measured.DEVICE),
                more.get(Measured.HEAP),
                more.get(Measured.BYTES),
                more.get(Measured.FLOPS),
                more.get(Measured.COPY),
                more.get(Measured.PRODUCT),
                more.get(Measured.MEMORY),
                null);
    }
}
