package io.github.vicmae.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/** Runs commands in the test's own process and keeps what the last one printed. */
abstract class CommandFixture {
    final StringWriter out = new StringWriter();
    final StringWriter err = new StringWriter();

    /** Returns the exit status. */
    final int execute(String... args) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }
}
