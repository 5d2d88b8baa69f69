package io.github.vicmae.cli;

import io.github.vicmae.io.ShellWords;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Model.CommandSpec;

/** Runs training from the console: an interrupt saves a checkpoint and ends it. */
final class Run {
    private static final long SAVE_MINUTES = 5;

    private Run() {}

    /**
     * Trains until the end, or until the JVM is asked to stop (SIGINT, SIGTERM), which finishes the step and writes the checkpoint first.
     *
     * @param next advice for a user who interrupts the run
     * @return the exit status
     */
    static int untilDoneOrInterrupted(Trainer trainer, ConsoleProgress progress, Path out, String next)
            throws IOException {
        CountDownLatch saved = new CountDownLatch(1);
        Thread hook = new Thread(
                () -> {
                    progress.note("stopping: writing the checkpoint");
                    trainer.requestStop();
                    await(saved);
                },
                "vicmae-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            boolean finished = trainer.run();
            progress.note(
                    finished
                            ? "done: " + out.resolve("model.safetensors") + " and " + out.resolve("report.html")
                            : "stopped after step " + trainer.step() + " of " + trainer.totalSteps() + "; " + next);
            if (finished && trainer.outcome() != null) {
                progress.note(trainer.outcome());
            }
            return finished ? 0 : Main.INTERRUPTED;
        } finally {
            saved.countDown();
            remove(hook);
        }
    }

    /** The command line as a shell takes it again. */
    static String commandLine(CommandSpec spec) {
        return "vicmae "
                + ShellWords.join(spec.root().commandLine().getParseResult().originalArgs());
    }

    /** The program's version, with its commit where the build knew it. */
    static String version(CommandSpec spec) {
        return String.join(" ", spec.version());
    }

    static void remove(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is shutting down, which is why the run ended.
        }
    }

    private static void await(CountDownLatch saved) {
        try {
            if (!saved.await(SAVE_MINUTES, TimeUnit.MINUTES)) {
                System.err.println("vicmae: the checkpoint was not written in time; the previous one is kept");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
