package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.KernelFixture;

/** The emulated driver in tests that set its options, which hold for the whole process: they have to be put back. */
public final class Emulation {
    private static final String USUAL = "resident=2,streams=late,seed=1,memory=" + (4L << 30)
            + ",fail_allocation=0,fail_launch=0,lose_device=0,off=,record=";

    private Emulation() {}

    /** The driver; the calling test is skipped where the emulated device is not among those to be tested. */
    public static EmulatedDriver driver() {
        assumeTrue(
                KernelFixture.devices().anyMatch(d -> d.startsWith("emulated")),
                "the emulated device is not among those to be tested");
        return EmulatedDriver.load();
    }

    /** Sets the options that were in force when the driver was loaded, and empties the log. */
    public static void restore() {
        if (EmulatedDriver.isLoaded()) {
            EmulatedDriver driver = EmulatedDriver.load();
            driver.configure(USUAL);
            driver.configure(System.getProperty("vicmae.emulator", ""));
            driver.clearLog();
        }
    }

    /** Fails unless this is what a device says that has no memory left, and nothing went wrong behind it. */
    public static void assertNoMemoryLeft(DeviceException e) {
        assertTrue(
                e.getMessage().matches("The (card|driver) has no \\d+ bytes .*left for .+; use a smaller batch.*"),
                e.getMessage());
        assertEquals(0, e.getSuppressed().length);
    }

    /** Fails unless all that belonged to the device, which is closed, was given back. */
    public static void assertNothingLeft(Device device, String when) {
        assertEquals(0, device.liveBytes(), "device memory left " + when);
        assertEquals(0, EmulatedDriver.load().leaks(), "left " + when);
    }
}
