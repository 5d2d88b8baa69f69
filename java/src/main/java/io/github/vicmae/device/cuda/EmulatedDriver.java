package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.KernelLibrary;
import io.github.vicmae.device.LibraryLoader;
import io.github.vicmae.device.NativeFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.SharedLibrary;

/**
 * The CUDA driver that runs kernels on the CPU, thread by thread, and checks every access; for tests. {@link Device#open} with
 * {@code emulated} loads it. JCuda binds to the first driver that a process loads, so a process has either this one or NVIDIA's.
 *
 * <p>The system property {@code vicmae.emulator} and the environment variable {@code VICMAE_EMULATOR} hold options as {@link #configure} takes
 * them; they are set when the driver is loaded.
 */
public final class EmulatedDriver {
    /** The orders in which a block's threads can run. */
    public static final List<String> SCHEDULES = List.of("forward", "reverse", "random", "fair");

    private static final String RESOURCE = "emulator/libcuda.so.1";
    private static final String PROPERTY = "vicmae.emulator";
    private static final String VARIABLE = "VICMAE_EMULATOR";
    private static final Pattern SCHEDULE = Pattern.compile("(?:^|,)schedule=(\\w+)");
    private static final int NAME_BYTES = 256;
    private static final String PREFIX = "vicmae_emulator_";

    private static volatile EmulatedDriver loaded;

    private final Path path;
    private final SharedLibrary library;
    /** The kernels of others, and the library that each is from. */
    private final Map<String, Path> further = new HashMap<>();

    private final long configure;
    private final long log;
    private final long clearLog;
    private final long leaks;
    private final long name;
    private final long interfaceOf;
    private boolean configured;
    /** What {@code emulated} without a schedule runs, and what is in force now. */
    private String usualSchedule;

    private String schedule;
    private int open;

    private EmulatedDriver(Path path) {
        this.path = path;
        library = LibraryLoader.load("The emulated driver", path);
        configure = function(PREFIX + "configure");
        log = function(PREFIX + "log");
        clearLog = function(PREFIX + "clear_log");
        leaks = function(PREFIX + "leaks");
        name = function(PREFIX + "name");
        interfaceOf = function(PREFIX + "interface");
        usualSchedule = scheduleOf(System.getenv(VARIABLE), "random"); // which the library itself reads
        schedule = usualSchedule;
    }

    private long function(String symbol) {
        long address = library.getFunctionAddress(symbol);
        if (address == 0) {
            throw new DeviceException("The emulated driver " + library.getName() + " has no " + symbol
                    + ": it is of another version; build it anew with 'mvn package'");
        }
        return address;
    }

    private static String scheduleOf(String options, String otherwise) {
        Matcher last = SCHEDULE.matcher(options == null ? "" : options);
        String found = otherwise;
        while (last.find()) {
            found = last.group(1);
        }
        return found;
    }

    /** Whether this build has the driver's library; looks, and loads nothing. */
    public static boolean isInBuild() {
        return NativeFiles.contains(RESOURCE);
    }

    /** What this build lacks for the emulated device, and what to do, or null if nothing; loads nothing. */
    public static String missing() {
        return isInBuild()
                ? null
                : "this build has no emulated driver; in a checkout 'mvn package' builds it, and so does ./vicmae when"
                        + " --device emulated is asked for, on Linux with CMake and g++";
    }

    /** Whether this process has loaded it, and so cannot use NVIDIA's. */
    public static boolean isLoaded() {
        return loaded != null;
    }

    /**
     * Loads the driver, once a process, and sets the options of the environment variable {@code VICMAE_EMULATOR} and of the system property
     * {@code vicmae.emulator}, which comes second and wins.
     *
     * @throws DeviceException if this build has none, or this process has loaded NVIDIA's driver
     * @throws IllegalArgumentException if their options are wrong
     */
    public static EmulatedDriver load() {
        synchronized (CudaProbe.class) {
            if (loaded == null) {
                if (CudaProbe.hasLoadedDriver()) {
                    throw new DeviceException(
                            "The emulated driver cannot be used in this process: the NVIDIA driver was"
                                    + " loaded before, and there can only be one; open the emulated device in a process of its own");
                }
                loaded = new EmulatedDriver(path());
            }
            loaded.readSettings();
            return loaded;
        }
    }

    private static Path path() {
        Path path = NativeFiles.extract(RESOURCE);
        if (path == null) {
            throw new DeviceException("The emulated device cannot be had: " + missing());
        }
        return path;
    }

    /** The library reads the environment variable by itself, but nobody would see what it says to a mistake there. */
    private synchronized void readSettings() {
        if (!configured) {
            configureFrom("the environment variable " + VARIABLE, System.getenv(VARIABLE));
            configureFrom("-D" + PROPERTY, System.getProperty(PROPERTY));
        }
        configured = true;
    }

    private void configureFrom(String source, String options) {
        if (options != null && !options.isBlank()) {
            try {
                configure(options);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(e.getMessage() + ". It was set by " + source, e);
            }
        }
    }

    /**
     * Opens the emulated card.
     *
     * @param wanted one of {@link #SCHEDULES}, or null for the one that was configured
     */
    static Device open(String wanted) {
        EmulatedDriver driver = load();
        driver.begin(wanted);
        try {
            CudaProbe probe = CudaProbe.emulated(driver);
            if (!probe.isUsable()) {
                throw new DeviceException("The emulated device cannot be had: " + probe.reason());
            }
            return new CudaDevice(0, probe.cards().get(0).toString(), driver);
        } catch (RuntimeException | Error e) {
            Closing.after(e, () -> driver.end(false));
            throw e;
        }
    }

    /** A device is about to be opened: the first one starts with an empty log. */
    private synchronized void begin(String wanted) {
        String next = wanted == null ? usualSchedule : wanted;
        if (!next.equals(schedule)) {
            set("schedule=" + next);
            schedule = next;
        }
        if (open++ == 0) {
            clearLog();
        }
    }

    /**
     * A device was closed, or could not be opened.
     *
     * @param opened which of the two
     * @throws DeviceException if the last one was closed, and something was not closed before
     */
    synchronized void end(boolean opened) {
        if (--open == 0 && opened && leaks() > 0) {
            throw new DeviceException("The emulated device was closed before what belongs to it (" + leaks()
                    + " in all):\n" + log().strip());
        }
    }

    /** The schedule in force. */
    synchronized String schedule() {
        return schedule;
    }

    /**
     * Sets options, for the whole process: {@code key=value} pairs with commas between, as in {@code schedule=reverse,seed=7}.
     *
     * <p>{@code schedule=forward|reverse|random|fair}, {@code seed=N}, {@code resident=N} blocks in flight,
     * {@code streams=late|early|random}, {@code memory=BYTES}, {@code capability=80|90}, {@code fail_allocation=N}, {@code fail_launch=N} and
     * {@code lose_device=N} (the N-th from now on), {@code record=FOLDER}, {@code off=CHECK+CHECK}, {@code kernels=FILE.so[:FILE.so]}.
     *
     * @throws IllegalArgumentException if the driver does not know a key or value; nothing is set then
     */
    public synchronized void configure(String options) {
        set(options);
        usualSchedule = scheduleOf(options, usualSchedule);
        schedule = scheduleOf(options, schedule);
    }

    private void set(String options) {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            long reason = JNI.invokePP(MemoryUtil.memAddress(stack.UTF8(options)), configure);
            if (reason != 0) {
                throw new IllegalArgumentException(
                        "The emulated driver was given '" + options + "'. " + MemoryUtil.memUTF8(reason));
            }
        }
    }

    /** All that it found since the first device was opened or {@link #clearLog()}: kernel, block, thread, source line. Empty if nothing. */
    public String log() {
        long text = JNI.invokeP(log);
        return text == 0 ? "" : MemoryUtil.memUTF8(text);
    }

    /** Empties the log. */
    public void clearLog() {
        JNI.invokeV(clearLog);
    }

    /** How many allocations, streams, events and modules were alive when the last context ended. */
    public int leaks() {
        return JNI.invokeI(leaks);
    }

    /** Names a part of an allocation; what lies between named parts must not be touched. Answers a CUresult. */
    int name(long address, long bytes, String what) {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            return JNI.invokePPPI(address, bytes, MemoryUtil.memAddress(stack.UTF8(what)), name);
        }
    }

    /** A module's PTX without bodies, for builds without nvcc: the driver has the kernels itself. Null if it has none from such a source. */
    byte[] interfaceOf(String module) {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            long text = JNI.invokePP(MemoryUtil.memAddress(stack.UTF8(module)), interfaceOf);
            return text == 0 ? null : MemoryUtil.memUTF8(text).getBytes(StandardCharsets.UTF_8);
        }
    }

    /**
     * Builds kernels of others for the driver, and loads neither.
     *
     * @throws DeviceException if they do not compile, or this build has no driver
     */
    public static void build(KernelLibrary kernels) {
        kernels.emulated(path());
    }

    /**
     * Loads kernels of others and gives their PTX without bodies. The driver knows kernels by their names alone.
     *
     * @throws DeviceException if the library cannot be built or loaded, or another one with a kernel of such a name was loaded before
     */
    synchronized byte[] further(KernelLibrary kernels) {
        Path file = kernels.emulated(path);
        for (String kernel : kernels.kernels()) {
            Path before = further.getOrDefault(kernel, file);
            if (!before.equals(file)) {
                throw new DeviceException("The emulated driver has a kernel '" + kernel + "' from another source than "
                        + kernels.name() + ".cu already: give it another name, or use a process for each");
            }
        }
        if (!further.containsValue(file)) {
            LibraryLoader.load("The kernels in", file);
        }
        kernels.kernels().forEach(kernel -> further.put(kernel, file));
        byte[] ptx = interfaceOf(kernels.name());
        if (ptx == null) {
            throw new DeviceException(kernels.name() + ".cu has no kernel: write KERNEL(name, parameters) { ... }");
        }
        return ptx;
    }

    /** The card's name, asked without JCuda: what JCuda answers must be the same, or it is bound to another driver. */
    String cardName() {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            long text = stack.ncalloc(1, NAME_BYTES, 1);
            if (JNI.invokeI(0, function("cuInit")) != 0
                    || JNI.invokePI(text, NAME_BYTES, 0, function("cuDeviceGetName")) != 0) {
                throw new DeviceException("The emulated driver has no card:\n" + log());
            }
            return MemoryUtil.memUTF8(text);
        }
    }

    /** What it found, on lines of their own behind a message; empty where it is not in use or found nothing. */
    static String findings() {
        EmulatedDriver driver = loaded;
        String text = driver == null ? "" : driver.log().strip();
        return text.isEmpty() ? "" : "\n" + text;
    }
}
