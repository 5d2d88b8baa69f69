package io.github.vicmae.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Describes a command, as its option {@code --help} does. */
@Command(
        name = "help",
        helpCommand = true,
        mixinStandardHelpOptions = true,
        description = "Describe a command, or list them all.")
final class HelpCommand implements Callable<Integer> {
    /** Commands that the launcher adds; this process does not know their options. */
    private static final List<String> OF_THE_LAUNCHER = List.of("jmh", "results", "test");

    @Parameters(arity = "0..1", paramLabel = "COMMAND", description = "the command; none for the list")
    private String name;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        CommandLine parent = spec.parent().commandLine();
        PrintWriter out = spec.commandLine().getOut();
        if (name == null) {
            parent.usage(out);
        } else if (parent.getSubcommands().containsKey(name)) {
            parent.getSubcommands().get(name).usage(out);
        } else if (OF_THE_LAUNCHER.contains(name)) {
            out.println("'./vicmae " + name + " --help' describes it.");
        } else {
            throw new ParameterException(spec.commandLine(), "There is no command '" + name + "'");
        }
        return CommandLine.ExitCode.OK;
    }
}
