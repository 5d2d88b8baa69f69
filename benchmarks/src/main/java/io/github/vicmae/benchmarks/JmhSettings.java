package io.github.vicmae.benchmarks;

import java.util.List;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * JMH's own options from the command line. JMH is called once for each row, so benchmark names are kept from it, and options whose meaning would
 * change, or parameter names that it would ignore, are refused.
 */
final class JmhSettings extends CommandLineOptions {
    private static final long serialVersionUID = 1L;
    private static final List<String> PARAMETERS = List.of("shape", "precision", "implementation", "pass", "data");

    /**
     * @throws IllegalArgumentException if JMH does not understand the arguments, or one of them does not fit
     */
    static JmhSettings of(List<String> arguments) {
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if (argument.equals("-p") && i + 1 < arguments.size()) {
                checkName(arguments.get(i + 1));
            } else if (argument.matches("-p(?!rof).+")) {
                checkName(argument.substring(2));
            }
        }
        JmhSettings settings;
        try {
            settings = new JmhSettings(arguments.toArray(new String[0]));
        } catch (CommandLineOptionException e) {
            throw new IllegalArgumentException("JMH does not understand that: " + e.getMessage(), e);
        }
        settings.check();
        return settings;
    }

    private JmhSettings(String... arguments) throws CommandLineOptionException {
        super(arguments);
    }

    private static void checkName(String parameter) {
        String name = parameter.split("=", 2)[0];
        if (!parameter.contains("=") || !PARAMETERS.contains(name)) {
            throw new IllegalArgumentException(
                    "-p wants NAME=VALUE with a name of " + String.join(", ", PARAMETERS) + ", but got " + parameter);
        }
    }

    private void check() {
        if (shouldList() || shouldListWithParams()) {
            throw new IllegalArgumentException("-l and -lp are JMH's; --list lists the benchmarks and what they take");
        }
        if (getResult().hasValue() || getResultFormat().hasValue()) {
            throw new IllegalArgumentException("-rf and -rff would keep the last row alone; --out FILE keeps them all");
        }
        if (getThreads().hasValue() || getThreadGroups().hasValue()) {
            throw new IllegalArgumentException(
                    "-t and -tg would mix the launches of several threads; every figure here is one thread's");
        }
    }

    /** Regular expressions for the benchmarks that are wanted; none for all. */
    List<String> names() {
        return super.getIncludes();
    }

    /** The values that -p gives a parameter; null if it gives none. */
    List<String> given(String parameter) {
        return getParameter(parameter).hasValue()
                ? List.copyOf(getParameter(parameter).get())
                : null;
    }

    @Override
    public List<String> getIncludes() {
        return List.of();
    }
}
