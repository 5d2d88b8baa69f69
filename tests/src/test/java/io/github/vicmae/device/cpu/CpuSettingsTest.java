package io.github.vicmae.device.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DeviceException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What the CPU device's system properties may be. */
class CpuSettingsTest {
    private static void refused(String says, Executable setting) {
        String message = assertThrows(DeviceException.class, setting).getMessage();
        assertTrue(message.contains(says), message);
    }

    @Test
    void kernelsAreThoseThatAreBuiltAndRunHere() {
        assertEquals("x86-64-v3", CpuLibrary.isa("x86-64-v3", "x86-64-v4"));
        assertEquals("x86-64", CpuLibrary.isa("x86-64", "x86-64"));
        refused("this processor has only x86-64-v3", () -> CpuLibrary.isa("x86-64-v4", "x86-64-v3"));
        refused(
                "-Dvicmae.isa=avx2 names no kernels; choose one of x86-64, x86-64-v3",
                () -> CpuLibrary.isa("avx2", "x86-64-v3"));
    }

    @Test
    void threadsAreANumber() {
        assertEquals(6, CpuLibrary.threads(null, 6));
        assertEquals(3, CpuLibrary.threads("3", 6));
        for (String wrong : new String[] {"x", "", "0", "-2", "99999999999"}) {
            refused("-Dvicmae.threads=" + wrong + " is no number of threads", () -> CpuLibrary.threads(wrong, 6));
        }
    }
}
