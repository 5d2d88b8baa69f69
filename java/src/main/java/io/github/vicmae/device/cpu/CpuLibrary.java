package io.github.vicmae.device.cpu;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.NativeFiles;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.lwjgl.system.JNI;
import org.lwjgl.system.Library;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.SharedLibrary;

/** The kernels built for this processor, loaded once a process. */
final class CpuLibrary {
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
            SharedLibrary baseline = load("x86-64");
            int level = JNI.invokePI(0L, baseline.getFunctionAddress("vicmae_x86_level"));
            String best = level == 0 ? "x86-64" : "x86-64-v" + level;
            isa = System.getProperty("vicmae.isa", best);
            if (isa.compareTo(best) > 0) {
                throw new DeviceException("The kernels for " + isa
                        + " were asked for (-Dvicmae.isa), but this processor has only " + best);
            }
            library = isa.equals("x86-64") ? baseline : load(isa);
        } else {
            isa = architecture;
            library = load(architecture);
        }
        file = file(isa);
        blas = OpenBlas.load();
        if (blas.sgemm() != 0) {
            JNI.invokePI(blas.sgemm(), function("vicmae_set_sgemm"));
        }
        engines = JNI.invokePI(0L, function("vicmae_gemm_engines"));
        engine = ProductEngine.chosen(engines, blas);
        Integer wanted = Integer.getInteger("vicmae.threads");
        threads = wanted == null ? Runtime.getRuntime().availableProcessors() : Math.max(1, wanted);
        try (MemoryStack stack = MemoryStack.stackPush()) {
            JNI.invokePI(org.lwjgl.system.MemoryUtil.memAddress(stack.ints(threads)), function("vicmae_set_threads"));
        }
    }

    static synchronized CpuLibrary get() {
        if (loaded == null) {
            loaded = new CpuLibrary();
        }
        return loaded;
    }

    private static SharedLibrary load(String name) {
        return open(file(name));
    }

    /** Where a build's library lies. */
    private static synchronized Path file(String name) {
        return FILES.computeIfAbsent(name, n -> {
            String file = "cpu/" + System.mapLibraryName("vicmae_" + n);
            Path path = NativeFiles.extract(file);
            if (path == null) {
                throw new DeviceException("This build of vicmae has no kernels for this processor (" + file
                        + " is missing). Build it here with 'mvn package'; that needs CMake and g++.");
            }
            return path.toAbsolutePath();
        });
    }

    private static SharedLibrary open(Path path) {
        return Library.loadNative(CpuLibrary.class, "io.github.vicmae", path.toString());
    }

    /** Kernels of others, linked to the library in use; loaded once a process. */
    static synchronized SharedLibrary further(Path path) {
        return FURTHER.computeIfAbsent(path, p -> {
            try {
                return open(p);
            } catch (LinkageError e) {
                throw new DeviceException("The kernels in " + p + " could not be loaded: " + e.getMessage(), e);
            }
        });
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
