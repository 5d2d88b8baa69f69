package io.github.vicmae.benchmarks;

import java.util.List;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/** JMH's own options, as they come from the command line; what they name is kept from JMH, which would run it beside each one that is meant. */
final class JmhSettings extends CommandLineOptions {
    private static final long serialVersionUID = 1L;

    JmhSettings(String... arguments) throws CommandLineOptionException {
        super(arguments);
    }

    /** Regular expressions for the benchmarks that are wanted; none for all. */
    List<String> names() {
        return super.getIncludes();
    }

    @Override
    public List<String> getIncludes() {
        return List.of();
    }
}
