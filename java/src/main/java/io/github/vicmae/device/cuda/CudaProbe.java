package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.LibraryPath;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.lwjgl.system.APIUtil;
import org.lwjgl.system.Library;
import org.lwjgl.system.SharedLibrary;

/**
 * Whether CUDA can be used here, and if not, why. Made once a process: JCuda's classes fail to initialise where the driver's library is
 * missing, and a class that failed once only answers NoClassDefFoundError, so the library is looked for before they are touched.
 */
public final class CudaProbe {
    private static final String DRIVER = "libcuda.so.1";

    static final String NO_MODULES =
            "this build has no CUDA modules: nvcc was not found when it was made; install it and build again";

    /** What an NVIDIA driver in the kernel, or that of WSL, shows of itself. */
    private static final List<Path> SIGNS_OF_A_DRIVER =
            List.of(Path.of("/proc/driver/nvidia/version"), Path.of("/dev/nvidiactl"), Path.of("/dev/dxg"));

    private static CudaProbe result;
    private static boolean loadedDriver;

    private final String reason;
    private final String driver;
    private final List<CudaCard> cards;

    private CudaProbe(String reason, String driver, List<CudaCard> cards) {
        this.reason = reason;
        this.driver = driver;
        this.cards = List.copyOf(cards);
    }

    /** Looks for NVIDIA's driver and its cards; the answer is kept. A process that has loaded the emulated driver can use no other. */
    public static synchronized CudaProbe probe() {
        if (EmulatedDriver.isLoaded()) {
            return missing("this process has loaded the emulated driver, and there can only be one; open the card in a"
                    + " process that does not open the emulated device");
        }
        if (result == null) {
            result = look();
        }
        return result;
    }

    private static CudaProbe look() {
        try {
            Library.initialize();
        } catch (LinkageError e) {
            return missing("LWJGL, which loads the NVIDIA driver, could not be loaded itself: " + e);
        }
        try {
            // Left open on purpose: JCuda's natives find the driver that is already loaded.
            SharedLibrary library = APIUtil.apiCreateLibrary(DRIVER);
            loadedDriver = true;
            if (library.getFunctionAddress("vicmae_emulator_log") != 0) {
                return missing(
                        "the " + DRIVER + " that the system finds is the emulated driver (is LD_LIBRARY_PATH set?);"
                                + " ask for the device 'emulated' to use it");
            }
        } catch (LinkageError e) {
            return missing(notLoaded(LibraryPath.ofProcess().refusal(DRIVER)));
        }
        try {
            CudaProbe probe = enumerate();
            return probe.isUsable() && ModuleFiles.ptxOfBuild().isEmpty()
                    ? new CudaProbe(NO_MODULES, probe.driver, probe.cards)
                    : probe;
        } catch (LinkageError | RuntimeException e) {
            return missing("JCuda could not use the driver: " + e);
        }
    }

    /**
     * Why the driver's library could not be loaded.
     *
     * @param refusal what the loader said of it, or null if it lies nowhere that the loader looks
     */
    static String notLoaded(String refusal) {
        return refusal != null
                ? "the NVIDIA driver's library " + DRIVER + " could not be loaded: " + refusal
                        + "; install the driver again, or mount it anew into the container"
                : "the NVIDIA driver's library " + DRIVER
                        + " was not found; install the NVIDIA driver (no CUDA toolkit is needed)";
    }

    /** Whether this process has loaded a driver that is not the emulated one; call under this class's lock. */
    static boolean hasLoadedDriver() {
        return loadedDriver;
    }

    /**
     * The first card that is not too old, or null if none can be used.
     *
     * @throws DeviceException if that cannot be told: the emulated driver is loaded, and the machine has NVIDIA's too
     */
    public static Device openFirst() {
        CudaProbe probe = probe();
        if (!probe.isUsable()
                && EmulatedDriver.isLoaded()
                && SIGNS_OF_A_DRIVER.stream().anyMatch(Files::exists)) {
            throw new DeviceException("The device 'auto' cannot be chosen: this machine has an NVIDIA driver, but "
                    + probe.reason() + ", or ask for 'cpu'");
        }
        return probe.isUsable() ? probe.open(probe.first()) : null;
    }

    /**
     * Opens the emulated card.
     *
     * @param schedule one of {@link EmulatedDriver#SCHEDULES}, or null for the one that was configured
     * @throws DeviceException if this build has no emulated driver, or this process has loaded NVIDIA's
     * @throws IllegalArgumentException if the system property {@code vicmae.emulator} is wrong
     */
    public static Device openEmulated(String schedule) {
        return EmulatedDriver.open(schedule);
    }

    /** The emulated driver's card, as JCuda sees it. */
    static synchronized CudaProbe emulated(EmulatedDriver driver) {
        String name = driver.cardName();
        try {
            CudaProbe probe = enumerate();
            if (probe.cards().stream().noneMatch(card -> card.name().equals(name))) {
                return missing("JCuda is bound to another driver, which has " + probe.cards()
                        + "; open the emulated device before anything else loads a driver");
            }
            return probe;
        } catch (LinkageError | RuntimeException e) {
            return missing("JCuda could not use the emulated driver: " + e);
        }
    }

    private static CudaProbe enumerate() {
        int result = JCudaDriver.cuInit(0);
        if (result != CUresult.CUDA_SUCCESS) {
            return missing("the driver is installed, but cuInit answered " + Cuda.describe(result));
        }
        int[] version = new int[1];
        Cuda.check(JCudaDriver.cuDriverGetVersion(version), "cuDriverGetVersion");
        int[] count = new int[1];
        Cuda.check(JCudaDriver.cuDeviceGetCount(count), "cuDeviceGetCount");
        String driver = version[0] / 1000 + "." + version[0] % 1000 / 10;
        if (count[0] == 0) {
            return new CudaProbe("the driver (CUDA " + driver + ") sees no card", driver, List.of());
        }
        List<CudaCard> cards = new ArrayList<>();
        for (int i = 0; i < count[0]; i++) {
            cards.add(CudaCard.of(device(i)));
        }
        return new CudaProbe(reason(cards), driver, cards);
    }

    /** Why none of the cards can be used, or null if one can. */
    static String reason(List<CudaCard> cards) {
        return first(cards) >= 0
                ? null
                : "the driver's cards ("
                        + cards.stream().map(CudaCard::toString).collect(Collectors.joining("; ")) + ") are "
                        + CudaCard.TOO_OLD;
    }

    /** The ordinal of the first card that is not too old, or -1. */
    static int first(List<CudaCard> cards) {
        for (int i = 0; i < cards.size(); i++) {
            if (!cards.get(i).isTooOld()) {
                return i;
            }
        }
        return -1;
    }

    private static CudaProbe missing(String reason) {
        return new CudaProbe(reason, null, List.of());
    }

    static CUdevice device(int ordinal) {
        CUdevice device = new CUdevice();
        Cuda.check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet(" + ordinal + ")");
        return device;
    }

    static int attribute(CUdevice device, int attribute) {
        int[] value = new int[1];
        Cuda.check(
                JCudaDriver.cuDeviceGetAttribute(value, attribute, device),
                "cuDeviceGetAttribute(" + CUdevice_attribute.stringFor(attribute) + ")");
        return value[0];
    }

    /** Ten times the major number plus the minor one. */
    static int capability(CUdevice device) {
        return 10 * attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
                + attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    }

    public boolean isUsable() {
        return reason == null;
    }

    /** Why CUDA cannot be used and what to do, or null if it can. */
    public String reason() {
        return reason;
    }

    /** The CUDA version that the driver supports, or null without a driver. */
    public String driver() {
        return driver;
    }

    /** The ordinal of the card that the device {@code auto} takes, or -1 if none can be used. */
    public int first() {
        return isUsable() ? first(cards) : -1;
    }

    /** The cards, in the driver's order. */
    public List<CudaCard> cards() {
        return cards;
    }

    /**
     * Opens a card.
     *
     * @param ordinal its number, from 0
     * @throws DeviceException if there is no such card, or it is too old
     */
    public Device open(int ordinal) {
        if (ordinal >= cards.size()) {
            throw new DeviceException("There is no card cuda:" + ordinal + "; the driver sees " + cards.size() + ": "
                    + cards.stream().map(CudaCard::toString).collect(Collectors.joining("; ")));
        }
        return new CudaDevice(ordinal, cards.get(ordinal).toString(), null);
    }
}
