package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.cuda.CudaProbe;
import io.github.vicmae.lab.Form;
import io.github.vicmae.lab.Lab;
import io.github.vicmae.lab.LabSettings;
import io.github.vicmae.lab.LossTemplate;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Tests a user-supplied contrastive loss. */
@Command(
        name = "lab",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Build a contrastive loss of your own, check it, look for races, and time it beside the built-in ones.",
        exitCodeListHeading = "Exit status:%n",
        exitCodeList = {
            "0:correct and safe",
            "1:the results could not be written, or the lab itself failed",
            "2:wrong arguments, or a wrong comment in the file",
            "3:wrong results",
            "4:unsafe: a race, a stray access, a read of unwritten memory, a crash",
            "5:it does not compile, or cannot be launched",
            "6:it did not end within the time limit",
            "7:correct, but this build has no emulated driver to look for races"
        })
final class LabCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "FILE.cu", description = "the loss")
    private Path file;

    @Option(names = "--new", paramLabel = "FILE.cu", description = "write an example of a loss, and do nothing else")
    private Path template;

    @Option(names = "--list", description = "list the built-in losses, and do nothing else")
    private boolean list;

    @Option(
            names = "--like",
            paramLabel = "NAME",
            description =
                    "the built-in loss that it has to agree with; without it, its gradient is compared with finite differences")
    private String like;

    @Option(
            names = "--form",
            paramLabel = "symmetric|two-sided|both",
            defaultValue = "both",
            description = "whether columns are the rows themselves (default: ${DEFAULT-VALUE})")
    private String form;

    @Option(
            names = "--temperature",
            defaultValue = "0.1",
            description = "temperature of the loss (default: ${DEFAULT-VALUE})")
    private float temperature;

    @Option(
            names = "--sizes",
            split = ",",
            defaultValue = "256,512,1024,2048,4096",
            description = "numbers of rows to time it at (default: ${DEFAULT-VALUE})")
    private List<Integer> sizes;

    @Option(names = "--no-times", description = "check only")
    private boolean noTimes;

    @Option(names = "--width", defaultValue = "128", description = "width to time it at (default: ${DEFAULT-VALUE})")
    private int width;

    @Option(
            names = "--time-limit",
            paramLabel = "SECONDS",
            defaultValue = "300",
            description = "time limit of each stage (default: ${DEFAULT-VALUE})")
    private int limit;

    @Option(names = "--no-ptx", description = "do not also compile it for cards, even if nvcc is installed")
    private boolean noPtx;

    @Option(
            names = "--device",
            paramLabel = "auto|cpu|cuda[:N]",
            defaultValue = "auto",
            description = "a card to check and time it on besides the CPU (default: ${DEFAULT-VALUE})")
    private String device;

    @Option(names = "--out", paramLabel = "DIR", description = "folder for the results (default: lab/NAME)")
    private Path out;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter console = spec.commandLine().getOut();
        if (list) {
            Lab.list().forEach(console::println);
            return 0;
        }
        if (template != null) {
            LossTemplate.write(template);
            console.println("written: " + template + "; try it with 'lab " + template + " --like infonce'");
            return 0;
        }
        if (file == null) {
            throw new IllegalArgumentException(
                    "The lab needs a loss: name a FILE.cu, or use --new FILE.cu to write an example, or --list");
        }
        LabSettings settings = new LabSettings(
                file,
                like,
                Form.named(form),
                resolved(),
                temperature,
                noTimes ? List.of() : sizes,
                width,
                limit,
                !noPtx,
                out != null ? out : Path.of("lab", name()));
        return new Lab(settings, console).run().exitCode();
    }

    private String name() {
        return file.getFileName().toString().replaceFirst("\\.cu$", "");
    }

    /** Resolves the device's name on this machine; this process does not keep a device open. */
    private String resolved() {
        if (device.equals("auto")) {
            return CudaProbe.probe().isUsable() ? "cuda" : "cpu";
        }
        if (!device.matches("cpu|cuda(:[0-9]{1,3})?")) {
            throw new IllegalArgumentException("The lab has no device '" + device
                    + "': use auto, cpu, cuda or cuda:N; the emulated one is part of every run");
        }
        if (!device.equals("cpu")) {
            Device.open(device).close(); // reports why it cannot be used
        }
        return device;
    }
}
