package io.github.vicmae.cli;

import io.github.vicmae.report.EvaluationPage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option for the folder of an evaluation's results. */
final class EvaluationFolder {
    private final String command;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description =
                    "new folder for page, JSON and confusion matrix (default: the first free of runs/COMMAND-1, ...)")
    private Path out;

    /** @param command gives the folder's name where none is said */
    EvaluationFolder(String command) {
        this.command = command;
    }

    /**
     * The folder, which need not exist.
     *
     * @throws IOException if it cannot be written, or holds an evaluation
     */
    Path folder() throws IOException {
        Path folder = out == null ? free(command) : out;
        EvaluationPage.check(folder);
        return folder;
    }

    /** The first of runs/NAME-1, runs/NAME-2 and so on that does not exist. */
    static Path free(String name) {
        int n = 1;
        while (Files.exists(Path.of("runs", name + "-" + n))) {
            n++;
        }
        return Path.of("runs", name + "-" + n);
    }
}
