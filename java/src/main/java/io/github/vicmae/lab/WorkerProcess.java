package io.github.vicmae.lab;

import io.github.vicmae.settings.SettingTree;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs a stage in a separate process, which may crash or never end. */
final class WorkerProcess {
    /** The first Java version that warns about native access that was not enabled. */
    private static final int NATIVE_ACCESS = 24;

    private static final int SIGNAL = 128;
    /** Time for a process to start, which on a busy machine can exceed the limit of a short stage. */
    static final int START_SECONDS = 60;
    /** Prefix of the lines that report the current position. */
    static final String NOW = "now: ";
    /** The line in which a JVM reports a crash of native code; other threads may print lines in between. */
    private static final Pattern CRASH = Pattern.compile("\\b(SIG[A-Z]+) \\(0x.*");

    private static final Pattern OF_A_CRASH = Pattern.compile("#.*|\\[thread \\d+ .*|" + CRASH.pattern());

    /**
     * How a stage ended.
     *
     * @param findings what it wrote; null if nothing
     * @param timedOut whether it was ended at the limit
     * @param words how it ended; empty if normally
     */
    record Outcome(LabFindings findings, boolean timedOut, String words) {}

    private WorkerProcess() {}

    /**
     * Runs a stage to its end or to the limit.
     *
     * @param work a folder for its files
     * @param out receives its output
     * @throws IllegalStateException if the lab itself failed
     */
    static Outcome run(LabRequest request, Path work, PrintWriter out) throws IOException {
        Path requestFile = work.resolve(request.stage().name().toLowerCase(Locale.ROOT) + "-request.json");
        Path results = request.results();
        Files.deleteIfExists(results);
        Files.writeString(requestFile, SettingTree.json(request));
        Process process = new ProcessBuilder(command(request, requestFile, work))
                .redirectErrorStream(true)
                .start();
        Thread stop = new Thread(process::destroyForcibly, "vicmae-lab-stop");
        Runtime.getRuntime().addShutdownHook(stop);
        List<String> said = new ArrayList<>();
        CountDownLatch begun = new CountDownLatch(1);
        Thread reader = reader(process, out, said, begun);
        try {
            boolean ended = begun.await(START_SECONDS, TimeUnit.SECONDS)
                    && process.waitFor(request.settings().limitSeconds(), TimeUnit.SECONDS);
            process.destroyForcibly().waitFor();
            reader.join();
            LabFindings findings =
                    Files.exists(results) ? SettingTree.read(Files.readString(results), LabFindings.class) : null;
            if (findings != null && findings.failure() != null) {
                throw new IllegalStateException("The lab failed on " + request.device() + ", at stage "
                        + request.stage() + ", through a fault of its own: " + findings.failure());
            }
            return new Outcome(findings, !ended, words(request, ended, process.exitValue(), said));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("The lab was interrupted", e);
        } finally {
            process.destroyForcibly();
            remove(stop);
        }
    }

    private static void remove(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is shutting down, and the hook does the work.
        }
    }

    private static String words(LabRequest request, boolean ended, int status, List<String> said) {
        String last = said.stream()
                .filter(line -> line.startsWith(NOW))
                .reduce((a, b) -> b)
                .map(line -> ", at " + line.substring(NOW.length()))
                .orElse("");
        if (!ended) {
            return "it did not end within " + request.settings().limitSeconds() + " s" + last
                    + "; raise --time-limit if it is only slow";
        }
        for (String line : said) {
            Matcher crash = CRASH.matcher(line);
            if (crash.find()) {
                return "it crashed with " + crash.group(1) + last + ": an address out of bounds, most likely";
            }
        }
        return status == 0
                ? ""
                : (status > SIGNAL ? "it crashed (signal " + (status - SIGNAL) + ")" : "it ended with status " + status)
                        + last
                        + said.stream()
                                .filter(line -> !line.startsWith(NOW))
                                .reduce((a, b) -> b)
                                .map(line -> "; its last output was: " + line)
                                .orElse("");
    }

    /** {@code begun} opens when the process first reports its position, or else when it ends. */
    private static Thread reader(Process process, PrintWriter out, List<String> said, CountDownLatch begun) {
        Thread reader = new Thread(
                () -> {
                    try (BufferedReader lines = new BufferedReader(
                            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                            if (!line.isBlank()) {
                                said.add(line.strip());
                                printForPeople(line, out);
                            }
                            if (line.startsWith(NOW)) {
                                begun.countDown();
                            }
                        }
                    } catch (IOException e) {
                        said.add("its output could not be read: " + e.getMessage());
                    } finally {
                        begun.countDown();
                    }
                },
                "vicmae-lab-output");
        reader.start();
        return reader;
    }

    /** Drops the crash report of the JVM, since the kernel is to blame, and positions, which matter only if the stage gets no further. */
    private static void printForPeople(String line, PrintWriter out) {
        if (!OF_A_CRASH.matcher(line).matches() && !line.startsWith(NOW)) {
            out.println(line);
        }
    }

    private static List<String> command(LabRequest request, Path requestFile, Path work) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= NATIVE_ACCESS) {
            command.add("--enable-native-access=ALL-UNNAMED");
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.addAll(List.of(
                "-Djava.awt.headless=true",
                "-Xmx2g",
                "-XX:+UseSerialGC",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + work.resolve("crash.log"),
                // Temporary files of a killed process go with the lab's own folder.
                "-Djava.io.tmpdir=" + work));
        if (request.stage() != LabRequest.Stage.TIME) {
            command.add("-XX:TieredStopAtLevel=1"); // short-lived
        }
        // The worker inherits the lab's settings: threads, instruction set, cache.
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("vicmae."))
                .sorted()
                .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
        command.addAll(List.of(
                "-cp", System.getProperty("java.class.path"), LabWorker.class.getName(), requestFile.toString()));
        return command;
    }
}
