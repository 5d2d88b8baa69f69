package io.github.vicmae.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of docs/pretrainer.md and docs/kernel-suite.md compile without a warning and run as they stand there. */
class ApiPagesTest {
    private static final Pattern BLOCK = Pattern.compile("^```java\n(.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern CLASS = Pattern.compile("^public class (\\w+)", Pattern.MULTILINE);

    @TempDir
    Path folder;

    @Test
    void thePretrainersPageTrains() throws Exception {
        String said = run("docs/pretrainer.md");
        assertTrue(said.contains("step 4 loss") && !said.contains("step 5 loss"), said);
        assertTrue(said.contains("6 of 6 steps\n192 features\n"), said);
        assertTrue(Files.size(folder.resolve("model.safetensors")) > 0);
        assertTrue(
                Files.size(folder.resolve("checkpoint.safetensors")) > Files.size(folder.resolve("model.safetensors")));
    }

    @Test
    void theKernelSuitesPageRuns() throws Exception {
        String said = run("docs/kernel-suite.md");
        Matcher losses = Pattern.compile("after (\\d+) steps: ([0-9.]+)").matcher(said);
        assertTrue(losses.find(), said);
        double first = Double.parseDouble(losses.group(2));
        assertTrue(losses.find(), said);
        assertTrue(Double.parseDouble(losses.group(2)) < first / 2, said);
        assertTrue(said.contains("F32[64, 64]") && said.contains("F32[4, 16, 48]"), said);
    }

    /** Compiles and runs the page's program in a process and a folder of its own. */
    private String run(String page) throws IOException, InterruptedException {
        List<String> blocks = BLOCK.matcher(Files.readString(TestData.root().resolve(page)))
                .results()
                .map(block -> block.group(1))
                .toList();
        assertEquals(1, blocks.size(), page);
        Matcher name = CLASS.matcher(blocks.get(0));
        assertTrue(name.find(), page + " has no class");
        Path source = folder.resolve(name.group(1) + ".java");
        Files.writeString(source, blocks.get(0));
        compile(source);
        String classes = folder + System.getProperty("path.separator") + absoluteClassPath();
        Process process = new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-Xmx512m",
                        "-Djava.awt.headless=true",
                        "-cp",
                        classes,
                        name.group(1))
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return output;
    }

    private void compile(Path source) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(found, null, null)) {
            List<String> options = List.of(
                    "-proc:none",
                    "-Xlint:all,-classfile,-path",
                    "-Werror",
                    "-d",
                    folder.toString(),
                    "-cp",
                    absoluteClassPath());
            boolean compiled = compiler.getTask(null, files, found, options, null, files.getJavaFileObjects(source))
                    .call();
            assertTrue(compiled, () -> found.getDiagnostics().stream()
                    .map(Diagnostic::toString)
                    .collect(Collectors.joining("\n")));
        }
    }

    private static String absoluteClassPath() {
        String separator = System.getProperty("path.separator");
        return Pattern.compile(Pattern.quote(separator))
                .splitAsStream(System.getProperty("java.class.path"))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(separator));
    }
}
