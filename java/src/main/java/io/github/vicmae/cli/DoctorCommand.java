package io.github.vicmae.cli;

import io.github.vicmae.device.system.SystemInfo;
import io.github.vicmae.io.JsonText;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Reports the devices of this machine. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Say which devices can be used here, what is missing, and what to do about it.")
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "as one JSON object")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        Diagnosis diagnosis = Diagnosis.of(SystemInfo.collect());
        if (json) {
            out.println(JsonText.indented(diagnosis.tree()));
        } else {
            diagnosis.sentences().forEach(out::println);
            diagnosis.advice().forEach(out::println);
        }
        return diagnosis.isUsable() ? 0 : Main.FAILED;
    }
}
