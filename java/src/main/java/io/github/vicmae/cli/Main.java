package io.github.vicmae.cli;

import io.github.vicmae.device.DeviceException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. Exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted. */
@Command(
        name = "vicmae",
        description = "ViC-MAE for the JVM: one vision transformer learned from videos and images.",
        versionProvider = Main.Version.class,
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nAlso:%n",
        footer = {
            "  jmh, results  Benchmarks, and a page of them (sources, archive -gpu).",
            "  test          The kernels' tests on a card (archive -gpu)."
        },
        subcommands = {
            DemoCommand.class,
            PretrainCommand.class,
            EmbedCommand.class,
            VerifyCommand.class,
            PlanCommand.class,
            BenchCommand.class,
            LabCommand.class,
            DoctorCommand.class,
            InfoCommand.class
        })
public final class Main {
    static final int FAILED = 1;
    static final int INTERRUPTED = 130;

    /** The version in the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"vicmae " + (version == null ? "(built from source)" : version)};
        }
    }

    private Main() {}

    /** Runs a command and ends the JVM with its exit status. */
    public static void main(String[] args) {
        System.exit(run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args));
    }

    /** Runs a command. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = new CommandLine(new Main());
        line.setOut(out);
        line.setErr(err);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((e, command, parsed) -> explain(e, command));
        if (args.length == 0) {
            line.usage(out);
            return CommandLine.ExitCode.USAGE;
        }
        return line.execute(args);
    }

    /** The JDK's message for a file is often its name alone. */
    private static String sentence(Exception e) {
        Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
        if (!(cause instanceof FileSystemException file) || file.getReason() != null) {
            return e.getMessage();
        }
        String what = "it cannot be read or written";
        if (file instanceof NoSuchFileException) {
            what = "it does not exist, or cannot be made there";
        } else if (file instanceof AccessDeniedException) {
            what = "permission is denied";
        } else if (file instanceof FileAlreadyExistsException) {
            what = "it is there already, and no folder";
        }
        return file.getFile() + ": " + what + "; name another file or folder";
    }

    /** What a user can mend is one sentence; anything else is our mistake, and its stack is shown. */
    private static int explain(Exception e, CommandLine command) {
        boolean usersToMend = e instanceof IOException
                || e instanceof UncheckedIOException
                || e instanceof DeviceException
                || e instanceof IllegalArgumentException;
        if (usersToMend && e.getMessage() != null) {
            command.getErr().println("vicmae: " + sentence(e));
        } else {
            command.getErr().println("vicmae: an unexpected error; please report it with what stands below.");
            e.printStackTrace(command.getErr());
        }
        return e instanceof IllegalArgumentException ? CommandLine.ExitCode.USAGE : FAILED;
    }
}
