package io.github.vicmae.benchmarks;

import io.github.vicmae.cli.ArgumentErrors;
import io.github.vicmae.cli.Version;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;

/** The benchmarks' command line. */
public final class Main {
    private static final String RESULTS = "results";

    private Main() {}

    /** Runs the command that the first argument names, jmh (the default) or results. Exit status: 0 done, 1 failed, 2 wrong arguments. */
    public static void main(String[] arguments) {
        System.exit(commandLine(arguments).execute(without(arguments)));
    }

    private static boolean isNamed(String[] arguments) {
        return arguments.length > 0 && List.of("jmh", RESULTS).contains(arguments[0]);
    }

    static CommandLine commandLine(String[] arguments) {
        boolean results = isNamed(arguments) && arguments[0].equals(RESULTS);
        CommandLine line = plain(results);
        line.setParameterExceptionHandler(new ArgumentErrors(() -> plain(results)));
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("vicmae: " + (e.getMessage() == null ? e : e.getMessage()));
            return e instanceof IllegalArgumentException ? 2 : 1;
        });
        return line;
    }

    private static CommandLine plain(boolean results) {
        CommandLine line = new CommandLine(results ? new ResultsCommand() : new JmhCommand())
                .setUnmatchedOptionsAllowedAsOptionParameters(false);
        line.getCommandSpec().versionProvider(new Version());
        return line;
    }

    /** The arguments after the command's name. */
    static String[] without(String[] arguments) {
        return isNamed(arguments) ? Arrays.copyOfRange(arguments, 1, arguments.length) : arguments;
    }
}
