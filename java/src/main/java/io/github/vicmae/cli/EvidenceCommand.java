package io.github.vicmae.cli;

import io.github.vicmae.cli.evidence.Evidence;
import io.github.vicmae.cli.evidence.EvidenceRun;
import io.github.vicmae.cli.evidence.EvidenceSettings;
import io.github.vicmae.cli.evidence.EvidenceTable;
import io.github.vicmae.device.Device;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes a table of results by other commands. */
@Command(
        name = "evidence",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Make one of the tables in docs/evidence.md: pre-train, fine-tune and evaluate several systems with three seeds, by the"
                    + " commands of their names, and write their accuracies side by side as JSON and as Markdown.",
            "cifar: ViC-MAE, MAE, the contrastive loss alone, no training, raw pixels and supervised training on small pictures."
                    + " clips: distances between the frames and ways of pooling, on short videos. Each takes up to an hour on"
                    + " two cores. The same command goes on with a table that was interrupted."
        })
final class EvidenceCommand implements Callable<Integer> {
    private static final String AUTO = "auto";
    private static final long NOTE_SECONDS = 3;

    @Parameters(paramLabel = "TABLE", description = "cifar or clips")
    private String name;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR|TAR|synthetic",
            description =
                    "folder with the folders train and test, which have a subfolder for each class, or a tar file of it;"
                            + " 'synthetic' renders the demo's clips")
    private String data;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "folder for runs, evaluations, logs and the table; a table that it holds is gone on with")
    private Path out;

    @Option(
            names = "--quick",
            description = "one seed, a few samples and as few steps as possible, to see whether all commands work")
    private boolean quick;

    @Option(
            names = "--dry-run",
            description = "unpack or render the data, print the commands and how long they take, and exit")
    private boolean dryRun;

    @Option(
            names = "--device",
            paramLabel = "auto|cpu|cuda[:N]|emulated[:SCHEDULE]",
            defaultValue = AUTO,
            description = "where to run, as in the other commands (default: ${DEFAULT-VALUE})")
    private String device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter text = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        if (!Evidence.NAMES.contains(name)) {
            throw new IllegalArgumentException(
                    "There is no table '" + name + "'; there are " + String.join(" and ", Evidence.NAMES));
        }
        if (!dryRun) {
            Device.open(device).close(); // what is wrong with it shows before any work
        }
        EvidenceSettings settings = Evidence.settings(data, out, quick, device.equals(AUTO) ? null : device);
        if (dryRun) {
            EvidenceTable table = Evidence.table(name, settings, out);
            table.commands().forEach(command -> text.println(command.line()));
            text.println(table.commands().size() + " commands; about " + Math.round(table.seconds() / 60)
                    + " minutes on two free cores");
            return 0;
        }
        EvidenceRun run =
                Evidence.run(name, settings, out, (log, args) -> Main.run(log, log, args.toArray(String[]::new)), err);
        int status = untilDoneOrInterrupted(run, err);
        if (status == 0) {
            text.print(run.markdown());
            text.println();
            text.println("The table: " + run.file());
        }
        return status;
    }

    /** A command that trains saves its checkpoint when the JVM is asked to stop; no other is begun then. */
    private static int untilDoneOrInterrupted(EvidenceRun run, PrintWriter err) throws IOException {
        AtomicBoolean stopping = new AtomicBoolean();
        CountDownLatch noted = new CountDownLatch(1);
        Thread hook = new Thread(
                () -> {
                    stopping.set(true);
                    err.println("stopping: the same command goes on with this table");
                    await(noted);
                },
                "vicmae-evidence-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return run.run(stopping::get);
        } finally {
            noted.countDown();
            Run.remove(hook);
        }
    }

    /** A training that has saved its checkpoint is still to be noted with its seconds; a command of another kind need not be waited for. */
    private static void await(CountDownLatch noted) {
        try {
            noted.await(NOTE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
