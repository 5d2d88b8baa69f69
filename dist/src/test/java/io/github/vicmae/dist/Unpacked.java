package io.github.vicmae.dist;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** An archive of the build, unpacked, and its commands run in an empty environment. */
record Unpacked(Path home) {
    private static final Path BUILT = Path.of(System.getProperty("vicmae.dist.folder"));
    private static final String NAME = System.getProperty("vicmae.dist.name");
    private static final long MINUTES = 8;

    /**
     * What a command did.
     *
     * @param status its exit status
     * @param out what it printed
     * @param err what it printed as errors
     */
    record Result(int status, String out, String err) {
        @Override
        public String toString() {
            return "status " + status + "\n" + out + "\n" + err;
        }
    }

    static Path archive(String suffix) {
        return BUILT.resolve(NAME + suffix + ".tar.gz");
    }

    /**
     * Unpacks an archive with the system's tar.
     *
     * @param suffix of the archive's name: nothing, or -gpu
     */
    static Unpacked of(Path folder, String suffix) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Result tar = run(folder, Map.of(), "tar", "-xzf", archive(suffix).toString(), "-C", folder.toString());
        if (tar.status() != 0) {
            throw new IOException("tar: " + tar);
        }
        return new Unpacked(folder.resolve(NAME + suffix));
    }

    /** Runs the launcher. */
    Result vicmae(Path folder, String... arguments) throws IOException, InterruptedException {
        return vicmae(folder, Map.of(), arguments);
    }

    /** The same with further variables. */
    Result vicmae(Path folder, Map<String, String> variables, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(home.resolve("vicmae").toString()));
        command.addAll(List.of(arguments));
        return run(folder, variables, command.toArray(String[]::new));
    }

    /** Runs a command with an empty home, the system's PATH, and no other variables than those given. */
    static Result run(Path folder, Map<String, String> variables, String... command)
            throws IOException, InterruptedException {
        Path emptyHome = Files.createTempDirectory(folder, "home");
        Path out = Files.createTempFile(folder, "out", ".txt");
        Path err = Files.createTempFile(folder, "err", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(emptyHome.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().clear();
        builder.environment().put("HOME", emptyHome.toString());
        builder.environment().put("PATH", "/usr/bin:/bin");
        builder.environment().putAll(variables);
        Process process = builder.start();
        if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
            process.destroyForcibly().waitFor();
            throw new IOException(String.join(" ", command) + " has not ended: " + Files.readString(out));
        }
        return new Result(process.exitValue(), text(out), text(err));
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
