package io.github.vicmae.device.build;

import io.github.vicmae.device.DeviceException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Builds kernels of others with CMake, g++ and, for cards, nvcc (cmake/own), or NVRTC where that is all there is. Results are kept in a cache
 * folder by the content of all that goes into them, so what was built once is there the next time; a build that is interrupted leaves nothing
 * that would be taken for one.
 */
public final class KernelBuild {
    /** The system property that names the cache folder. */
    public static final String CACHE_PROPERTY = "vicmae.cache";

    private final Path cache;
    private final String searchPath;
    private final List<String> compilers;

    /**
     * @param cache the folder of results; made when it is needed
     * @param searchPath where programs are looked for, as the environment variable PATH has it
     * @param compilers NVRTC's libraries, the first that can be loaded is meant
     */
    KernelBuild(Path cache, String searchPath, List<String> compilers) {
        this.cache = cache.toAbsolutePath();
        this.searchPath = searchPath;
        this.compilers = List.copyOf(compilers);
    }

    /**
     * A build with the usual cache: the folder of the system property {@code vicmae.cache}, else {@code vicmae} in {@code $XDG_CACHE_HOME}, else
     * {@code ~/.cache/vicmae}.
     */
    public static KernelBuild usual() {
        String path = System.getenv("PATH");
        return new KernelBuild(cacheFolder(), path == null ? "" : path, Nvrtc.usual());
    }

    private static Path cacheFolder() {
        String property = System.getProperty(CACHE_PROPERTY);
        if (property != null) {
            return Path.of(property);
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path home = xdg != null && !xdg.isEmpty() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
        return home.resolve("vicmae");
    }

    /** The folder of results, in which there is room for what is worked on too. */
    public Path cache() {
        return cache;
    }

    /** Whether there is a compiler for cards: nvcc with what it needs, or NVRTC. */
    public boolean makesPtx() {
        return nvccWorks() || Nvrtc.first(compilers) != null;
    }

    private boolean nvccWorks() {
        return nvcc() != null && find("cmake") != null && hasCompiler();
    }

    private boolean hasCompiler() {
        return find("g++") != null || find("c++") != null;
    }

    private Path nvcc() {
        Path found = find("nvcc");
        Path usual = Path.of("/usr/local/cuda/bin/nvcc");
        return found != null ? found : Files.isExecutable(usual) ? usual : null;
    }

    Path cpu(SourceLibrary source, String isa, Path runtime) {
        return result(
                source,
                "cpu-" + isa + ".so",
                "own_cpu",
                "libown_cpu.so",
                List.of(
                        "-DDRIVER=no",
                        "-DCPU_LIBRARY=" + runtime.toAbsolutePath(),
                        "-DISA=" + isa,
                        "-DVICMAE_NVCC=no"));
    }

    Path emulated(SourceLibrary source, Path driver) {
        return result(
                source,
                "emulated.so",
                "own_kernels",
                "libown_kernels.so",
                List.of("-DDRIVER=" + driver.toAbsolutePath(), "-DVICMAE_NVCC=no"));
    }

    Path ptx(SourceLibrary source, int family) {
        return result(source, "compute_" + family + ".ptx", (sources, result) -> {
            if (nvccWorks()) {
                build(
                        source,
                        sources,
                        "own_ptx",
                        "classes/io/github/vicmae/kernels/ptx/compute_" + family + "/" + source.name() + ".ptx",
                        List.of("-DDRIVER=no", "-DVICMAE_NVCC=" + nvcc()),
                        result);
            } else {
                compile(source, sources, family, result);
            }
        });
    }

    /** The version line says what the features need, as in the build's own PTX: older drivers load it then. */
    private void compile(SourceLibrary source, BuildSources sources, int family, Path result) throws IOException {
        Nvrtc nvrtc = Nvrtc.first(compilers);
        if (nvrtc == null) {
            throw new DeviceException(source.file() + " cannot be built for a card: there is neither nvcc with CMake"
                    + " and g++ on the PATH, nor NVRTC (libnvrtc.so.13 or .12, which -D" + Nvrtc.PROPERTY
                    + "=FILE can name). Install one of them, or use the device cpu or emulated");
        }
        Path headers = sources.unpackedIn(cache).resolve("cuda");
        Path beside = source.file().toAbsolutePath().getParent();
        String ptx = nvrtc.ptx(
                source.file(), source.text(), List.of(beside, headers, headers.resolve("nvrtc")), "compute_" + family);
        String version = family >= 90 ? "7.8" : "7.4";
        try (WorkFolder work = WorkFolder.in(cache)) {
            Path draft = Files.writeString(
                    work.path().resolve("draft.ptx"),
                    ptx.replaceFirst("(?m)^\\.version .*$", ".version " + version),
                    StandardCharsets.ISO_8859_1);
            keep(draft, result);
        }
    }

    private static void keep(Path draft, Path result) throws IOException {
        Files.createDirectories(result.getParent());
        Files.move(draft, result, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Path result(SourceLibrary source, String name, String target, String made, List<String> options) {
        return result(source, name, (sources, result) -> build(source, sources, target, made, options, result));
    }

    /** Makes a result. */
    @FunctionalInterface
    private interface Maker {
        void make(BuildSources sources, Path result) throws IOException;
    }

    private Path result(SourceLibrary source, String name, Maker maker) {
        BuildSources sources = BuildSources.get();
        String key = new ContentHash()
                .add(source.hash())
                .add(source.name())
                .add(sources.hash())
                .hex();
        Path result = cache.resolve("kernels").resolve(key).resolve(name);
        if (!Files.isRegularFile(result)) {
            try {
                maker.make(sources, result);
            } catch (IOException e) {
                throw new DeviceException(
                        source.file() + " could not be built in the cache folder " + cache + ": " + e.getMessage()
                                + ". Make room there or name another folder with -D" + CACHE_PROPERTY,
                        e);
            }
        }
        return result;
    }

    private void build(
            SourceLibrary source, BuildSources sources, String target, String made, List<String> options, Path result)
            throws IOException {
        String file = source.file().toAbsolutePath().toString();
        if (file.contains(";")) {
            throw new DeviceException(
                    file + " cannot be built: CMake takes a semicolon for the end of a path; rename it");
        }
        Path cmake = program(source, "cmake", "CMake (cmake)");
        if (!hasCompiler()) {
            program(source, "g++", "a C++ compiler (g++)");
        }
        Path unpacked = sources.unpackedIn(cache);
        try (WorkFolder work = WorkFolder.in(cache)) {
            List<String> configure = new ArrayList<>(List.of(
                    cmake.toString(),
                    "-S",
                    unpacked.resolve("cmake/own").toString(),
                    "-B",
                    work.path().toString(),
                    "-DKERNELS=" + file));
            configure.addAll(options);
            call(source, "The build of " + source.file() + " could not be configured", configure, work.path());
            call(
                    source,
                    source.file() + " does not compile",
                    List.of(cmake.toString(), "--build", work.path().toString(), "--target", target),
                    work.path());
            Path draft = work.path().resolve(made);
            if (!Files.isRegularFile(draft)) {
                throw new BuildException("The build of " + source.file() + " ended without " + made);
            }
            keep(draft, result);
        }
    }

    private void call(SourceLibrary source, String failure, List<String> command, Path folder) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().put("PATH", searchPath);
        Process process = builder.start();
        process.getOutputStream().close();
        try {
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new BuildException(failure + ":\n" + withoutProgress(said));
            }
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new BuildException("The build of " + source.file() + " was interrupted");
        }
    }

    /** What the compiler says, without what make says around it. */
    private static String withoutProgress(String said) {
        String kept = said.lines()
                .filter(line -> !line.matches("\\[ *\\d+%\\].*|g?make(\\[\\d+\\])?: .*|-- .*"))
                .collect(Collectors.joining("\n"));
        return (kept.isBlank() ? said : kept).strip();
    }

    private Path program(SourceLibrary source, String name, String words) {
        Path found = find(name);
        if (found == null) {
            throw new DeviceException(source.file() + " cannot be built: " + words
                    + " was not found on the PATH. Kernels of your own need CMake and g++; on Debian and Ubuntu:"
                    + " apt-get install cmake g++");
        }
        return found;
    }

    private Path find(String program) {
        for (String folder : searchPath.split(File.pathSeparator)) {
            Path file = Path.of(folder.isEmpty() ? "." : folder, program);
            if (Files.isExecutable(file) && !Files.isDirectory(file)) {
                return file;
            }
        }
        return null;
    }
}
