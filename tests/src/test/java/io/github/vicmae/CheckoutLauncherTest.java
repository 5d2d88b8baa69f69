package io.github.vicmae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The checkout's launcher in an empty checkout, with a Java and a Maven that only say what they were asked. */
class CheckoutLauncherTest {
    private static final Path LAUNCHER = Path.of("..", "vicmae");

    private static final String JAVA = """
            case "$*" in
              *showSettings*) echo '    java.specification.version = 17' >&2 ;;
              *) echo "locale ${LC_ALL:-none}; $*" ;;
            esac
            """;

    /** Builds the parts that it is asked for, as cmake/build.cmake leaves them. */
    private static final String MAVEN = """
            echo "$*" >> mvn.log
            mkdir -p java/target/kernels
            for argument; do
              case $argument in
                -Dvicmae.parts=*) for part in $(echo "${argument#*=}" | tr , ' '); do touch java/target/kernels/$part.stamp; done ;;
              esac
            done
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
        program("mvn", MAVEN + "touch java/target/lib/new.jar");
    }

    private void program(String name, String script) throws IOException {
        write(home.resolve("bin").resolve(name), script);
    }

    private static void write(Path file, String script) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        assertTrue(file.toFile().setExecutable(true));
    }

    private Process start(Path checkout, Map<String, String> variables, String... arguments) throws IOException {
        List<String> command =
                new ArrayList<>(List.of("bash", checkout.resolve("vicmae").toString()));
        command.addAll(arguments.length == 0 ? List.of("doctor") : List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
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

    private String run(int status, String... arguments) throws IOException, InterruptedException {
        return end(start(home, Map.of(), arguments), status);
    }

    /** Runs the launcher where nothing is installed but what Debian has at least, and the programs of the checkout's bin. */
    private String runOnBareSystem(int status, String... arguments) throws IOException, InterruptedException {
        Path system = Files.createDirectories(folder.resolve("system"));
        for (String name : List.of(
                "bash",
                "sh",
                "env",
                "readlink",
                "dirname",
                "sed",
                "find",
                "mkdir",
                "rm",
                "touch",
                "mv",
                "tr",
                "cut",
                "grep",
                "chmod",
                "cat",
                "tail")) {
            Path program = Stream.of("/usr/bin", "/bin")
                    .map(d -> Path.of(d, name))
                    .filter(Files::exists)
                    .findFirst()
                    .orElseThrow();
            write(system.resolve(name), "exec " + program + " \"$@\"");
        }
        return end(start(home, Map.of("PATH", home.resolve("bin") + ":" + system), arguments), status);
    }

    private String log(String name) throws IOException {
        Path file = home.resolve(name);
        return Files.exists(file) ? Files.readString(file) : "";
    }

    /** A system without any of the tools, whose apt-get installs them, for a user of that number. */
    private void makeBare(int user) throws IOException {
        Path programs = Files.createDirectories(home.resolve("packages"));
        for (String name : List.of("java", "javac", "mvn")) {
            Files.move(home.resolve("bin").resolve(name), programs.resolve(name));
        }
        program("id", "echo " + user);
        program("apt-cache", "case \"$*\" in *-21-*) echo madison ;; esac");
        program("apt-get", """
                here=%s
                echo "$USED_BY apt-get $*" >> "$here/apt.log"
                case $1 in
                  install)
                    for name in java javac mvn; do mv "$here/packages/$name" "$here/bin/$name"; done
                    for name in cmake make g++; do echo '#!/bin/sh' > "$here/bin/$name"; chmod +x "$here/bin/$name"; done ;;
                esac
                """.formatted(home));
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
        program("mvn", MAVEN + "sleep 0.1; touch java/src/Edited.java");
        run(0);
        program("mvn", MAVEN);
        run(0);
        run(0);
        assertEquals(2, builds());
    }

    @Test
    void twoAtOnceBuildOnce() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/bin/flock")), "flock is not installed");
        program("mvn", MAVEN + "sleep 1");
        Process first = start(home, Map.of());
        Process second = start(home, Map.of());
        end(first, 0);
        end(second, 0);
        assertEquals(1, builds());
    }

    @Test
    void theFirstErrorOfABuildIsShown() throws Exception {
        program("mvn", """
                echo '[ 41%] Building CXX object layer_norm.cu.o'
                echo '/src/cuda/layer_norm.cu:12:3: error: expected ; before y'
                echo '   12 |   x = 1 y;'
                echo 'gmake[2]: *** [layer_norm.cu.o] Error 1'
                echo '[ERROR] Failed to execute goal org.codehaus.mojo:exec-maven-plugin:3.6.2:exec'
                echo '[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.'
                exit 1
                """);
        String said = run(1);
        assertTrue(
                said.contains(
                        "layer_norm.cu:12:3: error: expected ; before y\n   12 |   x = 1 y;\nvicmae: the build failed"),
                said);
        assertFalse(said.contains("stack trace"), said);
    }

    @Test
    void theFirstErrorOfJavacIsShown() throws Exception {
        program("mvn", """
                echo '[ERROR] COMPILATION ERROR : '
                echo '[ERROR] /src/java/A.java:[3,9] cannot find symbol'
                echo '  symbol:   class B'
                echo '[ERROR] /src/java/A.java:[7,1] reached end of file while parsing'
                exit 1
                """);
        String said = run(1);
        assertTrue(
                said.contains(
                        "/src/java/A.java:[3,9] cannot find symbol\n  symbol:   class B\nvicmae: the build failed"),
                said);
    }

    @Test
    void theEmulatedDeviceIsBuiltWhenItIsAskedFor() throws Exception {
        run(0);
        assertTrue(log("mvn.log").contains("-Dvicmae.parts=cpu "), log("mvn.log"));
        run(0, "verify", "--device", "emulated:reverse", "golden");
        assertTrue(log("mvn.log").contains("-Dvicmae.parts=cpu,emulator "), log("mvn.log"));
        run(0, "verify", "--device=emulated", "golden");
        run(0, "lab", "my.cu");
        run(0);
        assertEquals(2, builds());
    }

    @Test
    void helpOfTheBenchmarksBuildsNothing() throws Exception {
        Path help = Files.createDirectories(home.resolve("benchmarks/src/main/help"));
        Files.writeString(help.resolve("jmh.txt"), "Usage: jmh");
        assertEquals("Usage: jmh", run(0, "jmh", "--help"));
        assertFalse(Files.exists(home.resolve("mvn.log")));
    }

    @Test
    void whatIsMissingIsNamedWithItsPackage() throws Exception {
        makeBare(0);
        String said = runOnBareSystem(1);
        assertTrue(
                said.contains(
                        "a JDK 17 or newer (openjdk-17-jdk-headless), Maven (maven), CMake (cmake), make (make), a C++ compiler (g++)"),
                said);
        assertTrue(said.contains("--yes"), said);
        assertEquals("", log("apt.log"));
    }

    @Test
    void yesInstallsWhatIsMissing() throws Exception {
        makeBare(0);
        String said = runOnBareSystem(0, "demo", "--yes", "--epochs", "2");
        assertEquals(
                " apt-get update -q\n apt-get install -y -q --no-install-recommends openjdk-21-jdk-headless maven cmake make g++\n",
                log("apt.log"));
        assertTrue(said.strip().endsWith("demo --epochs 2"), said);
        assertEquals(1, builds());
    }

    @Test
    void otherUsersInstallBySudo() throws Exception {
        makeBare(1000);
        String without = runOnBareSystem(1, "demo", "--yes");
        assertTrue(without.contains("as root"), without);
        program("sudo", "USED_BY=sudo exec \"$@\"");
        runOnBareSystem(0, "demo", "--yes");
        assertTrue(log("apt.log").contains("sudo apt-get install"), log("apt.log"));
    }

    @Test
    void namedTestsBuildWhatTheyNeed() throws Exception {
        Files.copy(
                Path.of("run"), Files.createDirectories(home.resolve("tests")).resolve("run"));
        Path sources = Files.createDirectories(home.resolve("tests/src/test/java"));
        Files.createDirectories(home.resolve("benchmarks/src/test/java"));
        Files.writeString(sources.resolve("LayerNormKernelsTest.java"), "");
        Files.writeString(sources.resolve("ReplayTest.java"), "vicmae_replay_asan");
        run(0, "test", "LayerNorm");
        assertTrue(
                log("mvn.log").contains("-pl java,tests test -Dtest=*LayerNorm* -Dvicmae.parts=cpu "), log("mvn.log"));
        assertTrue(log("mvn.log").contains("-Dvicmae.test.devices=cpu"), log("mvn.log"));
        run(0, "test", "Replay#one", "--device", "emulated:fair");
        assertTrue(
                log("mvn.log").contains("-Dtest=*Replay*#*one* -Dvicmae.parts=cpu,emulator,replay "), log("mvn.log"));
        assertTrue(log("mvn.log").contains("-Dvicmae.test.devices=emulated:fair"), log("mvn.log"));
        String said = run(1, "test", "LayerNrom");
        assertTrue(said.contains("no test class has a name that contains 'LayerNrom'"), said);
        run(0, "test", "-Pthorough");
        assertTrue(log("mvn.log").endsWith("verify -Pthorough\n"), log("mvn.log"));
    }
}
