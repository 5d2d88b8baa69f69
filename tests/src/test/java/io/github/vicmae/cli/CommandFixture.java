package io.github.vicmae.cli;

import java.io.BufferedWriter;
import java.io.PrintWriter;
import java.io.StringWriter;

/** Runs commands in the test's own process and keeps what the last one printed. */
abstract class CommandFixture {
    final StringWriter out = new StringWriter();
    final StringWriter err = new StringWriter();

    /** Returns the exit status. Like standard output, the writers are buffered: what a command leaves in them is lost. */
    final int execute(String... args) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Main.run(buffered(out), buffered(err), args);
    }

    private static PrintWriter buffered(StringWriter writer) {
        return new PrintWriter(new BufferedWriter(writer), true);
    }
}
