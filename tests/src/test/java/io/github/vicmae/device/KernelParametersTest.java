package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.KernelParameters.Parameter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What a kernel takes against what Java asks for. */
class KernelParametersTest {
    @Test
    void equalSignaturesPass() {
        for (String signature : List.of("", "p", "pilf", "ppppppiif")) {
            KernelParameters parameters = KernelParameters.of(signature);
            assertEquals(signature.length(), parameters.list().size());
            assertDoesNotThrow(() -> parameters.check("k", "k.cu", signature));
        }
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', textBlock = """
            ppif, pppf, "parameter 3 is a 32-bit integer (i), not p."
            ppif, ppll, "parameter 3 is a 32-bit integer (i), not l."
            ppif, ppii, "parameter 4 is a float (f), not i."
            lpif, ppif, "parameter 1 is a 64-bit integer (l), not p."
            ppif, ppi,  "it has 4 parameters, not 3."
            ppi,  ppif, "it has 3 parameters, not 4."
            ppif, pi,   "it has 4 parameters, not 2, and parameter 2 is a pointer (p), not i."
            "",   p,    "it has 0 parameters, not 1."
            p?,   pi,   "parameter 2 is of another type, which no letter stands for, not i."
            """)
    void theFirstDifferenceIsNamed(String taken, String asked, String difference) {
        DeviceException e = assertThrows(
                DeviceException.class, () -> KernelParameters.of(taken).check("scale", "my_kernel.cu", asked));
        assertEquals(
                "scale in my_kernel.cu takes (" + taken + "), but Java asks for (" + asked + "): " + difference
                        + " Change the one that is wrong and build again",
                e.getMessage());
    }

    @Test
    void aTypeCanBeOneOfSeveralLetters() {
        KernelParameters parameters =
                new KernelParameters(List.of(new Parameter(".u64", "pl"), new Parameter(".u64 .ptr", "p")));
        assertDoesNotThrow(() -> parameters.check("k", "k.ptx", "pp"));
        assertDoesNotThrow(() -> parameters.check("k", "k.ptx", "lp"));
        String message = assertThrows(DeviceException.class, () -> parameters.check("k", "k.ptx", "ll"))
                .getMessage();
        assertTrue(message.contains("takes (lp), but Java asks for (ll): parameter 2 is .u64 .ptr (p)"), message);
        message = assertThrows(DeviceException.class, () -> parameters.check("k", "k.ptx", "ip"))
                .getMessage();
        assertTrue(message.contains("takes (pp), but Java asks for (ip): parameter 1 is .u64 (p or l)"), message);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void devicesRefuseAnotherSignature(String name) {
        try (Device device = Device.open(name)) {
            assertNotNull(device.kernel("reduce", "column_sum_finish", "pppiii"));
            for (String wrong : List.of("pppii", "pppiiii", "pppifi", "ppfiii", "pppili", "")) {
                DeviceException e = assertThrows(
                        DeviceException.class, () -> device.kernel("reduce", "column_sum_finish", wrong), wrong);
                assertTrue(
                        e.getMessage().startsWith("column_sum_finish in reduce.")
                                && e.getMessage().contains("takes (pppiii), but Java asks for (" + wrong + ")"),
                        e.getMessage());
            }
            assertEquals(
                    "pppiii",
                    device.kernel("reduce", "column_sum_finish", "pppiii").signature());
        }
    }
}
