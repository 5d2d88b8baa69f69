package io.github.vicmae.cli;

import io.github.vicmae.io.AtomicFile;
import java.io.IOException;

/** For commands that write one large file: an interrupt leaves no part of it. */
final class UnfinishedFiles {
    private UnfinishedFiles() {}

    /** Work that writes through {@link AtomicFile}. */
    @FunctionalInterface
    interface Writing {
        int run() throws IOException;
    }

    /** Runs it; what it has not finished is removed if the JVM is asked to stop meanwhile (SIGINT, SIGTERM). */
    static int removedOnInterrupt(Writing work) throws IOException {
        Thread hook = new Thread(AtomicFile::removeUnfinished, "vicmae-unfinished");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return work.run();
        } finally {
            Run.remove(hook);
        }
    }
}
