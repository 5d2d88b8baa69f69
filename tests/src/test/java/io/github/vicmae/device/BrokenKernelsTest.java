package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.cuda.EmulatedDriver;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** One kernel for each kind of mistake: the emulated driver finds it, under every schedule, names the line, and needs just one check for it. */
@ExtendWith(TestKernels.class)
class BrokenKernelsTest {
    /** tests/kernels/broken, each with the check that finds it and CUDA's error for it. All take (float* y, const float* x, int n). */
    enum Mistake {
        MISSING_BARRIER("race_block", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        MISSING_WARP_BARRIER("race_block", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        PARTIAL_WARP_BARRIER("race_block", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        RACE_ON_HALVES("race_block", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        PLAIN_BESIDE_ATOMICS("race_block", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        ASYNC_COPY_OF_CHANGING_SOURCE("race_block", "CUDA_ERROR_LAUNCH_FAILED", 256, 1),
        UNSYNCHRONISED_ASYNC_COPY("race_block", "CUDA_ERROR_LAUNCH_FAILED", 256, 1),
        RACE_BETWEEN_BLOCKS("race_grid", "CUDA_ERROR_LAUNCH_FAILED", 64, 2),
        EARLY_RETURN("exit", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        DIVERGENT_BARRIER("barrier", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        DIVERGENT_HELPER("barrier", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        WRONG_MASK("mask", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        SHARED_OUT_OF_BOUNDS("shared_bounds", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        OVERFILLED_ASYNC_COPY("shared_bounds", "CUDA_ERROR_LAUNCH_FAILED", 256, 1),
        GLOBAL_OUT_OF_BOUNDS("global_bounds", "CUDA_ERROR_ILLEGAL_ADDRESS", 64, 1),
        MEMCPY_OUT_OF_BOUNDS("global_bounds", "CUDA_ERROR_ILLEGAL_ADDRESS", 64, 1),
        MISALIGNED_VECTOR("misaligned", "CUDA_ERROR_MISALIGNED_ADDRESS", 256, 1),
        UNWRITTEN_SHARED("unwritten", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        UNWRITTEN_GLOBAL("unwritten", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        EARLY_READ_OF_ASYNC_COPY("async_copy", "CUDA_ERROR_LAUNCH_FAILED", 256, 1),
        WAIT_FOR_LATER_BLOCK("timeout", "CUDA_ERROR_LAUNCH_TIMEOUT", 64, 3),
        INTEGER_OVERFLOW("undefined", "CUDA_ERROR_LAUNCH_FAILED", 64, 1),
        LOCAL_OUT_OF_BOUNDS("undefined", "CUDA_ERROR_LAUNCH_FAILED", 64, 1);

        final String check;
        final String error;
        final int size;
        final int blocks;

        Mistake(String check, String error, int size, int blocks) {
            this.check = check;
            this.error = error;
            this.size = size;
            this.blocks = blocks;
        }

        String kernel() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    private final EmulatedDriver driver = Emulation.driver();

    static Stream<Arguments> mistakesAndSchedules() {
        return Arrays.stream(Mistake.values())
                .flatMap(m -> EmulatedDriver.SCHEDULES.stream().map(s -> Arguments.of(m, s)));
    }

    @ParameterizedTest
    @MethodSource("mistakesAndSchedules")
    void isFoundAtItsLine(Mistake mistake, String schedule) {
        String message = run(mistake, "emulated:" + schedule);
        assertFalse(message.isEmpty(), mistake + " was not found");
        assertTrue(message.contains(mistake.error), message);
        assertTrue(message.contains(mistake.check + ": kernel " + mistake.kernel() + " of "), message);
        assertTrue(message.contains("block (") && message.contains("thread ("), message);
        String line = mistake.kernel() + ".cu:" + TestKernels.lineOfTheMistake(mistake.kernel());
        assertTrue(message.contains(line), message + "\nshould name " + line);
    }

    @ParameterizedTest
    @EnumSource(Mistake.class)
    void needsItsCheckAndNoOther(Mistake mistake) {
        Set<String> needed = new TreeSet<>();
        Arrays.stream(Mistake.values()).map(m -> m.check).distinct().forEach(check -> {
            driver.configure("off=" + check);
            String message = run(mistake, "emulated:forward");
            if (!message.contains(mistake.check + ": kernel " + mistake.kernel())) {
                needed.add(check);
            }
        });
        assertEquals(Set.of(mistake.check), needed);
    }

    @Test
    void withoutTheMistakeNothingIsFound() {
        assertEquals("", launch("plain", 64, 2, "emulated:random"));
    }

    @Test
    void everyFileOfTheFolderIsHere() throws IOException {
        Set<String> files = new TreeSet<>();
        try (DirectoryStream<Path> all =
                Files.newDirectoryStream(TestKernels.source("plain").getParent(), "*.cu")) {
            all.forEach(f -> files.add(f.getFileName().toString().replace(".cu", "")));
        }
        Set<String> known = new TreeSet<>(Set.of("plain"));
        Arrays.stream(Mistake.values()).forEach(m -> known.add(m.kernel()));
        assertEquals(known, files);
    }

    @Test
    void theDeviceIsLostAfterwardsAndANewOneIsNot() {
        String again = TestKernels.failure("emulated:forward", (device, stream) -> {
            try (Arena arena = new Arena("a")) {
                Tensor x = arena.floats("x", 64);
                arena.allocate(device);
                stream.begin(device.kernel("unwritten_global", "unwritten_global", "ppi"))
                        .arg(x)
                        .arg(x)
                        .arg(64)
                        .launch(1, 64);
                assertThrows(DeviceException.class, stream::synchronize);
                stream.zero(x);
            }
        });
        assertTrue(again.contains("lost"), again);
        assertEquals("", launch("plain", 64, 1, "emulated:forward"));
    }

    static String run(Mistake mistake, String device) {
        return launch(mistake.kernel(), mistake.size, mistake.blocks, device);
    }

    private static String launch(String kernel, int n, int blocks, String deviceName) {
        return TestKernels.failure(deviceName, (device, stream) -> {
            try (Arena arena = new Arena("test")) {
                Tensor y = arena.floats("y", n);
                Tensor x = arena.floats("x", n);
                arena.allocate(device);
                float[] values = new float[n];
                Arrays.fill(values, 1);
                stream.write(x, values);
                stream.begin(device.kernel(kernel, kernel, "ppi"))
                        .arg(y)
                        .arg(x)
                        .arg(n)
                        .launch(blocks, 64);
                stream.synchronize();
            }
        });
    }
}
