package io.github.vicmae.device.system;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What was found on this machine and in this build, each part as far as it could be asked; no failure of a question hides another answer. A value
 * that is not known is null, and {@link #problems()} says why where that is no ordinary thing.
 *
 * @param problems one sentence for each question that failed
 */
public record SystemInfo(
        Build vicmae,
        Jvm java,
        OperatingSystem system,
        Memory memory,
        Processor processor,
        Cuda cuda,
        List<NativeLibrary> libraries,
        List<Tool> tools,
        Map<String, String> dependencies,
        List<String> problems) {

    /**
     * This build of vicmae.
     *
     * @param version null where it was not made by Maven
     * @param commit the git commit it was made from, with -dirty behind it where sources of the library differed; null if it was not made in a checkout
     * @param cubins architectures of its cubins, as in 90; empty without nvcc
     * @param ptx architectures of its PTX
     * @param emulatedDriver whether it has the emulated driver
     * @param videos whether FFmpeg's classes are there
     */
    public record Build(
            String version,
            String commit,
            List<Integer> cubins,
            List<Integer> ptx,
            boolean emulatedDriver,
            boolean videos) {
        Map<String, Object> tree() {
            return map(
                    "version", version,
                    "commit", commit,
                    "cubins", cubins,
                    "ptx", ptx,
                    "emulatedDriver", emulatedDriver,
                    "videos", videos);
        }
    }

    /**
     * The Java that runs.
     *
     * @param home java.home
     * @param maxHeap bytes
     */
    public record Jvm(String version, String vendor, String name, String home, long maxHeap) {
        Map<String, Object> tree() {
            return map("version", version, "vendor", vendor, "name", name, "home", home, "maxHeapBytes", maxHeap);
        }
    }

    /**
     * The operating system.
     *
     * @param version the kernel's
     * @param distribution as /etc/os-release names it
     * @param glibc the C library's version
     */
    public record OperatingSystem(String name, String version, String architecture, String distribution, String glibc) {
        Map<String, Object> tree() {
            return map(
                    "name", name,
                    "version", version,
                    "architecture", architecture,
                    "distribution", distribution,
                    "glibc", glibc);
        }
    }

    /** The machine's memory in bytes; null where it is not known. */
    public record Memory(Long total, Long available) {
        Map<String, Object> tree() {
            return map("totalBytes", total, "availableBytes", available);
        }
    }

    /**
     * The processor, and how the CPU device uses it.
     *
     * @param cores as many as the JVM may use
     * @param features those of its instruction sets that kernels are built for, as /proc/cpuinfo names them
     * @param kernels the build of the kernels in use, as in x86-64-v4; null if there is none
     * @param products what makes matrix products
     * @param openBlas OpenBLAS's version, or why it is not there
     * @param threads how many cores the CPU device uses
     * @param failure why the CPU device cannot be used, or null if it can
     */
    public record Processor(
            String model,
            int cores,
            List<String> features,
            String kernels,
            String products,
            String openBlas,
            int threads,
            String failure) {
        Map<String, Object> tree() {
            return map(
                    "model", model,
                    "cores", cores,
                    "features", features,
                    "kernels", kernels,
                    "products", products,
                    "openBlas", openBlas,
                    "threads", threads,
                    "failure", failure);
        }
    }

    /**
     * CUDA on this machine.
     *
     * @param reason why it cannot be used, or null if it can
     * @param version the CUDA version that the driver supports
     * @param driver the driver's own version
     * @param nvidiaCards how many NVIDIA cards the PCI bus has, with a driver or without
     */
    public record Cuda(String reason, String version, String driver, int nvidiaCards, List<Card> cards) {
        Map<String, Object> tree() {
            return map(
                    "usable", reason == null,
                    "reason", reason,
                    "version", version,
                    "driver", driver,
                    "nvidiaCards", nvidiaCards,
                    "cards", cards.stream().map(Card::tree).toList());
        }
    }

    /**
     * A card that the driver sees.
     *
     * @param capability as in 9.0
     * @param memory bytes
     * @param clock of the multiprocessors, MHz, or null
     * @param memoryClock MHz, or null
     * @param memoryBus bits, or null
     * @param ecc whether its memory corrects errors, or null
     * @param kernels what its kernels are loaded from, in words
     */
    public record Card(
            String device,
            String name,
            String capability,
            long memory,
            int multiprocessors,
            Integer clock,
            Integer memoryClock,
            Integer memoryBus,
            Boolean ecc,
            String kernels) {
        Map<String, Object> tree() {
            return map(
                    "device", device,
                    "name", name,
                    "capability", capability,
                    "memoryBytes", memory,
                    "multiprocessors", multiprocessors,
                    "clockMhz", clock,
                    "memoryClockMhz", memoryClock,
                    "memoryBusBits", memoryBus,
                    "ecc", ecc,
                    "kernels", kernels);
        }
    }

    /**
     * A library that CUDA hosts may have. It is looked for, not loaded.
     *
     * @param path where it is, or null if the loader would not find it
     * @param gives what it is good for here
     */
    public record NativeLibrary(String name, String path, String gives) {
        Map<String, Object> tree() {
            return map("name", name, "path", path, "gives", gives);
        }
    }

    /**
     * A program that is looked for.
     *
     * @param path where it is, or null if it was not found
     * @param gives what it is good for here
     */
    public record Tool(String name, String path, String gives) {
        Map<String, Object> tree() {
            return map("name", name, "path", path, "gives", gives);
        }
    }

    /**
     * Asks. As opening a device does, it loads the CPU's kernels and, where there is one, NVIDIA's driver: after that this process cannot load the
     * emulated one. Nothing else is changed, no program is started, and nothing is thrown.
     */
    public static SystemInfo collect() {
        return new SystemProbe(Path.of("/"), System.getenv()).ask();
    }

    /**
     * The same as maps, lists, strings, numbers and booleans, for JSON. Its keys are vicmae, java, system, memory, processor, cuda, libraries,
     * tools, dependencies and problems; the parts have the names of the records' components, with the unit behind a quantity.
     */
    public Map<String, Object> tree() {
        return map(
                "vicmae", vicmae.tree(),
                "java", java.tree(),
                "system", system.tree(),
                "memory", memory.tree(),
                "processor", processor.tree(),
                "cuda", cuda.tree(),
                "libraries", libraries.stream().map(NativeLibrary::tree).toList(),
                "tools", tools.stream().map(Tool::tree).toList(),
                "dependencies", dependencies,
                "problems", problems);
    }

    /** Names and values in turn, in this order; a map that may hold nulls. */
    public static Map<String, Object> map(Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }
}
