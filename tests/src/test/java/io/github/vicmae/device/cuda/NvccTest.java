package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cmake/nvcc.cmake has older toolkits build: an nvcc that only says what it is takes the real one's place. */
class NvccTest {
    private static final Path CMAKE = Path.of("..", "cmake", "nvcc.cmake").toAbsolutePath();

    @TempDir
    Path folder;

    /** What CMake prints of a toolkit with this version and these architectures. */
    private String plan(String version, String architectures) throws IOException, InterruptedException {
        assumeTrue(Files.exists(CMAKE), "the sources are not here");
        Path nvcc = folder.resolve("nvcc");
        Files.writeString(nvcc, """
                #!/bin/sh
                case $1 in
                  --version) echo "Cuda compilation tools, release, V%s" ;;
                  --list-gpu-code) printf '%%s\\n' %s ;;
                esac
                """.formatted(version, architectures));
        assertTrue(nvcc.toFile().setExecutable(true));
        Path script = Files.writeString(folder.resolve("plan.cmake"), """
                cmake_minimum_required(VERSION 3.20)
                include("%s")
                message(STATUS "families: ${VICMAE_CUDA_FAMILIES}")
                message(STATUS "gates: ${VICMAE_PTX_GATE_80} and ${VICMAE_PTX_GATE_90}")
                message(STATUS "cubins: ${VICMAE_CUBINS_90}")
                """.formatted(CMAKE));
        Process process = new ProcessBuilder(
                        "cmake", "-DVICMAE_NVCC=" + nvcc, "-DVICMAE_PTXAS=" + nvcc, "-P", script.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return said;
    }

    @Test
    void aNewOneBuildsForAllCards() throws Exception {
        String said = plan("13.0.88", "sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_103 sm_120");
        assertTrue(said.contains("families: 80;90"), said);
        assertTrue(said.contains("gates: sm_80;sm_86;sm_89 and sm_90;sm_100;sm_120"), said);
        assertTrue(said.contains("cubins: sm_90;sm_100;sm_120"), said);
    }

    @Test
    void anOlderOneLeavesOutWhatItDoesNotKnow() throws Exception {
        String said = plan("12.4.131", "sm_50 sm_75 sm_80 sm_86 sm_87 sm_89 sm_90");
        assertTrue(said.contains("nvcc 12.4.131 does not know sm_100, sm_120: no cubins are built for them"), said);
        assertTrue(said.contains("families: 80;90"), said);
        assertTrue(said.contains("gates: sm_80;sm_86;sm_89 and sm_90\n"), said);
        assertTrue(said.contains("cubins: sm_90\n"), said);
    }

    @Test
    void oneThatIsTooOldBuildsNoModules() throws Exception {
        for (String[] old : new String[][] {{"11.5.119", "sm_80 sm_86"}, {"11.8.89", "sm_80 sm_89 sm_90"}}) {
            String said = plan(old[0], old[1]);
            assertTrue(said.contains("nvcc " + old[0] + " is too old (12.0 or newer is needed)"), said);
            assertTrue(said.contains("families: \n"), said);
        }
    }
}
