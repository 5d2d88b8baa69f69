package io.github.vicmae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernels' build in a checkout with two kernels and two parts: what is built again after an edit, a move or a partial build. */
class CheckoutBuildTest {
    private static final Path CMAKE = Path.of("..", "cmake");
    private static final Pattern COMPILED = Pattern.compile("Building CXX object \\S*/(\\w+)\\.cu\\.o");

    @TempDir
    Path folder;

    private Path home;

    @BeforeEach
    void makeCheckout() throws IOException {
        assumeTrue(Files.exists(CMAKE), "the sources are not here");
        assumeTrue(Files.exists(Path.of("/usr/bin/g++")), "the emulated kernels are built by g++");
        home = folder.resolve("checkout");
        Files.createDirectories(home.resolve("cmake"));
        Files.createDirectories(home.resolve("cuda"));
        for (String name : List.of("build.cmake", "parts.cmake", "emulated_kernels.cmake")) {
            Files.copy(CMAKE.resolve(name), home.resolve("cmake").resolve(name));
        }
        Files.writeString(home.resolve("cuda/shared.cuh"), "int shared();\n");
        Files.writeString(home.resolve("cuda/own.cuh"), "int own();\n");
        Files.writeString(home.resolve("cuda/first.cu"), "#include \"shared.cuh\"\nint first() { return 1; }\n");
        Files.writeString(
                home.resolve("cuda/second.cu"),
                "#include \"shared.cuh\"\n#include \"own.cuh\"\nint second() { return 2; }\n");
        Files.writeString(home.resolve("cmake/CMakeLists.txt"), """
                cmake_minimum_required(VERSION 3.20)
                project(two_kernels LANGUAGES CXX)
                get_filename_component(VICMAE_CUDA "${CMAKE_SOURCE_DIR}/../cuda" ABSOLUTE)
                include(parts.cmake)
                include(emulated_kernels.cmake)
                file(GLOB kernels CONFIGURE_DEPENDS "${VICMAE_CUDA}/*.cu")
                vicmae_emulated_kernels(objects ${kernels})
                add_library(emulated SHARED $<TARGET_OBJECTS:objects>)
                set_target_properties(emulated PROPERTIES LINKER_LANGUAGE CXX LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/emulator")
                file(MAKE_DIRECTORY "${VICMAE_OUTPUT}/cpu")
                add_custom_command(OUTPUT "${VICMAE_OUTPUT}/cpu/kernels" COMMAND ${CMAKE_COMMAND} -E touch "${VICMAE_OUTPUT}/cpu/kernels")
                add_custom_target(kernels DEPENDS "${VICMAE_OUTPUT}/cpu/kernels")
                vicmae_part(cpu TARGETS kernels OUTPUTS cpu/kernels)
                vicmae_part(emulator TARGETS emulated OUTPUTS emulator)
                """);
    }

    private static Path emulator(Path checkout) {
        return checkout.resolve("out/emulator/libemulated.so");
    }

    /** Builds, and returns the kernels that were compiled. */
    private static Set<String> build(Path checkout, String parts) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        "cmake",
                        "-DBUILD=" + checkout.resolve("build"),
                        "-DOUTPUT=" + checkout.resolve("out"),
                        "-DPARTS=" + parts,
                        "-DPTX=OFF",
                        "-P",
                        checkout.resolve("cmake/build.cmake").toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        Set<String> compiled = new TreeSet<>();
        for (Matcher m = COMPILED.matcher(said); m.find(); ) {
            compiled.add(m.group(1));
        }
        return compiled;
    }

    /** Gives a file a time that is later than that of all that was built. */
    private void edit(String name) throws IOException {
        Files.setLastModifiedTime(home.resolve(name), FileTime.fromMillis(System.currentTimeMillis() + 1));
    }

    @Test
    void anEditCompilesWhatIncludesIt() throws Exception {
        assertEquals(Set.of("first", "second"), build(home, "all"));
        assertEquals(Set.of(), build(home, "all"));
        edit("cuda/first.cu");
        assertEquals(Set.of("first"), build(home, "all"));
        edit("cuda/own.cuh");
        assertEquals(Set.of("second"), build(home, "all"));
        edit("cuda/shared.cuh");
        assertEquals(Set.of("first", "second"), build(home, "all"));
    }

    @Test
    void aCopiedCheckoutBuildsAndCompilesItsOwnSources() throws Exception {
        build(home, "all");
        Path copy = folder.resolve("copy");
        List<Path> files = new ArrayList<>();
        try (Stream<Path> all = Files.walk(home)) {
            all.forEach(files::add);
        }
        for (Path file : files) {
            Files.copy(file, copy.resolve(home.relativize(file).toString()), StandardCopyOption.COPY_ATTRIBUTES);
        }
        assertEquals(Set.of("first", "second"), build(copy, "all"));
        assertEquals(Set.of(), build(copy, "all"));
        assertEquals(Set.of(), build(home, "all"));
    }

    @Test
    void whatAPartialBuildLeavesBehindTheSourcesIsSetAside() throws Exception {
        assertEquals(Set.of(), build(home, "cpu"));
        assertFalse(Files.exists(emulator(home)));
        build(home, "all");
        build(home, "cpu");
        assertTrue(Files.exists(emulator(home)), "it is as new as the sources");
        edit("cuda/first.cu");
        build(home, "cpu");
        assertFalse(Files.exists(emulator(home)), "it has other kernels than the sources");
        assertEquals(Set.of("first"), build(home, "cpu,emulator"));
        assertTrue(Files.exists(emulator(home)));
        assertEquals(Set.of(), build(home, "all"));
    }
}
