package io.github.vicmae.model;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Golden;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GoldenTest {
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void everyGoldenFilePasses(String name) throws Exception {
        Path folder = TestData.shared("golden");
        List<Path> files;
        try (var list = Files.list(folder)) {
            files = list.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted()
                    .toList();
        }
        assertTrue(!files.isEmpty(), "shared/golden holds no golden files");
        try (Device device = Device.open(name)) {
            for (Path file : files) {
                for (Golden.Row row : Golden.verify(file, device)) {
                    assertTrue(row.passes(), file.getFileName() + ": " + row);
                }
            }
        }
    }
}
