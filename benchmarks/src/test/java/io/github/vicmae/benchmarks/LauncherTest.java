package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When the launcher builds the benchmarks, and with what: in an empty checkout, with a Java and a Maven that only say what they were asked. */
class LauncherTest {
    private static final String PEERS = "-Ppeers";

    @TempDir
    Path home;

    @BeforeEach
    void makeCheckout() throws IOException {
        for (String folder : List.of(
                "cuda", "cmake", "java/src", "java/target/lib", "java/target/kernels", "benchmarks/src", "bin")) {
            Files.createDirectories(home.resolve(folder));
        }
        Files.createDirectories(home.resolve("benchmarks/target/lib"));
        for (String file : List.of(
                "pom.xml",
                "java/pom.xml",
                "benchmarks/pom.xml",
                "java/target/.built",
                "java/target/kernels/cpu.stamp")) {
            Files.createFile(home.resolve(file));
        }
        Files.copy(Path.of("..", "vicmae"), home.resolve("vicmae"));
        program("java", "case \"$*\" in *showSettings*) echo '    java.specification.version = 17' >&2 ;; esac");
        program("mvn", """
                echo "mvn $*" >&2
                echo "$*" >> mvn.log
                case "$*" in *-Ppeers*) touch benchmarks/target/lib/pytorch-native-cpu-2.jar ;; esac
                """);
    }

    private void program(String name, String script) throws IOException {
        Path file = home.resolve("bin").resolve(name);
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        assertTrue(file.toFile().setExecutable(true));
    }

    /** What Maven was asked for by a run of the launcher, or nothing. */
    private String built(String peers, String command) throws Exception {
        Path log = home.resolve("mvn.log");
        Files.deleteIfExists(log);
        ProcessBuilder builder =
                new ProcessBuilder("bash", home.resolve("vicmae").toString(), command);
        builder.environment().put("PATH", home.resolve("bin") + ":" + System.getenv("PATH"));
        builder.environment().put("VICMAE_PEERS", peers);
        builder.environment().remove("JAVA_HOME");
        Process process = builder.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return Files.exists(log) ? Files.readString(log) : "";
    }

    @Test
    void aBuildWithoutThePeersIsMadeAgainWhenTheyAreWanted() throws Exception {
        String without = built("off", "jmh");
        assertTrue(without.contains("package") && !without.contains(PEERS), without);
        assertEquals("", built("off", "jmh"));
        assertTrue(built("on", "jmh").contains(PEERS));
        assertEquals("", built("on", "jmh"));
        assertEquals("", built("off", "jmh"));
    }

    @Test
    void aPageOfResultsFetchesNothing() throws Exception {
        String build = built("on", "results");
        assertTrue(build.contains("package"), build);
        assertFalse(build.contains(PEERS), build);
        assertEquals("", built("on", "results"));
    }
}
