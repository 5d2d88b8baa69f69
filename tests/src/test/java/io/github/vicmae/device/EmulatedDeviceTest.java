package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.attention.AttentionKernels;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The device around the emulated driver; what the driver finds in kernels has tests of its own. */
class EmulatedDeviceTest {
    private static final ModelConfig SMALL = new ModelConfig(
            new TrunkConfig(32, 16, 3, 8, 24, 1, 3, 2),
            new DecoderConfig(16, 1, 2, 2, true),
            ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 20, 6, 0.1));

    private static EmulatedDriver driver;

    @BeforeAll
    static void load() {
        assumeTrue(
                KernelFixture.devices().anyMatch(d -> d.startsWith("emulated")),
                "the emulated device is not among those to be tested");
        driver = EmulatedDriver.load();
    }

    @AfterEach
    void injectNothing() {
        if (driver != null) {
            driver.configure("fail_launch=0,fail_allocation=0");
        }
    }

    @Test
    void theScheduleIsTheOneThatWasAskedFor() {
        for (String schedule : EmulatedDriver.SCHEDULES) {
            try (Device device = Device.open("emulated:" + schedule)) {
                assertEquals(Device.Kind.CUDA, device.kind());
                assertTrue(
                        device.description().startsWith("emulated: ")
                                && device.description().contains("schedule " + schedule),
                        device.description());
            }
        }
        String usual;
        try (Device device = Device.open("emulated")) {
            usual = device.description();
        }
        Device.open("emulated:fair").close();
        try (Device device = Device.open("emulated")) {
            assertEquals(usual, device.description());
        }
    }

    @Test
    void anOptionThatIsNotKnownIsRefusedWithItsName() {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> driver.configure("colour=red"));
        assertTrue(e.getMessage().contains("colour=red"), e.getMessage());
    }

    @Test
    void itIsNeverTakenForACard() {
        DeviceException e = assertThrows(DeviceException.class, () -> Device.open("cuda"));
        assertTrue(e.getMessage().contains("emulated driver"), e.getMessage());
    }

    @Test
    void tensorsAreKeptApart() {
        try (Device device = Device.open("emulated");
                Arena arena = new Arena("a")) {
            Tensor first = arena.floats("first", 64);
            Tensor second = arena.floats("second", 64);
            arena.allocate(device);
            assertEquals(256 + device.tensorGap(), second.address() - first.address());
            assertTrue(device.tensorGap() >= 256);
            assertEquals(arena.bytes(), device.liveBytes());
        }
    }

    /** CUDA keeps a function's shared memory with the function: a smaller launch on another stream must not lower it. */
    @Test
    void streamsShareAFunctionsSharedMemory() {
        try (Device device = Device.open("emulated");
                Stream first = device.newStream();
                Stream second = device.newStream();
                Arena arena = new Arena("attention")) {
            int[] tokens = {240, 160, 240};
            Tensor qkv = arena.tensor("qkv", DType.BF16, 240, 3 * 64);
            Tensor out = arena.tensor("out", DType.BF16, 240, 64);
            Tensor lse = arena.floats("lse", 240);
            arena.allocate(device);
            first.zero(qkv);
            first.synchronize();
            AttentionKernels[] attention = {new AttentionKernels(first), new AttentionKernels(second)};
            for (int i = 0; i < tokens.length; i++) {
                int n = tokens[i];
                attention[i % 2].forward(
                        out.slice("out", 0, n, 64), lse.slice("lse", 0, n), qkv.slice("qkv", 0, n, 192), 1, n, 1, 64);
                (i % 2 == 0 ? first : second).synchronize();
                float[] sums = first.read(lse);
                assertEquals(Math.log(n), sums[n - 1], 1e-5, "log-sum-exp of " + n + " scores of 0");
            }
        }
        assertEquals("", driver.log());
    }

    @Test
    void whatIsNotClosedIsListed() {
        Device device = Device.open("emulated");
        device.allocate("forgotten", 1000);
        device.newEvent();
        DeviceException e = assertThrows(DeviceException.class, device::close);
        assertTrue(e.getMessage().contains("(2 in all):\n"), e.getMessage());
        assertEquals(2, driver.leaks());
        Device.open("emulated").close();
        assertEquals(0, driver.leaks());
    }

    @Test
    void aLostDeviceSaysSoOnceAndANewOneWorks() {
        Device device = Device.open("emulated");
        DeviceException e = assertThrows(DeviceException.class, () -> {
            try (device;
                    Stream stream = device.newStream();
                    Arena arena = new Arena("a")) {
                Tensor x = arena.floats("x", 5);
                arena.allocate(device);
                stream.zero(x);
                Reduce reduce = new Reduce(stream);
                driver.configure("fail_launch=1");
                reduce.add(x, x, 1, 5);
                stream.synchronize();
            }
        });
        assertTrue(e.getMessage().contains("CUDA_ERROR_"), e.getMessage());
        assertTrue(e.getMessage().contains("the device is lost to this process"), e.getMessage());
        int firstLine = e.getMessage().indexOf('\n');
        assertTrue(firstLine > 0, e.getMessage());
        assertTrue(driver.log().startsWith(e.getMessage().substring(firstLine + 1)), e.getMessage());
        assertEquals(0, e.getSuppressed().length);
        assertEquals(0, device.liveBytes());
        assertThrows(IllegalStateException.class, device::newStream);
        try (Device next = Device.open("emulated");
                Stream stream = next.newStream()) {
            assertEquals("", driver.log());
            stream.synchronize();
        }
    }

    @Test
    void workAfterALossIsRefusedWithTheReason() {
        try (Device device = Device.open("emulated");
                Stream stream = device.newStream();
                Arena arena = new Arena("a")) {
            Tensor x = arena.floats("x", 5);
            arena.allocate(device);
            stream.zero(x);
            Reduce reduce = new Reduce(stream);
            driver.configure("fail_launch=1");
            reduce.add(x, x, 1, 5);
            DeviceException first = assertThrows(DeviceException.class, stream::synchronize);
            DeviceException second = assertThrows(DeviceException.class, () -> stream.zero(x));
            assertTrue(second.getMessage().startsWith("The device was lost before: "), second.getMessage());
            assertEquals(first, second.getCause());
        }
    }

    /** Any call may be the first to tell that a kernel failed. */
    @Test
    void aLossIsNotedWhereAModuleIsLoadedToo() {
        Device device = Device.open("emulated");
        driver.configure("streams=early");
        try (device;
                Stream stream = device.newStream();
                Arena arena = new Arena("a")) {
            Tensor x = arena.floats("x", 5);
            arena.allocate(device);
            stream.zero(x);
            Reduce reduce = new Reduce(stream);
            driver.configure("fail_launch=1");
            reduce.add(x, x, 1, 5);
            assertFalse(device.isLost());
            DeviceException e = assertThrows(DeviceException.class, () -> device.kernel("layer_norm", "any", "p"));
            assertTrue(e.getMessage().contains("the device is lost to this process"), e.getMessage());
            assertTrue(device.isLost());
        } finally {
            Emulation.restore();
        }
        Emulation.assertNothingLeft(device, "on the lost device");
    }

    @Test
    void nothingIsLeftWhereMemoryRunsOut() {
        int n = 0;
        for (boolean failed = true; failed; ) {
            n++;
            Device device = Device.open("emulated");
            driver.configure("fail_allocation=" + n);
            try (device;
                    Objective model = Objective.create(device, SMALL, 2)) {
                failed = false;
                assertNotEquals(0, model.memory().total());
            } catch (DeviceException e) {
                assertTrue(e.getMessage().contains(" left for "), e.getMessage());
                assertEquals(0, e.getSuppressed().length);
            }
            assertEquals(0, device.liveBytes());
            assertEquals(0, driver.leaks());
        }
        assertTrue(n > 5, "only " + n + " allocations");
    }
}
