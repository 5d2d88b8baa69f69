package io.github.vicmae.device.cpu;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.LibraryLoader;
import io.github.vicmae.device.NativeFiles;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.SharedLibrary;

/** The kernels built for this processor, loaded once a process. */
final class CpuLibrary {
    /** The builds for x86-64 in ascending order (cmake/cpu.cmake). */
    private static final List<String> LEVELS = List.of("x86-64", "x86-64-v3", "x86-64-v4");

    private static final Map<String, Path> FILES = new HashMap<>();
    private static final Map<Path, SharedLibrary> FURTHER = new HashMap<>();
    private static CpuLibrary loaded;

    private final SharedLibrary library;
    private final Path file;
    private final String isa;
    private final OpenBlas blas;
    private final int threads;
    private final int engines;
    private final ProductEngine engine;

    private CpuLibrary() {
        String architecture = System.getProperty("os.arch");
        if (architecture.equals("amd64") || architecture.equals("x86_64")) {
            int level = JNI.invokePI(0L, load("level").getFunctionAddress("vicmae_x86_level"));
            String best = level == 0 ? "x86-64" : "x86-64-v" + level;
            isa = isa(System.getProperty("vicmae.isa", best), best);
        } else {
            isa = architecture;
        }
        library = load(isa);
        file = file(isa);
        blas = OpenBlas.load();
        if (blas.sgemm() != 0) {
            JNI.invokePI(blas.sgemm(), function("vicmae_set_sgemm"));
        }
        engines = JNI.invokePI(0L, function("vicmae_gemm_engines"));
        engine = ProductEngine.chosen(engines, blas);
        threads = threads(
                System.getProperty("vicmae.threads"), Runtime.getRuntime().availableProcessors());
        try (MemoryStack stack = MemoryStack.stackPush()) {
            JNI.invokePI(org.lwjgl.system.MemoryUtil.memAddress(stack.ints(threads)), function("vicmae_set_threads"));
        }
    }

    /** The kernels that are asked for, which the processor must be able to run. */
    static String isa(String wanted, String best) {
        if (!LEVELS.contains(wanted)) {
            throw new DeviceException("-Dvicmae.isa=" + wanted + " names no kernels; choose one of "
                    + String.join(", ", LEVELS.subList(0, LEVELS.indexOf(best) + 1)));
        }
        if (LEVELS.indexOf(wanted) > LEVELS.indexOf(best)) {
            throw new DeviceException("The kernels for " + wanted
                    + " were asked for (-Dvicmae.isa), but this processor has only " + best);
        }
        return wanted;
    }

    /** How many threads are asked for, or one for each processor. */
    static int threads(String wanted, int processors) {
        if (wanted == null) {
            return processors;
        }
        try {
            int threads = Integer.parseInt(wanted.strip());
            if (threads > 0) {
                return threads;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new DeviceException("-Dvicmae.threads=" + wanted + " is no number of threads; give 1 or more");
    }

    static synchronized CpuLibrary get() {
        if (loaded == null) {
            loaded = new CpuLibrary();
        }
        return loaded;
    }

    private static SharedLibrary load(String name) {
        return LibraryLoader.load("The kernels in", file(name));
    }

    /** Where a build's library lies. */
    private static synchronized Path file(String name) {
        return FILES.computeIfAbsent(name, n -> {
            String file = "cpu/" + System.mapLibraryName("vicmae_" + n);
            Path path = NativeFiles.extract(file);
            if (path == null) {
                throw new DeviceException("This build of vicmae has no kernels for this processor (" + file
                        + " is missing). Build them here with 'mvn package'; that needs CMake and g++.");
            }
            return path.toAbsolutePath();
        });
    }

    /** Kernels of others, linked to the library in use; loaded once a process. */
    static synchronized SharedLibrary further(Path path) {
        return FURTHER.computeIfAbsent(path, p -> LibraryLoader.load("The kernels in", p));
    }

    /** The library in use. */
    Path file() {
        return file;
    }

    /** A function's address, or 0. */
    long function(String name) {
        return library.getFunctionAddress(name);
    }

    String isa() {
        return isa;
    }

    OpenBlas blas() {
        return blas;
    }

    int threads() {
        return threads;
    }

    /** A bit for each engine of matrix products that can be had, by ordinal. */
    int engines() {
        return engines;
    }

    ProductEngine engine() {
        return engine;
    }
}
