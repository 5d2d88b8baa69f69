package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.train.StepBenchmark;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Benchmarks. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = "Measure this machine.",
        subcommands = BenchCommand.Step.class)
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        throw new picocli.CommandLine.ParameterException(spec.commandLine(), "Say what to measure: bench step");
    }

    /** A whole training step. */
    @Command(
            name = "step",
            mixinStandardHelpOptions = true,
            modelTransformer = ModelOptions.Settings.class,
            description = "Time training steps on random data, beside the device's own matrix-product rate.")
    static final class Step implements Callable<Integer> {
        @Option(names = "--batch", defaultValue = "4", description = "samples of a step (default: ${DEFAULT-VALUE})")
        private int batch;

        @Option(names = "--steps", defaultValue = "10", description = "counted steps (default: ${DEFAULT-VALUE})")
        private int steps;

        @Mixin
        private ModelOptions model = new ModelOptions();

        @Mixin
        private ExecutionOptions execution;

        @Mixin
        private DeviceOption device;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() {
            if (steps < 1) {
                throw new IllegalArgumentException("At least one step must be counted, not " + steps);
            }
            if (device.isEmulated()) {
                throw new IllegalArgumentException("The emulated device has no speed to measure; use cpu or cuda");
            }
            PrintWriter out = spec.commandLine().getOut();
            ModelConfig config = model.config();
            try (Device d = device.open()) {
                out.println("device: " + d.description());
                StepBenchmark.Result r =
                        StepBenchmark.run(d, config, batch, execution.precision(), execution.recompute, steps);
                print(out, "step (forward, backward, update)", "%.1f ms", r.stepSeconds() * 1000);
                print(out, "forward and backward alone", "%.1f ms", r.passesSeconds() * 1000);
                print(out, "pairs", "%.2f pairs/s", r.pairsPerSecond());
                print(out, "matrix products and attention", "%.1f GFLOP/s", r.gigaflops());
                print(out, "sgemm 2048 x 2048 x 2048", "%.1f GFLOP/s", r.gemmGigaflops());
                print(out, "share of the sgemm rate", "%.1f %%", 100 * r.shareOfGemm());
                print(out, "launches of a step", "%.0f", (double) r.launches());
                print(out, "an empty launch", "%.0f ns", r.launchNanos());
                print(out, "launching's share of the step", "%.2f %%", 100 * r.launchShare());
                print(out, "Java heap allocated in a step", "%.0f bytes", (double) r.allocatedBytes());
                print(out, "device memory", "%.0f MiB", r.deviceBytes() / 1048576.0);
            }
            return 0;
        }

        private static void print(PrintWriter out, String name, String format, double value) {
            out.printf(Locale.ROOT, "  %-34s " + format + "%n", name, value);
        }
    }
}
