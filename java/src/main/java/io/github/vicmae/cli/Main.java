package io.github.vicmae.cli;

import io.github.vicmae.device.DeviceException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. Exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted. */
@Command(
        name = "vicmae",
        description = "ViC-MAE for the JVM: one vision transformer learned from videos and images.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nAlso:%n",
        footer = {
            "  jmh, results  Benchmarks, and a page of their results (sources, archive -gpu).",
            "  test          The tests (sources); the kernels' tests on a card (archive -gpu)."
        },
        subcommands = {
            DemoCommand.class,
            PretrainCommand.class,
            RecipesCommand.class,
            CompareCommand.class,
            InspectCommand.class,
            PackCommand.class,
            EmbedCommand.class,
            ExportCommand.class,
            ConvertCommand.class,
            IndexCommand.class,
            SearchCommand.class,
            DuplicatesCommand.class,
            FinetuneCommand.class,
            EvaluateCommand.class,
            FeaturesCommand.class,
            KnnCommand.class,
            ProbeCommand.class,
            EvidenceCommand.class,
            VerifyCommand.class,
            PlanCommand.class,
            LabCommand.class,
            DoctorCommand.class,
            InfoCommand.class,
            HelpCommand.class
        })
public final class Main {
    static final int FAILED = 1;
    static final int INTERRUPTED = 130;

    /** Kept, since a logger that nobody holds forgets its level. */
    private static final Logger LUCENE = Logger.getLogger("org.apache.lucene");

    private Main() {}

    /** Runs a command and ends the JVM with its exit status. */
    public static void main(String[] args) {
        LUCENE.setLevel(Level.SEVERE); // it remarks on the Java version
        System.exit(run(new PrintWriter(System.out, true), Terminal.STANDARD_ERROR, args));
    }

    /** Runs a command. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = commandLine();
        line.setOut(out);
        line.setErr(err);
        line.setParameterExceptionHandler(new ArgumentErrors(Main::commandLine));
        line.setExecutionExceptionHandler((e, command, parsed) -> explain(e, command));
        try {
            if (args.length == 0) {
                line.usage(out);
                return CommandLine.ExitCode.USAGE;
            }
            return line.execute(args);
        } finally { // a writer flushes by itself at the end of a line alone
            out.flush();
            err.flush();
        }
    }

    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                // An option that takes several values must not take a misspelt option for one of them.
                .setUnmatchedOptionsAllowedAsOptionParameters(false);
        Version version = new Version();
        line.getCommandSpec().versionProvider(version);
        line.getSubcommands().values().forEach(c -> c.getCommandSpec().versionProvider(version));
        return line;
    }

    /** The JDK's message for a file is often its name alone. */
    private static String sentence(Exception e) {
        Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
        if (!(cause instanceof FileSystemException file) || file.getReason() != null) {
            return e.getMessage();
        }
        String what = "it cannot be read or written";
        if (file instanceof NoSuchFileException) {
            what = "it does not exist, or its folder does not";
        } else if (file instanceof AccessDeniedException) {
            what = "permission is denied";
        } else if (file instanceof FileAlreadyExistsException) {
            what = "there is a file of that name, where a folder is needed";
        }
        return file.getFile() + ": " + what + "; name another file or folder";
    }

    /** What the user can put right is one sentence; anything else is a fault of vicmae, and its stack trace is printed. */
    private static int explain(Exception e, CommandLine command) {
        boolean isUsers = e instanceof IOException
                || e instanceof UncheckedIOException
                || e instanceof DeviceException
                || e instanceof IllegalArgumentException;
        if (isUsers && e.getMessage() != null) {
            command.getErr().println("vicmae: " + sentence(e));
        } else {
            command.getErr().println("vicmae: an unexpected error; please report it with the lines below.");
            e.printStackTrace(command.getErr());
        }
        return e instanceof IllegalArgumentException ? CommandLine.ExitCode.USAGE : FAILED;
    }
}
