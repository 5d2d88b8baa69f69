package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Golden;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs golden files and compares. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description =
                "Run the steps of golden files and compare losses, predictions, gradients and updates, within limits that depend"
                        + " on the precision.")
final class VerifyCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "FILE", description = "golden files (safetensors)")
    private List<Path> files;

    @Mixin
    private PrecisionOption precision;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        int failed = 0;
        try (Device d = device.open()) {
            out.println("device: " + d.description());
            for (Path file : files) {
                failed += passes(file, d) ? 0 : 1;
            }
        }
        out.println(
                failed == 0
                        ? files.size() + (files.size() == 1 ? " file passes" : " files pass")
                        : failed + " of " + files.size() + (files.size() == 1 ? " file fails" : " files fail"));
        return failed == 0 ? 0 : Main.FAILED;
    }

    /** A file that cannot be read counts as failed, and the remaining files are still run. */
    private boolean passes(Path file, Device on) {
        try {
            List<Golden.Row> rows = Golden.verify(file, on, precision.value());
            print(spec.commandLine().getOut(), file, rows);
            return rows.stream().allMatch(Golden.Row::passes);
        } catch (IOException e) {
            String said = String.valueOf(e.getMessage());
            String message = said.contains(file.toString()) ? said : file + ": " + said;
            spec.commandLine().getErr().println("vicmae: " + message);
            return false;
        }
    }

    private static void print(PrintWriter out, Path file, List<Golden.Row> rows) {
        out.println();
        out.println(file);
        out.printf("  %-22s %12s %9s%n", "quantity", "rel. error", "limit");
        for (Golden.Row r : rows) {
            out.printf(
                    Locale.ROOT,
                    "  %-22s %12.2e %9.0e  %-4s %s%n",
                    r.quantity(),
                    r.error(),
                    r.limit(),
                    r.passes() ? "ok" : "FAIL",
                    r.detail());
        }
    }
}
