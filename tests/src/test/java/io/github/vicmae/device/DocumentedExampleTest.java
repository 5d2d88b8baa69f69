package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of docs/kernels-without-a-gpu.md, step by step as it stands there. */
class DocumentedExampleTest {
    @TempDir
    Path folder;

    @Test
    void buildsRunsAndBreaks() throws IOException, InterruptedException {
        Assumptions.assumeTrue(
                KernelFixture.devices().anyMatch(d -> d.startsWith("emulated")),
                "the emulated device is not among those to be tested");
        Path root = TestData.root();
        Path source = root.resolve("docs/examples/row_sums.cu");
        String text = Files.readString(source);
        String page = Files.readString(root.resolve("docs/kernels-without-a-gpu.md"));
        assertTrue(page.contains(text.substring(text.indexOf("#include"))), "the page shows another kernel");

        build(root, source);
        // Newer JVMs print warnings first, where they are not told to allow native access.
        String output = run(root, 0).strip();
        assertEquals("[50.0, 50.0, 50.0]", output.substring(output.lastIndexOf('\n') + 1));

        Path broken = Files.writeString(
                folder.resolve("row_sums.cu"), text.replace("x[row * width + i]", "x[row * width + i + 1]"));
        build(root, broken);
        String failure = run(root, 1);
        assertTrue(failure.contains("CUDA_ERROR_ILLEGAL_ADDRESS"), failure);
        assertTrue(failure.contains("global_bounds: kernel row_sums"), failure);
        assertTrue(failure.contains("right behind the end of 'x' (1200 bytes)"), failure);
        assertTrue(failure.contains("at row_sums.cu:8 (row_sums)"), failure);
    }

    private void build(Path root, Path source) throws IOException, InterruptedException {
        // Without nvcc: PTX has tests of its own.
        call(
                0,
                "cmake",
                "-S",
                root.resolve("cmake/own").toString(),
                "-B",
                build(),
                "-DKERNELS=" + source,
                "-DVICMAE_NVCC=no");
        call(0, "cmake", "--build", build());
    }

    private String build() {
        return folder.resolve("build").toString();
    }

    private String run(Path root, int exit) throws IOException, InterruptedException {
        return call(
                exit,
                System.getProperty("java.home") + "/bin/java",
                "-Dvicmae.emulator=kernels=" + build() + "/libown_kernels.so",
                "-cp",
                System.getProperty("java.class.path"),
                root.resolve("docs/examples/RowSums.java").toString(),
                "emulated");
    }

    private static String call(int exit, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(new ArrayList<>(List.of(command)))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(exit, process.waitFor(), String.join(" ", command) + "\n" + output);
        return output;
    }
}
