package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The emulated driver by its own entry points: runs the program of {@code tests/native}, theme by theme, under every policy of when queued
 * work runs. Each theme has a process of its own.
 */
class EmulatedDriverNativeTest {
    private static final String FOLDER = "/io/github/vicmae/kernels/";
    private static final List<String> SETTINGS = List.of(
            "streams=late",
            "streams=early",
            "streams=random,seed=1",
            "streams=random,seed=2,schedule=reverse",
            "streams=random,seed=3,schedule=fair,resident=1");

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> themesUnderEveryPolicy() throws Exception {
        Path program = resource("driver/driver_test");
        assumeTrue(
                program != null,
                "the program of tests/native was not built: it wants g++ on Linux and the cuda.h of CUDA 12 or newer");
        Path kernels = resource("emulator/libvicmae_test_kernels.so");
        List<String> themes = run(List.of(program.toString(), "themes")).lines().toList();
        assertTrue(themes.size() > 5, themes.toString());
        return SETTINGS.stream().flatMap(settings -> themes.stream()
                .map(theme -> dynamicTest(
                        theme + " with " + settings,
                        () -> run(List.of(program.toString(), kernels.toString(), theme, settings)))));
    }

    /** What the program said; a failure with what it said if it found one. */
    private String run(List<String> command) throws Exception {
        Path said = Files.createTempFile(folder, "said", ".txt");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile());
        builder.environment().remove("VICMAE_EMULATOR");
        builder.environment().put("VICMAE_JCUDA", jcudaLibrary());
        Process process = builder.start();
        boolean ended = process.waitFor(120, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly();
        }
        String text = Files.readString(said, StandardCharsets.UTF_8);
        assertTrue(ended, () -> String.join(" ", command) + " did not come to its end; it said:\n" + text);
        assertEquals(0, process.exitValue(), () -> String.join(" ", command) + " said:\n" + text);
        return text;
    }

    /** JCuda's native half, whose calls the driver has to have; empty where JCuda has none for this processor. */
    private String jcudaLibrary() throws IOException {
        Path library = folder.resolve("libJCudaDriver.so");
        if (!Files.exists(library)) {
            String name = LibUtils.createPlatformLibraryName("JCudaDriver-" + JCudaVersion.get());
            try (InputStream in = LibUtils.class.getResourceAsStream("/lib/lib" + name + ".so")) {
                if (in == null) {
                    return "";
                }
                Files.copy(in, library);
            }
        }
        return library.toString();
    }

    private static Path resource(String name) throws URISyntaxException {
        URL url = EmulatedDriverNativeTest.class.getResource(FOLDER + name);
        return url == null ? null : Path.of(url.toURI());
    }
}
