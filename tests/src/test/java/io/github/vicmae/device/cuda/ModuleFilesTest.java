package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.NativeFiles;
import io.github.vicmae.device.Stream;
import io.github.vicmae.kernel.PointwiseKernels;
import io.github.vicmae.kernel.Reduce;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which files a card's kernels are loaded from, and what happens where the driver does not take them. */
class ModuleFilesTest {
    private static final List<Integer> ALL = List.of(80, 86, 89, 90, 100, 120);

    @TempDir
    Path folder;

    @AfterEach
    void restore() {
        System.clearProperty(ModuleFiles.PROPERTY);
        Emulation.restore();
    }

    /** Same major number, the highest minor one that is not above the card's; else PTX. */
    @ParameterizedTest
    @CsvSource({
        "80, 80, 80",
        "86, 86, 80",
        "87, 86, 80",
        "88, 86, 80",
        "89, 89, 80",
        "90, 90, 90",
        "100, 100, 90",
        "103, 100, 90",
        "110, 0, 90",
        "120, 120, 90",
        "121, 120, 90",
        "130, 0, 90"
    })
    void theCardsArchitectureDecides(int capability, int cubin, int ptx) {
        ModuleFiles files = ModuleFiles.choose(capability, ALL, null);
        assertEquals(cubin, files.architecture());
        assertEquals(ptx, files.ptx());
        assertEquals(cubin > 0, files.reason() == null);
    }

    @Test
    void whatIsMissingOrSwitchedOffIsSaid() {
        assertEquals(
                "cubins for sm_80",
                ModuleFiles.choose(89, List.of(80, 90), "on").toString());
        assertEquals(
                "PTX for compute_90 (this build's cubins are for sm_80, sm_90, the card is sm_120)",
                ModuleFiles.choose(120, List.of(80, 90), null).toString());
        assertEquals(
                "PTX for compute_80 (this build's cubins are for sm_86, the card is sm_80)",
                ModuleFiles.choose(80, List.of(86), null).toString());
        assertEquals(
                "PTX for compute_80 (this build has no cubins)",
                ModuleFiles.choose(86, List.of(), null).toString());
        assertEquals(
                "PTX for compute_90 (-Dvicmae.cubin=off says so)",
                ModuleFiles.choose(90, ALL, "off").toString());
        assertEquals(
                "nothing (the card is too old: compute capability 8.0 is the least)",
                ModuleFiles.choose(75, ALL, null).toString());
        DeviceException e = assertThrows(DeviceException.class, () -> ModuleFiles.choose(90, ALL, "maybe"));
        assertTrue(e.getMessage().contains("-Dvicmae.cubin=maybe is not known; say on or off"), e.getMessage());
    }

    /** As nvcc writes it into its PTX: 12.8 is the first that knows sm_100 and sm_120. */
    private static boolean nvccKnowsAll() {
        String ptx = new String(NativeFiles.bytes("ptx/compute_80/layer_norm.ptx"), StandardCharsets.UTF_8);
        Matcher version = Pattern.compile("Cuda compilation tools, release (\\d+)\\.(\\d+)")
                .matcher(ptx);
        assertTrue(version.find(), "the PTX does not say which nvcc made it");
        int major = Integer.parseInt(version.group(1));
        return major > 12 || major == 12 && Integer.parseInt(version.group(2)) >= 8;
    }

    /** Where the build has CUDA modules, each one has all cubins that nvcc can make, and each is machine code for its architecture. */
    @Test
    void everyModuleHasItsCubins() {
        assumeTrue(!ModuleFiles.ptxOfBuild().isEmpty(), "this build has no CUDA modules");
        List<Integer> cubins = nvccKnowsAll() ? ALL : ALL.subList(0, 4);
        assertEquals(cubins, ModuleFiles.cubinsOfBuild());
        assertEquals(List.of(80, 90), ModuleFiles.ptxOfBuild());
        Set<String> modules = RequestedKernels.of(Device.Kind.CUDA).requests().stream()
                .map(RequestedKernels.Request::module)
                .collect(Collectors.toSet());
        for (String module : modules) {
            for (int architecture : cubins) {
                String name = "cubin/sm_" + architecture + "/" + module + ".cubin";
                byte[] image = NativeFiles.bytes(name);
                assertTrue(image != null && image.length > 64, name + " is missing");
                ByteBuffer header = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
                assertEquals(0x464c457f, header.getInt(0), name + " is no ELF file");
                assertEquals(190, header.getShort(18), name + " is not for CUDA (EM_CUDA)");
            }
        }
    }

    /** The emulated driver has no use for machine code: it is asked for with the property, refused, and PTX takes its place. */
    @Test
    void aDriverThatRefusesACubinGetsThePtx() {
        EmulatedDriver driver = Emulation.driver();
        assumeTrue(!ModuleFiles.cubinsOfBuild().isEmpty(), "this build has no cubins");
        System.setProperty(ModuleFiles.PROPERTY, "on");
        try (Device device = Device.open("emulated");
                Stream stream = device.newStream()) {
            CudaDevice card = (CudaDevice) device;
            assertTrue(card.files().isCubin());
            new Reduce(stream);
            assertFalse(card.files().isCubin());
            assertTrue(
                    card.files().reason().contains("CUDA_ERROR_NO_BINARY_FOR_GPU"),
                    card.files().reason());
            assertTrue(driver.log().contains("machine code for a real card"), driver.log());
            driver.clearLog();
            new PointwiseKernels(stream);
            assertEquals("", driver.log(), "a cubin was tried again");
        }
    }

    /** A PTX file of the user's own is not overruled by the build's cubin of the same name. */
    @Test
    void aCubinBelongsToThePtxBesideIt() throws Exception {
        assumeTrue(!ModuleFiles.cubinsOfBuild().isEmpty(), "this build has no cubins");
        String ptx = "ptx/compute_80/reduce.ptx";
        String cubin = "cubin/sm_80/reduce.cubin";
        assertTrue(NativeFiles.bytesBeside(ptx, cubin).length > 0);
        Path own = Files.createDirectories(folder.resolve("io/github/vicmae/kernels/ptx/compute_80"));
        Files.write(own.resolve("reduce.ptx"), NativeFiles.bytes(ptx));
        URL classes = NativeFiles.class.getProtectionDomain().getCodeSource().getLocation();
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL(), classes}, ClassLoader.getPlatformClassLoader())) {
            Object found = loader.loadClass(NativeFiles.class.getName())
                    .getMethod("bytesBeside", String.class, String.class)
                    .invoke(null, ptx, cubin);
            assertEquals(null, found);
        }
    }
}
