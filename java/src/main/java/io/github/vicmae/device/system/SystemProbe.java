package io.github.vicmae.device.system;

import io.github.vicmae.device.LibraryPath;
import io.github.vicmae.device.cpu.CpuDevice;
import io.github.vicmae.device.cpu.CpuState;
import io.github.vicmae.device.cuda.CudaCard;
import io.github.vicmae.device.cuda.CudaProbe;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.device.cuda.ModuleFiles;
import io.github.vicmae.device.system.SystemInfo.Build;
import io.github.vicmae.device.system.SystemInfo.Card;
import io.github.vicmae.device.system.SystemInfo.Cuda;
import io.github.vicmae.device.system.SystemInfo.Jvm;
import io.github.vicmae.device.system.SystemInfo.Memory;
import io.github.vicmae.device.system.SystemInfo.NativeLibrary;
import io.github.vicmae.device.system.SystemInfo.OperatingSystem;
import io.github.vicmae.device.system.SystemInfo.Processor;
import io.github.vicmae.device.system.SystemInfo.Tool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.lwjgl.system.APIUtil;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryUtil;

/** Asks what {@link SystemInfo} says. */
final class SystemProbe {
    /** The instruction sets that kernels and products are built for. */
    private static final List<String> FEATURES =
            List.of("sse4_2", "avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "amx_tile", "amx_bf16");

    private static final String CUBLAS =
            "matrix products by cuBLAS on a card, for the shapes for which it is measured to be faster than the own kernels";
    private static final Map<String, String> LIBRARIES = ordered(
            "libcuda.so.1", "CUDA cards; it is NVIDIA's driver, and all that a card needs",
            "libcublas.so.12", CUBLAS,
            "libcublas.so.13", CUBLAS + ", through a bridge where there is no libcublas.so.12",
            "libcublasLt.so.12", "what libcublas.so.12 itself needs",
            "libcublasLt.so.13", "what libcublas.so.13 itself needs",
            "libcudnn.so.8", "cuDNN as a peer in the benchmarks",
            "libnvrtc.so.12", "kernels of your own compiled for a card where there is no nvcc",
            "libnvrtc.so.13", "kernels of your own compiled for a card where there is no nvcc");
    private static final Map<String, String> TOOLS = ordered(
            "nvcc", "PTX and cubins of the kernels, in a build from source, and of your own",
            "ptxas", "PTX and cubins of the kernels, in a build from source, and of your own",
            "g++", "the kernels for the CPU and the emulated device, in a build from source, and your own",
            "cmake", "the build of kernels, these and your own");
    private static final Map<String, String> DEPENDENCIES = ordered(
            "jcuda", "org.jcuda/jcuda",
            "jcublas", "org.jcuda/jcublas",
            "javacpp", "org.bytedeco/javacpp",
            "openblas", "org.bytedeco/openblas",
            "ffmpeg", "org.bytedeco/ffmpeg",
            "leptonica", "org.bytedeco/leptonica",
            "commons-compress", "org.apache.commons/commons-compress",
            "twelvemonkeys", "com.twelvemonkeys.imageio/imageio-jpeg",
            "jackson", "com.fasterxml.jackson.core/jackson-databind");

    private final Path root;
    private final Map<String, String> environment;
    private final List<String> problems = new ArrayList<>();

    /**
     * @param root where /proc, /sys and /etc are looked for
     * @param environment the variables in which tools and libraries are looked for
     */
    SystemProbe(Path root, Map<String, String> environment) {
        this.root = root;
        this.environment = environment;
    }

    SystemInfo ask() {
        return new SystemInfo(
                build(),
                jvm(),
                system(),
                memory(),
                processor(),
                cuda(),
                libraries(),
                tools(),
                dependencies(),
                List.copyOf(problems));
    }

    /** An answer, or {@code otherwise} and a sentence among the problems. */
    private <T> T ask(String what, T otherwise, Callable<T> question) {
        try {
            return question.call();
        } catch (Exception | LinkageError e) {
            problems.add(what + " could not be found out: " + (e.getMessage() == null ? e : e.getMessage()) + ".");
            return otherwise;
        }
    }

    private Build build() {
        Properties made = properties("/io/github/vicmae/build.properties");
        return new Build(
                made.getProperty("version"),
                made.getProperty("commit"),
                ask("Which cubins the build has", List.of(), ModuleFiles::cubinsOfBuild),
                ask("Which PTX the build has", List.of(), ModuleFiles::ptxOfBuild),
                ask("Whether the build has the emulated driver", false, EmulatedDriver::isInBuild),
                SystemProbe.class.getResource("/org/bytedeco/ffmpeg/global/avutil.class") != null);
    }

    private static Jvm jvm() {
        return new Jvm(
                Runtime.version().toString(),
                System.getProperty("java.vendor"),
                System.getProperty("java.vm.name"),
                System.getProperty("java.home"),
                Runtime.getRuntime().maxMemory());
    }

    private OperatingSystem system() {
        return new OperatingSystem(
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("os.arch"),
                ask("The distribution's name", null, () -> field("etc/os-release", "PRETTY_NAME=\"?([^\"\n]+)")),
                ask("The version of glibc", null, SystemProbe::glibc));
    }

    private static String glibc() {
        long version = APIUtil.apiCreateLibrary("libc.so.6").getFunctionAddress("gnu_get_libc_version");
        return version == 0 ? null : MemoryUtil.memASCII(JNI.invokeP(version));
    }

    private Memory memory() {
        return new Memory(kibibytes("MemTotal"), kibibytes("MemAvailable"));
    }

    private Long kibibytes(String name) {
        String value = ask("The memory (" + name + ")", null, () -> field("proc/meminfo", name + ": *(\\d+) kB"));
        return value == null ? null : Long.parseLong(value) << 10;
    }

    private Processor processor() {
        String model = ask("The processor's model", null, () -> field("proc/cpuinfo", "model name\\s*: (.+)"));
        String flags = ask("The processor's features", null, () -> field("proc/cpuinfo", "flags\\s*:(.+)"));
        List<String> words = flags == null ? List.of() : List.of(flags.strip().split(" +"));
        List<String> features = FEATURES.stream().filter(words::contains).toList();
        int cores = Runtime.getRuntime().availableProcessors();
        try {
            CpuState state = CpuDevice.state();
            return new Processor(
                    model, cores, features, state.kernels(), state.products(), state.openBlas(), state.threads(), null);
        } catch (LinkageError | RuntimeException e) {
            return new Processor(
                    model,
                    cores,
                    features,
                    null,
                    null,
                    null,
                    0,
                    e.getMessage() == null ? e.toString() : e.getMessage());
        }
    }

    private Cuda cuda() {
        String driver = ask(
                "The NVIDIA driver's version",
                null,
                () -> field("proc/driver/nvidia/version", "(?:Module|for \\S+)\\s+(\\d[\\d.]+)"));
        int onBus = ask("The cards on the PCI bus", 0, this::nvidiaCards);
        CudaProbe probe = ask("CUDA", null, CudaProbe::probe);
        if (probe == null) {
            return new Cuda("it could not be asked", null, driver, onBus, List.of());
        }
        List<Card> cards = new ArrayList<>();
        for (CudaCard card : probe.cards()) {
            cards.add(card("cuda:" + cards.size(), card));
        }
        return new Cuda(probe.reason(), probe.driver(), driver, onBus, List.copyOf(cards));
    }

    private Card card(String device, CudaCard c) {
        return new Card(
                device,
                c.name(),
                c.capability() / 10 + "." + c.capability() % 10,
                c.bytes(),
                c.multiprocessors(),
                known(c.clockMhz()),
                known(c.memoryClockMhz()),
                known(c.memoryBusBits()),
                c.ecc(),
                ask("What " + device + " loads its kernels from", "nothing", () -> ModuleFiles.choose(c.capability())
                        .toString()));
    }

    private static Integer known(int value) {
        return value == 0 ? null : value;
    }

    /** Display and compute devices of NVIDIA's (vendor 10de, class 03). */
    private int nvidiaCards() throws IOException {
        Path bus = root.resolve("sys/bus/pci/devices");
        int count = 0;
        if (Files.isDirectory(bus)) {
            try (DirectoryStream<Path> devices = Files.newDirectoryStream(bus)) {
                for (Path device : devices) {
                    if (Files.readString(device.resolve("vendor")).startsWith("0x10de")
                            && Files.readString(device.resolve("class")).startsWith("0x03")) {
                        count++;
                    }
                }
            }
        }
        return count;
    }

    private List<NativeLibrary> libraries() {
        LibraryPath path = new LibraryPath(root, environment.get("LD_LIBRARY_PATH"));
        List<NativeLibrary> found = new ArrayList<>();
        LIBRARIES.forEach((name, gives) -> {
            Path file = ask("Whether " + name + " is there", null, () -> path.find(name));
            found.add(new NativeLibrary(name, file == null ? null : file.toString(), gives));
        });
        return List.copyOf(found);
    }

    private List<Tool> tools() {
        List<Path> folders = new ArrayList<>(LibraryPath.folders(environment.get("PATH")));
        List<Path> cuda = new ArrayList<>(folders);
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            LibraryPath.folders(environment.get(variable)).forEach(f -> cuda.add(f.resolve("bin")));
        }
        cuda.add(root.resolve("usr/local/cuda/bin"));
        List<Tool> found = new ArrayList<>();
        TOOLS.forEach((name, gives) -> {
            List<Path> where = name.equals("nvcc") || name.equals("ptxas") ? cuda : folders;
            String path = ask("Whether " + name + " is there", null, () -> where.stream()
                    .map(folder -> folder.resolve(name))
                    .filter(f -> Files.isRegularFile(f) && Files.isExecutable(f))
                    .findFirst()
                    .map(Path::toString)
                    .orElse(null));
            found.add(new Tool(name, path, gives));
        });
        return List.copyOf(found);
    }

    private Map<String, String> dependencies() {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("lwjgl", ask("LWJGL's version", null, org.lwjgl.Version::getVersion));
        DEPENDENCIES.forEach((name, artifact) -> versions.put(
                name,
                properties("/META-INF/maven/" + artifact + "/pom.properties").getProperty("version")));
        return versions;
    }

    private Properties properties(String resource) {
        return ask("What " + resource + " says", new Properties(), () -> {
            Properties properties = new Properties();
            try (InputStream in = SystemProbe.class.getResourceAsStream(resource)) {
                if (in != null) {
                    properties.load(in);
                }
            }
            return properties;
        });
    }

    /** The first group of the first match in a file, or null where the file is not there or has none. */
    private String field(String file, String pattern) throws IOException {
        Path path = root.resolve(file);
        if (!Files.exists(path)) {
            return null;
        }
        Matcher matcher = Pattern.compile(pattern).matcher(Files.readString(path));
        return matcher.find() ? matcher.group(1).strip() : null;
    }

    private static Map<String, String> ordered(String... namesAndValues) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }
}
