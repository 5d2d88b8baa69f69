package io.github.vicmae.benchmarks;

import picocli.CommandLine;

/** The benchmarks' command line. */
public final class Main {
    private Main() {}

    /** Runs it; exits with 0 if all went well, 2 for wrong arguments, 1 for anything else. */
    public static void main(String[] arguments) {
        CommandLine line = new CommandLine(new JmhCommand());
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("vicmae: " + (e.getMessage() == null ? e : e.getMessage()));
            return e instanceof IllegalArgumentException ? 2 : 1;
        });
        System.exit(line.execute(arguments));
    }
}
