package io.github.vicmae.cli;

import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Reports wrong arguments in one sentence and points to the help instead of printing it, which would push that sentence off the screen. */
public final class ArgumentErrors implements IParameterExceptionHandler {
    /** Picocli's message where an option with several values is followed by a misspelt option. */
    private static final Pattern UNKNOWN_OPTION = Pattern.compile("Unknown option: '([^']*)'; Expected parameter");

    private final Supplier<CommandLine> again;

    /**
     * @param again creates the same command line, to parse the arguments once more
     */
    public ArgumentErrors(Supplier<CommandLine> again) {
        this.again = again;
    }

    @Override
    public int handleParseException(ParameterException found, String[] arguments) {
        ParameterException e = mostTelling(found, arguments);
        CommandLine command = found.getCommandLine();
        command.getErr().println("vicmae: " + sentence(e) + suggestions(e));
        boolean hasCommands = !command.getSubcommands().isEmpty();
        command.getErr()
                .println("'" + command.getCommandSpec().qualifiedName(" ") + " --help' lists the "
                        + (hasCommands ? "commands." : "options."));
        return CommandLine.ExitCode.USAGE;
    }

    /** A misspelt option often leaves a required one missing, and picocli reports only that. */
    private ParameterException mostTelling(ParameterException found, String[] arguments) {
        Matcher swallowed = UNKNOWN_OPTION.matcher(String.valueOf(found.getMessage()));
        if (swallowed.lookingAt()) {
            return new UnmatchedArgumentException(found.getCommandLine(), List.of(swallowed.group(1)));
        }
        if (found instanceof UnmatchedArgumentException) {
            return found;
        }
        CommandLine line = again.get();
        collectErrors(line);
        ParseResult parsed = line.parseArgs(arguments);
        while (parsed != null) {
            for (Exception e : parsed.errors()) {
                if (e instanceof UnmatchedArgumentException unmatched) {
                    return unmatched;
                }
            }
            parsed = parsed.subcommand();
        }
        return found;
    }

    private static void collectErrors(CommandLine line) {
        line.getCommandSpec().parser().collectErrors(true);
        line.getSubcommands().values().forEach(ArgumentErrors::collectErrors);
    }

    private static String sentence(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unmatched
                && !unmatched.getUnmatched().isEmpty()) {
            String first = unmatched.getUnmatched().get(0);
            boolean isOption = first.startsWith("-");
            boolean wantsCommand =
                    !isOption && !e.getCommandLine().getSubcommands().isEmpty();
            String what =
                    wantsCommand ? "There is no command" : isOption ? "There is no option" : "Unexpected argument";
            return what + " '" + first + "'.";
        }
        String message = String.valueOf(e.getMessage());
        return message.endsWith(".") ? message : message + ".";
    }

    private static String suggestions(ParameterException e) {
        List<String> similar =
                e instanceof UnmatchedArgumentException unmatched ? unmatched.getSuggestions() : List.of();
        return similar.isEmpty() ? "" : " Did you mean " + String.join(" or ", similar) + "?";
    }
}
