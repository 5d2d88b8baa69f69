package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.device.cuda.RawDriver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.lwjgl.system.MemoryUtil;

/**
 * Mistakes around kernels: in what the host asks of the driver. The facade prevents most of them; they are made behind its back here. Each is
 * found by one check of the emulated driver, and not without it.
 */
@ExtendWith(TestKernels.class)
class HostMistakesTest {
    private static final String PLAIN_AT = "plain.cu:";

    private final EmulatedDriver driver = Emulation.driver();

    /** Asserts that the mistake is found, with all these texts, and that it is not with the check off. */
    private void assertNeeds(String check, Supplier<String> mistake, String... texts) {
        String found = mistake.get();
        assertTrue(found.contains(check + ": "), check + " is not in: " + found);
        for (String text : texts) {
            assertTrue(found.contains(text), "'" + text + "' is not in: " + found);
        }
        driver.configure("off=" + check);
        driver.clearLog();
        String without = mistake.get();
        assertTrue(!without.contains(check + ": "), without);
    }

    @Test
    void aKernelUsesMemoryThatWasFreed() {
        assertNeeds(
                "freed",
                () -> onDevice((device, stream) -> {
                    Arena gone = new Arena("gone");
                    Tensor x = gone.floats("x", 64);
                    gone.allocate(device);
                    stream.zero(x);
                    long address = x.address();
                    gone.close();
                    // As a number: the facade would not give out the address of a closed buffer.
                    launch(device, stream, device.kernel("plain", "plain", "lpi"), address);
                }),
                "CUDA_ERROR_ILLEGAL_ADDRESS",
                "kernel plain",
                "freed)",
                PLAIN_AT + TestKernels.lineOfTheMistake("plain"));
    }

    private static void launch(Device device, Stream stream, Kernel kernel, long address) {
        try (Arena arena = new Arena("y")) {
            Tensor y = arena.floats("y", 64);
            arena.allocate(device);
            stream.zero(y);
            stream.begin(kernel).arg(address).arg(y).arg(64).launch(1, 64);
            stream.synchronize();
        }
    }

    @Test
    void twoStreamsDoNotWaitForEachOther() {
        assertNeeds(
                "race_stream",
                () -> onDevice((device, stream) -> twoStreams(device, stream, false)),
                "kernel plain",
                "without waiting for the other stream",
                PLAIN_AT + TestKernels.lineOfTheMistake("plain"));
        driver.configure("off=");
        assertEquals("", onDevice((device, stream) -> twoStreams(device, stream, true)));
    }

    private static void twoStreams(Device device, Stream stream, boolean wait) {
        try (Arena arena = new Arena("a");
                Stream other = device.newStream();
                Event written = device.newEvent()) {
            Tensor x = arena.floats("x", 64);
            Tensor y = arena.floats("y", 64);
            Tensor z = arena.floats("z", 64);
            arena.allocate(device);
            stream.zero(x);
            stream.zero(y);
            stream.synchronize();
            Kernel plain = device.kernel("plain", "plain", "ppi");
            stream.begin(plain).arg(y).arg(x).arg(64).launch(1, 64);
            written.record(stream);
            if (wait) {
                other.waitFor(written);
            }
            other.begin(plain).arg(z).arg(y).arg(64).launch(1, 64);
            stream.synchronize();
            other.synchronize();
        }
    }

    @Test
    void memoryIsNotGivenBack() {
        assertNeeds(
                "leak",
                () -> onDevice((device, stream) -> {
                    Arena forgotten = new Arena("forgotten");
                    forgotten.floats("weights", 64);
                    forgotten.allocate(device);
                }),
                "cuMemAlloc",
                "256 bytes",
                "weights");
    }

    @Test
    void workIsGivenToAStreamThatWasDestroyed() {
        assertNeeds("stream", () -> onDevice(RawDriver::launchOnDestroyedStream), "cuLaunchKernel", "400");
    }

    @Test
    void aModuleIsOfAnotherSource() {
        assertNeeds(
                "signature",
                () -> onDevice((device, stream) -> RawDriver.loadModule(
                        device,
                        "plain",
                        text -> text.replace(".param .u32 plain_param_2", ".param .u64 plain_param_2"))),
                "CUDA_ERROR_INVALID_IMAGE",
                "'plain'",
                "parameter 3 of 3",
                "broken/plain.cu");
        driver.configure("off=");
        assertTrue(onDevice((device, stream) -> RawDriver.loadModule(
                        device, "plain", text -> text.replace(",\n\t.param .u32 plain_param_2", "")))
                .contains("signature: "));
    }

    @Test
    void javaAsksForAKernelWithOtherParameters() {
        for (String wrong : List.of("pp", "ppii", "ppf", "pil")) {
            try (Device device = Device.open("emulated")) {
                DeviceException e =
                        assertThrows(DeviceException.class, () -> device.kernel("plain", "plain", wrong), wrong);
                assertTrue(e.getMessage().contains("plain") && e.getMessage().contains(wrong), e.getMessage());
            }
        }
    }

    /** What a child process that touches device memory from Java prints; it does not survive. */
    @Test
    void theHostTouchesDeviceMemory() throws IOException, InterruptedException {
        Child touching = new Child("");
        assertNotEquals(0, touching.exit, touching.output);
        assertTrue(touching.output.contains("host_access: the host touched device memory"), touching.output);
        assertTrue(touching.output.contains("byte 4 of 'x'"), touching.output);
        Child allowed = new Child("off=host_access");
        assertEquals(0, allowed.exit, allowed.output);
        assertTrue(allowed.output.contains("read"), allowed.output);
    }

    /** Runs {@link #main} in a JVM of its own. */
    private static final class Child {
        private final String output;
        private final int exit;

        Child(String options) throws IOException, InterruptedException {
            List<String> command = new ArrayList<>(List.of(
                    System.getProperty("java.home") + "/bin/java",
                    "-Xmx64m",
                    "-XX:-CreateCoredumpOnCrash",
                    "-XX:ErrorFile=/dev/null",
                    "-Dvicmae.emulator=" + options,
                    "-cp",
                    System.getProperty("java.class.path"),
                    HostMistakesTest.class.getName()));
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            output = new String(process.getInputStream().readAllBytes());
            exit = process.waitFor();
        }
    }

    /** Reads a tensor's memory without a copy. */
    public static void main(String[] arguments) {
        try (Device device = Device.open("emulated");
                Stream stream = device.newStream();
                Arena arena = new Arena("a")) {
            Tensor x = arena.floats("x", 64);
            arena.allocate(device);
            stream.zero(x);
            stream.synchronize();
            System.out.println("read " + MemoryUtil.memGetFloat(x.address() + 4));
        }
    }

    private static String onDevice(TestKernels.Work work) {
        return TestKernels.failure("emulated:forward", work);
    }
}
