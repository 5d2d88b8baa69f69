package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.eval.Golden;
import io.github.vicmae.kernel.KernelFixture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GoldenTest {
    /** All files on the CPU and, if thorough, in one order of the emulated device's threads; the smallest in the other orders: they take a while there. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void everyGoldenFilePasses(String name) throws Exception {
        Path folder = TestData.shared("golden");
        List<Path> files;
        try (var list = Files.list(folder)) {
            files = list.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted(Comparator.comparingLong(f -> f.toFile().length()))
                    .toList();
        }
        assertTrue(!files.isEmpty(), "shared/golden holds no golden files");
        List<Path> smallest = files.subList(0, 1);
        boolean emulated = name.startsWith("emulated");
        try (Device device = Device.open(name)) {
            verify(
                    device,
                    emulated && !(KernelFixture.isThorough() && name.equals("emulated:random")) ? smallest : files,
                    Precision.FP32);
            verify(device, emulated ? smallest : files, Precision.BF16);
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void theOtherMethodsAreThePublishedModels(String name) throws Exception {
        verifyMethods(name, List.of("mae", "st-mae", "omnimae"));
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void classifiersAreTheReferences(String name) throws Exception {
        verifyMethods(name, List.of("classify-image", "classify-video"));
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void theLinearProbeIsTheReferences(String name) throws Exception {
        verifyMethods(name, List.of("linear-probe"));
    }

    private static void verifyMethods(String name, List<String> methods) throws Exception {
        Path folder = TestData.shared("golden").resolve("methods");
        List<Path> files = methods.stream()
                .map(method -> folder.resolve(method + "-tiny.safetensors"))
                .filter(Files::exists)
                .toList();
        assumeTrue(files.size() == methods.size(), "shared/golden/methods lacks golden files");
        try (Device device = Device.open(name)) {
            verify(device, files, Precision.FP32);
            if (!name.startsWith("emulated") || KernelFixture.isThorough()) {
                verify(device, files, Precision.BF16); // by default the first test does so on the emulated device
            }
        }
    }

    private static void verify(Device device, List<Path> files, Precision precision) throws Exception {
        for (Path file : files) {
            for (Golden.Row row : Golden.verify(file, device, precision)) {
                assertTrue(row.passes(), file.getFileName() + " in " + precision + ": " + row);
            }
        }
    }
}
