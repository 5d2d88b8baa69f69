package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.github.vicmae.device.cuda.CudaProbe;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.Reduce;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DeviceTest {
    @BeforeAll
    static void chooseDriver() {
        KernelFixture.devices();
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void useAfterCloseNamesThePlace(String name) {
        try (Device device = Device.open(name)) {
            Arena arena = new Arena("things");
            Tensor t = arena.floats("x", 4);
            assertTrue(assertThrows(IllegalStateException.class, t::address)
                    .getMessage()
                    .contains("no memory yet"));
            arena.allocate(device);
            assertEquals(256, device.liveBytes());
            arena.close();
            arena.close();
            assertEquals(0, device.liveBytes());
            IllegalStateException e = assertThrows(IllegalStateException.class, t::address);
            assertTrue(
                    e.getMessage().contains("'things'") && e.getMessage().contains("after it was closed"),
                    e.getMessage());
            assertTrue(e.getCause().getStackTrace().length > 0);
            assertTrue(java.util.Arrays.stream(e.getCause().getStackTrace())
                    .anyMatch(f -> f.getClassName().contains("DeviceTest")));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void wrongArgumentsAreRefusedBeforeTheLaunch(String name) {
        try (Device device = Device.open(name)) {
            Stream stream = device.newStream();
            Kernel kernel = device.kernel("reduce", "column_sum_finish", "pppiii");
            stream.begin(kernel);
            assertThrows(IllegalArgumentException.class, () -> stream.arg(1f));
            assertThrows(IllegalArgumentException.class, () -> stream.launch(1, 1));
            DeviceException e =
                    assertThrows(DeviceException.class, () -> device.kernel("reduce", "no_such_kernel", "p"));
            assertTrue(e.getMessage().contains("no_such_kernel"), e.getMessage());
            stream.close();
            assertThrows(IllegalStateException.class, () -> stream.begin(kernel));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void severalThreadsMayUseOneDevice(String name) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try (Device device = Device.open(name)) {
            Future<?>[] all = new Future<?>[4];
            for (int t = 0; t < all.length; t++) {
                int rows = 301 + t;
                all[t] = threads.submit(() -> sumRows(device, rows));
            }
            for (Future<?> f : all) {
                f.get();
            }
        } finally {
            threads.shutdown();
        }
    }

    private static void sumRows(Device device, int rows) {
        int width = 67;
        float[] ones = new float[rows * width];
        java.util.Arrays.fill(ones, 1);
        float[] expected = new float[width];
        try (Stream stream = device.newStream();
                Arena arena = new Arena("sums")) {
            Tensor x = arena.floats("x", rows, width);
            Tensor sum = arena.floats("sum", width);
            Tensor scratch = arena.floats("scratch", Reduce.scratchSize(stream, width));
            arena.allocate(device);
            stream.write(x, ones);
            stream.zero(sum);
            Reduce reduce = new Reduce(stream);
            for (int i = 1; i <= 200; i++) {
                reduce.columnSum(sum, x, rows, width, scratch);
                if (i % 50 == 0) {
                    java.util.Arrays.fill(expected, (float) rows * i);
                    assertArrayEquals(expected, stream.read(sum));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void eventsOrderStreamsAndTellTime(String name) {
        try (Device device = Device.open(name);
                Stream first = device.newStream();
                Stream second = device.newStream();
                Arena arena = new Arena("events");
                Event start = device.newEvent();
                Event end = device.newEvent()) {
            Tensor a = arena.floats("a", 1 << 20);
            Tensor b = arena.floats("b", 1 << 20);
            arena.allocate(device);
            assertThrows(IllegalStateException.class, () -> end.millisecondsSince(start));
            float[] values = new float[1 << 20];
            java.util.Arrays.fill(values, 3);
            start.record(first);
            first.write(a, values);
            end.record(first);
            second.waitFor(end);
            second.copy(b, a);
            assertArrayEquals(values, second.read(b));
            end.synchronize();
            assertTrue(end.millisecondsSince(start) > 0);
        }
    }

    @Test
    void memoryThatIsNotThereIsASentence() {
        try (Device device = Device.open("cpu")) {
            DeviceException e = assertThrows(DeviceException.class, () -> device.allocate("everything", 1L << 55));
            assertTrue(e.getMessage().contains("'everything'"), e.getMessage());
            assertEquals(0, device.liveBytes());
        }
    }

    @Test
    void cudaIsThereOrSaysWhyNot() {
        CudaProbe probe = CudaProbe.probe();
        if (probe.isUsable()) {
            assertTrue(!probe.cards().isEmpty());
            // There is one driver in a process, and it is NVIDIA's.
            DeviceException e = assertThrows(DeviceException.class, () -> Device.open("emulated"));
            assertTrue(e.getMessage().contains("NVIDIA driver was loaded before"), e.getMessage());
        } else {
            assertNotNull(probe.reason());
            DeviceException e = assertThrows(DeviceException.class, () -> Device.open("cuda"));
            assertTrue(e.getMessage().contains(probe.reason()), e.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> Device.open("tpu"));
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> Device.open("emulated:sideways"));
        assertTrue(e.getMessage().contains("emulated:reverse"), e.getMessage());
    }

    @Test
    void autoIsNeverTheEmulatedDevice() {
        CudaProbe probe = CudaProbe.probe();
        boolean hidden = EmulatedDriver.isLoaded() && Files.exists(Path.of("/dev/nvidiactl"));
        if (hidden) {
            DeviceException e = assertThrows(DeviceException.class, Device::auto);
            assertTrue(e.getMessage().contains("'cpu'"), e.getMessage());
        } else {
            try (Device device = Device.auto()) {
                assertEquals(probe.isUsable() ? Device.Kind.CUDA : Device.Kind.CPU, device.kind());
            }
        }
    }

    @Test
    void withoutItsLibraryTheEmulatedDeviceSaysHowToGetIt() {
        assumeFalse(EmulatedDriver.isInBuild(), "this build has the emulated driver");
        DeviceException e = assertThrows(DeviceException.class, () -> Device.open("emulated"));
        assertTrue(e.getMessage().contains("mvn package"), e.getMessage());
        assertFalse(EmulatedDriver.isLoaded());
    }

    @Test
    void hostBuffersThatAreTooLongAreRefused() {
        try (Device device = Device.open("cpu")) {
            DeviceException e = assertThrows(DeviceException.class, () -> device.hostBuffer(1L << 31));
            assertTrue(e.getMessage().contains("2147483648 bytes"), e.getMessage());
        }
    }

    @Test
    void shapesThatDoNotFitAreRefused() {
        Arena arena = new Arena("a");
        Tensor t = arena.floats("x", 2, 3);
        assertThrows(IllegalArgumentException.class, () -> t.view(7));
        assertThrows(IllegalArgumentException.class, () -> t.slice("y", 4, 3));
        assertThrows(IllegalArgumentException.class, () -> arena.floats("none", 0));
        assertArrayEquals(new int[] {3, 2}, t.view(3, 2).shape());
        assertEquals(6, IntStream.of(t.shape()).reduce(1, (a, b) -> a * b));
    }
}
