package io.github.vicmae.device.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.KernelLibrary;
import io.github.vicmae.device.NativeFiles;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KernelBuildTest {
    private static final String TIMES = """
            #include "target.cuh"
            KERNEL(build_test_times, float* y, const float* x, float a, int n) {
              for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) y[i] = a * x[i];
            }
            """;

    /** Also a path with spaces. */
    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static KernelBuild build() {
        return new KernelBuild(shared.resolve("a cache"), System.getenv("PATH"), List.of());
    }

    private SourceLibrary source(String name, String text, KernelBuild build) throws IOException {
        Path file = Files.createDirectories(folder.resolve("my sources")).resolve(name);
        return SourceLibrary.read(Files.writeString(file, text), build);
    }

    private static void assertTimesThree(Device device, KernelLibrary library) {
        try (Stream stream = device.newStream();
                Arena arena = new Arena("test")) {
            Tensor x = arena.floats("x", 5);
            Tensor y = arena.floats("y", 5);
            arena.allocate(device);
            stream.write(x, new float[] {1, 2, 3, 4, 5});
            Kernel kernel = device.libraryKernel(library, "build_test_times", "ppfi");
            stream.begin(kernel).arg(y).arg(x).arg(3f).arg(5).launch(2, 32);
            assertEquals(15f, stream.read(y)[4]);
            assertEquals(3f, stream.read(y)[0]);
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void runsOnEveryDevice(String name) throws IOException {
        SourceLibrary library = source("times three.cu", TIMES, build());
        assertEquals(Set.of("build_test_times"), library.kernels());
        try (Device device = Device.open(name)) {
            assertTimesThree(device, library);
            DeviceException other = assertThrows(
                    DeviceException.class, () -> device.libraryKernel(library, "build_test_times", "ppfl"));
            assertTrue(other.getMessage().contains("parameter 4"), other.getMessage());
            DeviceException none =
                    assertThrows(DeviceException.class, () -> device.libraryKernel(library, "nothing", "p"));
            assertTrue(none.getMessage().contains("has no kernel 'nothing'"), none.getMessage());
        }
    }

    /** For the lowest x86-64 level whose kernels are here: a partial build has only those of this machine. */
    private static Path cpu(SourceLibrary library) {
        String isa = java.util.stream.Stream.of("x86-64", "x86-64-v3", "x86-64-v4")
                .filter(level -> NativeFiles.contains("cpu/libvicmae_" + level + ".so"))
                .findFirst()
                .orElse(null);
        assumeTrue(isa != null, "the kernels are built for another processor");
        return library.cpu(isa, NativeFiles.extract("cpu/libvicmae_" + isa + ".so"));
    }

    /** What was built is found again by its content, wherever the file is, and only by that. */
    @Test
    void isBuiltOnce() throws IOException {
        Path first = cpu(source("once.cu", TIMES, build()));
        // Without any program nothing could be built.
        KernelBuild none = new KernelBuild(shared.resolve("a cache"), "", List.of());
        assertEquals(first, cpu(source("once.cu", TIMES, none)));
        SourceLibrary changed = source("once.cu", TIMES + "\n", none);
        DeviceException e = assertThrows(DeviceException.class, () -> cpu(changed));
        assertTrue(e.getMessage().contains("CMake (cmake) was not found on the PATH"), e.getMessage());
        assertTrue(e.getMessage().contains("apt-get install"), e.getMessage());
    }

    @Test
    void saysThatACompilerIsMissing() throws IOException {
        Path programs = Files.createDirectory(folder.resolve("programs"));
        Path cmake = Files.writeString(programs.resolve("cmake"), "#!/bin/sh\nexit 0\n");
        assertTrue(cmake.toFile().setExecutable(true));
        SourceLibrary library =
                source("once.cu", TIMES, new KernelBuild(folder.resolve("c"), programs.toString(), List.of()));
        DeviceException e = assertThrows(DeviceException.class, () -> library.cpu("x86-64", Path.of("none.so")));
        assertTrue(e.getMessage().contains("a C++ compiler (g++) was not found"), e.getMessage());
    }

    /** A compiler's complaint is handed on as it is, and nothing stays that could be taken for a result. */
    @Test
    void leavesNothingOfABuildThatFails() throws IOException {
        Path cache = folder.resolve("cache");
        KernelBuild build = new KernelBuild(cache, System.getenv("PATH"), List.of());
        SourceLibrary library = source("bad.cu", TIMES.replace("a * x[i]", "b * x[i]"), build);
        BuildException e = assertThrows(BuildException.class, () -> cpu(library));
        assertTrue(e.getMessage().contains("bad.cu:3:"), e.getMessage());
        assertTrue(e.getMessage().contains("was not declared in this scope"), e.getMessage());
        assertFalse(e.getMessage().contains("gmake"), e.getMessage());
        try (java.util.stream.Stream<Path> left = Files.walk(cache)) {
            assertTrue(left.noneMatch(p ->
                    p.toString().endsWith(".so") || p.getFileName().toString().startsWith("work-")));
        }
    }

    /** A process that was killed cannot clean up; the next one does, and leaves alone what living ones work in. */
    @Test
    void removesWhatAKilledProcessLeft() throws IOException, InterruptedException {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        Path dead = Files.createDirectories(folder.resolve("work-" + ended.pid() + "-1/inside"));
        Path alive = Files.createDirectories(
                folder.resolve("work-" + ProcessHandle.current().pid() + "-1"));
        try (WorkFolder work = WorkFolder.in(folder)) {
            assertTrue(Files.isDirectory(work.path()));
            assertFalse(Files.exists(dead));
            assertTrue(Files.exists(alive));
        }
    }

    @Test
    void filesBesideTheSourceCount() throws IOException {
        SourceLibrary alone = source("with.cu", "#include \"part.h\"\n#include \"target.cuh\"\n", build());
        Files.writeString(folder.resolve("my sources/part.h"), "#include \"part.h\"\nint a;\n");
        SourceLibrary with = SourceLibrary.read(alone.file(), build());
        Files.writeString(folder.resolve("my sources/part.h"), "int b;\n");
        SourceLibrary changed = SourceLibrary.read(alone.file(), build());
        assertNotEquals(alone.hash(), with.hash());
        assertNotEquals(with.hash(), changed.hash());
        assertEquals(changed.hash(), SourceLibrary.read(alone.file(), build()).hash());
    }

    /** Kernels are known to the emulated driver by their names: a second file cannot take a first one's place unseen. */
    @Test
    void aNameIsTakenOnceInTheEmulatedDriver() throws IOException {
        assumeTrue(
                KernelFixture.devices().anyMatch(d -> d.startsWith("emulated")),
                "the emulated device is not among those to be tested");
        String first = TIMES.replace("build_test_times", "build_test_twice");
        SourceLibrary one = source("one.cu", first, build());
        SourceLibrary two = source("two.cu", first + "\n", build());
        try (Device device = Device.open("emulated")) {
            device.libraryKernel(one, "build_test_twice", "ppfi");
            DeviceException e =
                    assertThrows(DeviceException.class, () -> device.libraryKernel(two, "build_test_twice", "ppfi"));
            assertTrue(e.getMessage().contains("'build_test_twice' from another source than two.cu"), e.getMessage());
        }
    }

    /** The files in the jar are those of the repository, and enough: builds of these tests use no others. */
    @Test
    void sourcesAreInTheJar() throws IOException {
        Path unpacked = BuildSources.get().unpackedIn(folder);
        assertTrue(BuildSources.get().names().contains("cuda/user_loss.cuh"));
        for (String name : BuildSources.get().names()) {
            assertEquals(-1L, Files.mismatch(TestData.root().resolve(name), unpacked.resolve(name)), name);
        }
    }

    @Test
    void ptxAssembles() throws IOException {
        KernelBuild build = build();
        assumeTrue(build.makesPtx(), "nvcc is not installed");
        for (String name : List.of("times three.cu", "times.v2.cu")) {
            String ptx = new String(source(name, TIMES, build).ptx(80), java.nio.charset.StandardCharsets.ISO_8859_1);
            assertTrue(ptx.contains(".entry build_test_times"), ptx);
        }
    }
}
