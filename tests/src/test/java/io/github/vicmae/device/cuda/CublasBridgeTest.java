package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.NativeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How cuBLAS is found and bound to, with a library of the tests in place of NVIDIA's. */
class CublasBridgeTest {
    @TempDir
    Path folder;

    /** A host with libcublas.so.13 alone: JCublas binds to the bridge, and calls arrive at the other end as they were meant. */
    @Test
    void callsGoThroughTheBridge() throws Exception {
        Path fake = NativeFiles.extract("cublas/libcublas.so.13");
        assumeTrue(fake != null && NativeFiles.contains("cublas/libcublas.so.12"), "the bridge was not built");
        List<String> said = run(fake.getParent(), List.of());
        assertTrue(said.get(0).contains("cuBLAS 13 through the bridge, whichever is measured"), said.toString());
        assertEquals("missing: null", said.get(1));
        assertEquals("handle: true", said.get(2));
        List<String> products = said.subList(3, said.size() - 1).stream()
                .filter(line -> line.matches("(F32|BF16) to .*"))
                .toList();
        assertEquals(20, products.size(), said.toString());
        assertTrue(products.stream().allMatch(line -> line.endsWith(": right")), said.toString());
        assertTrue(said.stream().anyMatch(l -> l.startsWith("vicmae: cublasSasum_v2 was called")), said.toString());
        assertEquals("other function: CUBLAS_STATUS_NOT_SUPPORTED", said.get(said.size() - 1), said.toString());
    }

    /** The property decides what is said, and {@code own} does not even load the library. */
    @Test
    void thePropertyDecides() throws Exception {
        Path fake = NativeFiles.extract("cublas/libcublas.so.13");
        assumeTrue(fake != null && NativeFiles.contains("cublas/libcublas.so.12"), "the bridge was not built");
        List<String> own = run(fake.getParent(), List.of("-Dvicmae.matmul=own"));
        assertEquals(
                List.of(
                        "state: own kernels (cuBLAS is not used: -Dvicmae.matmul=own says so)",
                        "missing: -Dvicmae.matmul=own says so",
                        "handle: false"),
                own);
        List<String> cublas = run(fake.getParent(), List.of("-Dvicmae.matmul=cublas"));
        assertEquals("state: cuBLAS 13 through the bridge (-Dvicmae.matmul=cublas says so)", cublas.get(0));
        List<String> wrong = run(fake.getParent(), List.of("-Dvicmae.matmul=openblas"));
        assertTrue(
                wrong.stream().anyMatch(l -> l.contains("openblas is not known; say fastest, own, cublas")),
                wrong.toString());
    }

    /** A host with neither, which the reason names. */
    @Test
    void withoutTheLibraryTheReasonIsTold() throws Exception {
        assumeTrue(
                run(folder, List.of()).get(2).equals("handle: false"), "this machine has a cuBLAS among its libraries");
        List<String> said = run(folder, List.of());
        assertTrue(said.get(1).startsWith("missing: neither libcublas.so.12 nor"), said.toString());
        assertTrue(
                said.get(0).startsWith("state: own kernels (cuBLAS is not used: neither libcublas.so.12 nor"),
                said.toString());
    }

    /** What the program says, a line each, both of its outputs together. */
    private List<String> run(Path libraries, List<String> options) throws IOException, InterruptedException {
        Path said = Files.createTempFile(folder, "said", ".txt");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Xmx256m");
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), CublasProgram.class.getName()));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile());
        builder.environment().put("LD_LIBRARY_PATH", libraries.toString());
        Process process = builder.start();
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the program has not ended");
        return Files.readAllLines(said).stream()
                .filter(line -> !line.isBlank() && !line.startsWith("WARNING")) // what newer JVMs say of native code
                .toList();
    }
}
