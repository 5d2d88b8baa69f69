package io.github.vicmae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The checkout's launcher in an empty checkout, with a Java and a Maven that only say what they were asked. */
class CheckoutLauncherTest {
    private static final Path LAUNCHER = Path.of("..", "vicmae");

    private static final String JAVA = """
            case "$*" in
              *showSettings*) echo '    java.specification.version = 17' >&2 ;;
              *) echo "locale ${LC_ALL:-none}" ;;
            esac
            """;

    @TempDir
    Path folder;

    private Path home;

    @BeforeEach
    void makeCheckout() throws IOException {
        assumeTrue(Files.exists(LAUNCHER), "the sources are not here");
        home = folder.resolve("checkout");
        for (String name : List.of("cuda", "cmake", "java/src", "java/target/lib", "bin")) {
            Files.createDirectories(home.resolve(name));
        }
        Files.createFile(home.resolve("pom.xml"));
        Files.createFile(home.resolve("java/pom.xml"));
        Files.copy(LAUNCHER, home.resolve("vicmae"));
        program("java", JAVA);
        program("javac", "");
        program("mvn", "echo built >> mvn.log; touch java/target/lib/new.jar");
    }

    private void program(String name, String script) throws IOException {
        Path file = home.resolve("bin").resolve(name);
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        assertTrue(file.toFile().setExecutable(true));
    }

    private Process start(Path checkout, Map<String, String> variables) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder("bash", checkout.resolve("vicmae").toString(), "doctor");
        Map<String, String> environment = builder.environment();
        List.of("JAVA_HOME", "LC_ALL", "LC_CTYPE", "LANG").forEach(environment::remove);
        environment.put("PATH", checkout.resolve("bin") + ":" + System.getenv("PATH"));
        environment.putAll(variables);
        return builder.redirectErrorStream(true).start();
    }

    private static String end(Process process, int status) throws IOException, InterruptedException {
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(status, process.waitFor(), said);
        return said;
    }

    private String run(int status) throws IOException, InterruptedException {
        return end(start(home, Map.of()), status);
    }

    private long builds() throws IOException {
        try (var lines = Files.lines(home.resolve("mvn.log"))) {
            return lines.count();
        }
    }

    @Test
    void withoutALocaleFileNamesAreUtf8() throws Exception {
        assertTrue(run(0).contains("locale C.UTF-8"));
        assertTrue(end(start(home, Map.of("LANG", "POSIX")), 0).contains("locale C.UTF-8"));
        assertTrue(end(start(home, Map.of("LANG", "en_GB.UTF-8")), 0).contains("locale none"));
        assertTrue(end(start(home, Map.of("LC_ALL", "en_GB.UTF-8")), 0).contains("locale en_GB.UTF-8"));
    }

    @Test
    void aJavaThatDoesNotStartIsASentence() throws Exception {
        program("java", "echo 'Unrecognized option: -Xbogus' >&2; exit 1");
        String said = run(1);
        assertTrue(said.contains("java does not start: Unrecognized option: -Xbogus"), said);
    }

    @Test
    void aColonInThePathIsASentence() throws Exception {
        Path moved = Files.move(home, folder.resolve("with:colon"));
        String said = end(start(moved, Map.of()), 1);
        assertTrue(said.contains("a folder with a colon in its path"), said);
    }

    @Test
    void jarsOfOlderVersionsGo() throws Exception {
        Path old = Files.createFile(home.resolve("java/target/lib/old.jar"));
        run(0);
        assertFalse(Files.exists(old));
        assertTrue(Files.exists(home.resolve("java/target/lib/new.jar")));
        run(0);
        assertEquals(1, builds());
    }

    @Test
    void whatIsEditedDuringABuildIsBuilt() throws Exception {
        program("mvn", "echo built >> mvn.log; sleep 0.1; touch java/src/Edited.java");
        run(0);
        program("mvn", "echo built >> mvn.log");
        run(0);
        run(0);
        assertEquals(2, builds());
    }

    @Test
    void twoAtOnceBuildOnce() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/bin/flock")), "flock is not installed");
        program("mvn", "echo built >> mvn.log; sleep 1");
        Process first = start(home, Map.of());
        Process second = start(home, Map.of());
        end(first, 0);
        end(second, 0);
        assertEquals(1, builds());
    }
}
