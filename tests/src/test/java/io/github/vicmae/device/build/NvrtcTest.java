package io.github.vicmae.device.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.lab.LossTemplate;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A library of the tests stands in for NVIDIA's: it hands back what it was given. The last test wants NVIDIA's own. */
class NvrtcTest {
    private static final String STAND_IN = """
            #include <cstring>
            #include <string>
            struct Program { std::string source, name, said; };
            extern "C" {
            int nvrtcCreateProgram(Program** p, const char* source, const char* name, int headers, const char* const*, const char* const*) {
              if (headers != 0) return 2;
              *p = new Program{source, name, {}};
              return 0;
            }
            int nvrtcCompileProgram(Program* p, int count, const char* const* options) {
              if (p->source.find("BROKEN") != std::string::npos) {
                p->said = p->name + "(1): error: identifier \\"BROKEN\\" is undefined\\n";
                return 6;
              }
              if (p->source.find("INTERNAL") != std::string::npos) return 11;
              p->said = "//\\n.version 9.9\\n.target sm_80\\n";
              for (int i = 0; i < count; i++) p->said += std::string("// ") + options[i] + "\\n";
              p->said += "// " + p->source;
              return 0;
            }
            int size(Program* p, size_t* n) { *n = p->said.size() + 1; return 0; }
            int text(Program* p, char* to) { std::memcpy(to, p->said.c_str(), p->said.size() + 1); return 0; }
            int nvrtcGetPTXSize(Program* p, size_t* n) { return size(p, n); }
            int nvrtcGetPTX(Program* p, char* to) { return text(p, to); }
            int nvrtcGetProgramLogSize(Program* p, size_t* n) { return size(p, n); }
            int nvrtcGetProgramLog(Program* p, char* to) { return text(p, to); }
            int nvrtcDestroyProgram(Program** p) { delete *p; return 0; }
            const char* nvrtcGetErrorString(int) { return "NVRTC_ERROR_INTERNAL_ERROR"; }
            }
            """;

    @TempDir
    Path folder;

    private String standIn() throws IOException, InterruptedException {
        Path source = Files.writeString(folder.resolve("stand_in.cpp"), STAND_IN);
        Path library = folder.resolve("libnvrtc_stand_in.so");
        Process compiler = new ProcessBuilder("g++", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                .inheritIO()
                .start();
        assertTrue(compiler.waitFor(2, TimeUnit.MINUTES) && compiler.exitValue() == 0, "the stand-in was not built");
        return library.toString();
    }

    private SourceLibrary source(String text, List<String> compilers) throws IOException {
        // An empty PATH: no nvcc of this machine's, no CMake.
        KernelBuild build = new KernelBuild(folder.resolve("cache"), "", compilers);
        Path file = Files.createDirectories(folder.resolve("my losses")).resolve("mine.cu");
        return SourceLibrary.read(Files.writeString(file, text), build);
    }

    private static String text(byte[] ptx) {
        return new String(ptx, StandardCharsets.ISO_8859_1);
    }

    /** The version is lowered as in the build's own PTX, and includes are looked for beside the file first. */
    @Test
    void standsInForNvcc() throws Exception {
        SourceLibrary library = source("int of_mine; // \u00b5", List.of("libnothing.so.77", standIn()));
        List<String> lines = text(library.ptx(80)).lines().toList();
        Path headers = BuildSources.get()
                .unpackedIn(folder.resolve("cache"))
                .resolve("cuda")
                .toAbsolutePath();
        assertEquals(
                List.of(
                        "//",
                        ".version 7.4",
                        ".target sm_80",
                        "// --gpu-architecture=compute_80",
                        "// --std=c++17",
                        "// --device-as-default-execution-space",
                        "// --extra-device-vectorization",
                        "// --include-path=" + library.file().toAbsolutePath().getParent(),
                        "// --include-path=" + headers,
                        "// --include-path=" + headers.resolve("nvrtc")),
                lines.subList(0, 10));
        assertTrue(lines.get(10).startsWith("// int of_mine;"), lines.get(10));
        assertTrue(text(library.ptx(90)).contains(".version 7.8\n"));
        assertTrue(Files.isRegularFile(headers.resolve("nvrtc/stdint.h")));
        // What was compiled once needs no compiler.
        assertTrue(text(source(library.text(), List.of()).ptx(90)).contains(".version 7.8\n"));
    }

    @Test
    void itsComplaintsAreHandedOn() throws Exception {
        String compiler = standIn();
        BuildException e = assertThrows(
                BuildException.class, () -> source("BROKEN", List.of(compiler)).ptx(80));
        assertTrue(e.getMessage().endsWith("mine.cu(1): error: identifier \"BROKEN\" is undefined"), e.getMessage());
        DeviceException other = assertThrows(DeviceException.class, () -> source("INTERNAL", List.of(compiler))
                .ptx(80));
        assertTrue(
                other.getMessage().startsWith("nvrtcCompileProgram(--gpu-architecture=compute_80 ")
                        && other.getMessage().endsWith("answered NVRTC_ERROR_INTERNAL_ERROR"),
                other.getMessage());
        try (java.util.stream.Stream<Path> left = Files.walk(folder.resolve("cache"))) {
            assertTrue(left.noneMatch(p -> p.toString().endsWith(".ptx")));
        }
    }

    @Test
    void withoutACompilerItIsSaidWhatToInstall() throws IOException {
        assertFalse(new KernelBuild(folder, "", List.of()).makesPtx());
        DeviceException none =
                assertThrows(DeviceException.class, () -> source("", List.of()).ptx(80));
        assertTrue(
                none.getMessage().contains("neither nvcc with CMake and g++ on the PATH, nor NVRTC"),
                none.getMessage());
        DeviceException wrong = assertThrows(
                DeviceException.class, () -> source("", List.of("libc.so.6")).ptx(80));
        assertTrue(
                wrong.getMessage().startsWith("libc.so.6 is no NVRTC: it has no function nvrtcCreateProgram"),
                wrong.getMessage());
    }

    /** Where NVIDIA's own is installed, the headers suffice for the losses that the lab begins with. */
    @Test
    void compilesTheTemplate() throws Exception {
        assumeTrue(Nvrtc.first(Nvrtc.usual()) != null, "NVRTC is not installed");
        Path file = folder.resolve("template.cu");
        LossTemplate.write(file);
        SourceLibrary library = SourceLibrary.read(file, new KernelBuild(folder.resolve("cache"), "", Nvrtc.usual()));
        for (int family : new int[] {80, 90}) {
            String ptx = text(library.ptx(family));
            for (String kernel : library.kernels()) {
                assertTrue(ptx.contains(".entry " + kernel + "("), kernel);
            }
        }
        SourceLibrary broken = source("#include \"user_loss.cuh\"\nint x = BROKEN;\n", Nvrtc.usual());
        BuildException e = assertThrows(BuildException.class, () -> broken.ptx(80));
        assertTrue(e.getMessage().contains("mine.cu(2): error: identifier \"BROKEN\" is undefined"), e.getMessage());
        assertNull(Nvrtc.first(List.of()));
    }
}
