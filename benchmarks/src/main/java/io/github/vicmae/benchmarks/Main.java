package io.github.vicmae.benchmarks;

import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;

/** The benchmarks' command line. */
public final class Main {
    private Main() {}

    /** Runs what the first argument says, jmh (which may be left out) or results; exits with 0 if all went well, 2 for wrong arguments, 1 for anything else. */
    public static void main(String[] arguments) {
        boolean named = arguments.length > 0 && List.of("jmh", "results").contains(arguments[0]);
        boolean results = named && arguments[0].equals("results");
        CommandLine line = new CommandLine(results ? new ResultsCommand() : new JmhCommand());
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("vicmae: " + (e.getMessage() == null ? e : e.getMessage()));
            return e instanceof IllegalArgumentException ? 2 : 1;
        });
        System.exit(line.execute(named ? Arrays.copyOfRange(arguments, 1, arguments.length) : arguments));
    }
}
