package io.github.vicmae.device;

import io.github.vicmae.TestData;
import io.github.vicmae.device.cuda.EmulatedDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * The kernels of tests/kernels, which are built into a library of their own for the emulated driver. As an extension of a test class it loads them
 * before each test, and puts the driver's options back behind it.
 */
final class TestKernels implements BeforeEachCallback, AfterEachCallback {
    private static final String LIBRARY = "emulator/libvicmae_test_kernels.so";

    /** Work on a device that is opened for it. */
    @FunctionalInterface
    interface Work {
        void run(Device device, Stream stream);
    }

    @Override
    public void beforeEach(ExtensionContext test) {
        load();
    }

    @Override
    public void afterEach(ExtensionContext test) {
        Emulation.restore();
    }

    /** What the driver says of the work, or an empty text if it finds nothing. */
    static String failure(String deviceName, Work work) {
        try (Device device = Device.open(deviceName);
                Stream stream = device.newStream()) {
            work.run(device, stream);
            return "";
        } catch (DeviceException e) {
            return e.getMessage();
        }
    }

    /** The emulated driver with the test kernels in it; skips the test where the emulated device is not among those to be tested. */
    static EmulatedDriver load() {
        EmulatedDriver driver = Emulation.driver();
        driver.configure("kernels=" + library());
        return driver;
    }

    static Path library() {
        Path library = NativeFiles.extract(LIBRARY);
        if (library == null) {
            throw new AssertionError("The build has the emulated driver, but not " + LIBRARY);
        }
        return library;
    }

    /** The source of a broken kernel. */
    static Path source(String kernel) {
        return TestData.root().resolve("tests/kernels/broken").resolve(kernel + ".cu");
    }

    /** The line of a broken kernel's source that has the comment "the mistake". */
    static int lineOfTheMistake(String kernel) {
        try {
            List<String> lines = Files.readAllLines(source(kernel));
            return IntStream.range(0, lines.size())
                            .filter(i -> lines.get(i).contains("// the mistake"))
                            .findFirst()
                            .orElseThrow()
                    + 1;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
