package io.github.vicmae.device.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.device.LibraryPath;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.io.JsonText;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of machines, this one and made-up ones. */
class SystemInfoTest {
    /** Before NVIDIA's driver is looked for: a process can use one driver. */
    @BeforeAll
    static void chooseDriver() {
        KernelFixture.devices();
    }

    @TempDir
    Path root;

    private SystemInfo ask(Map<String, String> environment) {
        return new SystemProbe(root, environment).ask();
    }

    private Path write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        return Files.writeString(path, text);
    }

    private static Map<String, String> paths(List<SystemInfo.Tool> tools) {
        return tools.stream()
                .filter(t -> t.path() != null)
                .collect(Collectors.toMap(SystemInfo.Tool::name, SystemInfo.Tool::path));
    }

    @Test
    void thisMachineIsDescribed() throws IOException {
        SystemInfo info = SystemInfo.collect();
        assertEquals(List.of(), info.problems());
        assertEquals(System.getProperty("java.home"), info.java().home());
        assertTrue(info.processor().threads() > 0);
        assertNotNull(info.processor().kernels());
        assertNotNull(info.processor().products());
        assertTrue(info.memory().total() > info.memory().available());
        assertTrue(info.system().glibc().matches("\\d+\\.\\d+.*"), info.system().glibc());
        assertEquals(EmulatedDriver.isInBuild(), info.vicmae().emulatedDriver());
        assertTrue(info.vicmae().videos());
        assertTrue(
                info.dependencies().values().stream().allMatch(v -> v != null),
                info.dependencies().toString());
        assertEquals(info.cuda().reason() == null, !info.cuda().cards().isEmpty());
        if (EmulatedDriver.isLoaded()) {
            assertTrue(
                    info.cuda().reason().contains("emulated driver"),
                    info.cuda().reason());
        }
        JsonNode json = new ObjectMapper().readTree(JsonText.indented(info.tree()));
        Set<String> keys = new HashSet<>();
        json.fieldNames().forEachRemaining(keys::add);
        assertEquals(
                Set.of(
                        "vicmae",
                        "java",
                        "system",
                        "memory",
                        "processor",
                        "cuda",
                        "libraries",
                        "tools",
                        "dependencies",
                        "problems"),
                keys);
        assertEquals(info.memory().total(), json.at("/memory/totalBytes").longValue());
        assertEquals(info.java().maxHeap(), json.at("/java/maxHeapBytes").longValue());
        assertEquals(info.cuda().reason() == null, json.at("/cuda/usable").booleanValue());
        assertEquals("libcuda.so.1", json.at("/libraries/0/name").textValue());
        assertEquals("nvcc", json.at("/tools/0/name").textValue());
    }

    @Test
    void aBareMachineHasNothingAndNoProblem() {
        SystemInfo info = ask(Map.of());
        assertEquals(List.of(), info.problems());
        assertNull(info.memory().total());
        assertNull(info.processor().model());
        assertNull(info.system().distribution());
        assertEquals(List.of(), info.processor().features());
        assertEquals(0, info.cuda().nvidiaCards());
        assertEquals(Map.of(), paths(info.tools()));
        assertTrue(info.libraries().stream()
                .allMatch(l -> l.path() == null && !l.gives().isBlank()));
    }

    @Test
    void filesOfTheSystemAreRead() throws IOException {
        write("proc/meminfo", "MemTotal:       1024 kB\nMemFree:  1 kB\nMemAvailable:    512 kB\n");
        write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 avx512f amx_bf16 fma_not\n");
        write("etc/os-release", "NAME=\"Some\"\nPRETTY_NAME=\"Some Linux 1\"\n");
        write(
                "proc/driver/nvidia/version",
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n");
        write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
        write("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
        write("sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n"); // its sound
        write("sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n");
        write("sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n");
        write("sys/bus/pci/devices/0000:02:00.0/class", "0x030000\n");
        SystemInfo info = ask(Map.of());
        assertEquals(new SystemInfo.Memory(1L << 20, 1L << 19), info.memory());
        assertEquals("Some CPU", info.processor().model());
        assertEquals(List.of("avx2", "avx512f", "amx_bf16"), info.processor().features());
        assertEquals("Some Linux 1", info.system().distribution());
        assertEquals("570.86.15", info.cuda().driver());
        assertEquals(1, info.cuda().nvidiaCards());
        assertEquals(List.of(), info.problems());
    }

    /** The older, closed module words its line in another way. */
    @Test
    void theClosedDriverIsReadToo() throws IOException {
        write("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n");
        assertEquals("535.183.01", ask(Map.of()).cuda().driver());
    }

    @Test
    void toolsAreLookedForWhereTheShellAndTheBuildLook() throws IOException {
        assertTrue(write("first/g++", "").toFile().setExecutable(true));
        write("first/cmake", ""); // not executable
        assertTrue(write("second/cmake", "").toFile().setExecutable(true));
        assertTrue(write("cuda/bin/nvcc", "").toFile().setExecutable(true));
        assertTrue(write("usr/local/cuda/bin/ptxas", "").toFile().setExecutable(true));
        String path = root.resolve("first") + "::" + root.resolve("missing") + ":" + root.resolve("second");
        Map<String, String> found =
                paths(ask(Map.of("PATH", path, "CUDA_HOME", root.resolve("cuda").toString()))
                        .tools());
        assertEquals(
                Map.of(
                        "g++", root.resolve("first/g++").toString(),
                        "cmake", root.resolve("second/cmake").toString(),
                        "nvcc", root.resolve("cuda/bin/nvcc").toString(),
                        "ptxas", root.resolve("usr/local/cuda/bin/ptxas").toString()),
                found);
    }

    @Test
    void librariesAreFoundAsTheLoaderFindsThem() throws IOException {
        write("own/libcublas.so.12", "");
        write("opt/libcublas.so.12", "");
        write("opt/libnvrtc.so.13", "");
        write("usr/lib64/libcudnn.so.8", "");
        Files.createDirectories(root.resolve("etc"));
        Files.write(
                root.resolve("etc/ld.so.cache"),
                cache(
                        "libcublas.so.12",
                        "/opt/libcublas.so.12",
                        "libnvrtc.so.13",
                        "/opt/libnvrtc.so.13",
                        "libgone.so",
                        "/gone"));
        LibraryPath plain = new LibraryPath(root, null);
        assertEquals(root.resolve("opt/libcublas.so.12"), plain.find("libcublas.so.12"));
        assertEquals(root.resolve("opt/libnvrtc.so.13"), plain.find("libnvrtc.so.13"));
        assertEquals(root.resolve("usr/lib64/libcudnn.so.8"), plain.find("libcudnn.so.8"));
        assertNull(plain.find("libgone.so"));
        assertNull(plain.find("libcublas.so"));
        LibraryPath own = new LibraryPath(root, root.resolve("own").toString());
        assertEquals(root.resolve("own/libcublas.so.12"), own.find("libcublas.so.12"));
        assertNotNull(new LibraryPath(Path.of("/"), null).find("libc.so.6"), "this machine's own C library");
    }

    /** What cannot be read is a sentence, and the rest is there. */
    @Test
    void aFailedQuestionHidesNoOtherAnswer() throws IOException {
        Files.createDirectories(root.resolve("proc/meminfo"));
        Files.createDirectories(root.resolve("etc"));
        Files.write(root.resolve("etc/ld.so.cache"), new byte[20]); // cut off
        Files.createDirectories(root.resolve("sys/bus/pci/devices/0000:01:00.0"));
        write("proc/cpuinfo", "model name\t: Some CPU\n");
        SystemInfo info = ask(Map.of("PATH", "\0", "LD_LIBRARY_PATH", ":"));
        assertEquals("Some CPU", info.processor().model());
        assertNull(info.memory().total());
        assertTrue(
                info.problems().stream().anyMatch(p -> p.startsWith("The memory (MemTotal) could not be found out: ")),
                info.problems().toString());
        assertTrue(
                info.problems().stream().anyMatch(p -> p.startsWith("The cards on the PCI bus could not")),
                info.problems().toString());
        assertEquals(3, info.problems().size(), info.problems().toString());
    }

    /** A cache of the loader's newer form with these names and files. */
    private static byte[] cache(String... namesAndFiles) {
        int count = namesAndFiles.length / 2;
        ByteBuffer out = ByteBuffer.allocate(4096).order(ByteOrder.nativeOrder());
        out.put("glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII)).putInt(count);
        int at = 48 + 24 * count;
        for (int i = 0; i < count; i++) {
            out.putInt(48 + 24 * i, 0x0303);
            for (int j = 0; j < 2; j++) {
                byte[] text = namesAndFiles[2 * i + j].getBytes(StandardCharsets.UTF_8);
                out.putInt(48 + 24 * i + 4 + 4 * j, at);
                out.put(at, text);
                at += text.length + 1;
            }
        }
        return out.array();
    }
}
